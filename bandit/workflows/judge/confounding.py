"""Whether a causal claim may come out of a log at all, asked before any candidate is judged."""

from __future__ import annotations

from bandit.config.campaign import Campaign
from bandit.ope.balance import CONFOUNDED, balance, explained
from bandit.workflows.judge.logged import Logged

NO_PROPENSITIES = "the log has no propensities, so no causal claim can be made"


def why_not(logged: Logged, campaign: Campaign) -> str | None:
    """The reason why no candidate may ship, None where the log looks randomised as it says.

    Own waves without an exploration floor are not asked: an action that the policy would hardly
    ever take for some customers is missing among them by design, as their propensities say.
    """
    log = logged.log
    if not log.causal:
        return NO_PROPENSITIES
    if logged.waves is not None and campaign.policy.exploration == 0.0:
        return None
    found = balance(log, campaign.seed)
    if found.p >= CONFOUNDED:
        return None
    return explained(found, logged.catalogue.names, logged.spec.names)
