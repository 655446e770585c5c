"""A decision of the record in a sentence: who chose what, at which price, and what the lot did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bandit.core.actions import ActionSpace
from bandit.core.reasons import NO_ROOM, STAGES


def name_of(actions: ActionSpace, action: int) -> str | None:
    """Offer and channel of an action, None for no contact."""
    return None if action == 0 else actions[action]


def planned_of(row: Mapping[str, Any]) -> int:
    """What was drawn before the lots; the action itself in waves that do not say."""
    planned = row.get("planned_action")
    return int(row["action"] if planned is None else planned)


def reason_of(row: Mapping[str, Any]) -> str | None:
    """Why there is no contact, by the record; what waves of before leave open stays None."""
    given = row.get("reason")
    if given is not None:
        return str(given)
    if row["action"]:
        return None
    if row["group"] == "holdout":
        return "held out"
    return NO_ROOM if planned_of(row) else None


def sentence(row: Mapping[str, Any], actions: ActionSpace, unit: str, *, live: bool) -> str:
    """Why a person got what they got; ``row`` is a decision by its columns, and ``withheld``.

    ``live``: of a sealed stream, where a contact may also have been decided and never shown.
    """
    chance = f"with probability {row['propensity']:.4g}"
    among = f"among {row['eligible_count']} that could be taken"
    reason = reason_of(row)
    if row["group"] == "holdout":
        return "left in peace: held out at random, to measure what contacts add"
    if reason in STAGES:
        return f"no contact: the rules left nothing that could be taken (the last was: {reason})"
    planned = name_of(actions, planned_of(row))
    chosen = f"no contact: {reason}" if reason else planned or "no contact"
    if row.get("withheld"):
        unshown = " or nobody showed it" if live else ""
        chosen += f" (withheld, so never made: consent was gone when it was to go out{unshown})"
    match row["group"]:
        case "logged":
            return f"{chosen}: taken in from a log, {chance}"
        case "exploration":
            who = "drawn at random" if reason != NO_ROOM else f"{planned} was drawn at random"
            return f"{chosen}: {who} {among}, {chance}, to learn what works{_lot(row, reason)}"
    who = f"the policy {row['group']!r} of snapshot {row['snapshot']}"
    if reason == NO_ROOM:
        return f"{chosen}: {who} chose {planned} {among}{_lot(row, reason)}, {chance}"
    return f"{chosen}: chosen by {who} {among}, {chance}{_worth(row, unit)}{_lot(row, reason)}"


def _worth(row: Mapping[str, Any], unit: str) -> str:
    """Expected value, cost and price of a contact."""
    if not row["action"]:
        return ""
    peace = row.get("expected_no_contact")
    text = f"; expected value {row['expected_value'] - (peace or 0.0):.4g} {unit}"
    text += "" if peace is None else " over no contact"
    if row.get("cost") is not None:
        text += f", its cost of {row['cost']:.4g} taken off"
    return f"{text}; price of scarce room {row['price_paid']:.4g}"


def _lot(row: Mapping[str, Any], reason: str | None) -> str:
    """What the lots at a cap did."""
    keep = row.get("keep_probability")
    if keep is None or (keep >= 1.0 and reason != NO_ROOM):
        return ""
    fate = "given up" if reason == NO_ROOM else "kept"
    return f"; the lots at a cap left {keep:.1%} of such contacts, and this one was {fate}"
