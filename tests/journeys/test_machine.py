"""Any sequence of commands: what is printed is what the files say, and nobody is contacted wrongly.

The long run: `python -m tests.journeys --seeds 100 --steps 20`.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.journeys.machine import Campaign

SHARE = settings(
    max_examples=4,
    stateful_step_count=14,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

TestCampaign = Campaign.TestCase
TestCampaign.settings = SHARE
