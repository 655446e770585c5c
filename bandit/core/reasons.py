"""Why a customer was left in peace, in the words that summary, explain, export and report use."""

from __future__ import annotations

STAGES = ("offer not running", "offer rule", "no consent", "contact pressure")
"""The rules in the order in which they are asked: the first that leaves nothing is the reason."""

HELD_OUT = "held out"
EXPLORED = "exploration drew no contact"
NO_ROOM = "no room (lot)"
PRICED_OUT = "worth less than the price of scarce room"
NOT_WORTH = "no offer is worth a contact"
DRAWN = "the policy's draw fell on no contact"
NOTHING = "nothing that may be offered here"

REASONS = (*STAGES, HELD_OUT, EXPLORED, NO_ROOM, PRICED_OUT, NOT_WORTH, DRAWN, NOTHING)
"""All of them; `Taken.reason` counts by this order. What they mean stands in docs/money.md."""
