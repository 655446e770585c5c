"""Why a person got what they got, in a sentence."""

from __future__ import annotations

import pytest

from bandit.core.actions import ActionSpace
from bandit.record import why

ACTIONS = ActionSpace.of_pairs([("loyalty", "email")])


@pytest.mark.parametrize(
    ("live", "said"),
    [
        (False, "consent was gone when it was to go out)"),
        (True, "consent was gone when it was to go out or nobody showed it)"),
    ],
)
def test_of_a_withheld_contact_only_what_can_have_been_the_cause_is_named(
    live: bool, said: str
) -> None:
    row = {
        "action": 1,
        "group": "lints",
        "snapshot": 3,
        "propensity": 0.25,
        "eligible_count": 2,
        "expected_value": 1.5,
        "price_paid": 0.0,
        "withheld": True,
    }
    sentence = why.sentence(row, ACTIONS, "EUR", live=live)
    assert f"loyalty/email (withheld, so never made: {said}" in sentence
