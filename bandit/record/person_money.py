"""What a person's events were worth, each by the wave that it belongs to.

The rule is `attribution.attribute`'s, for one person and without the rest of the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bandit.core.days import Window
from bandit.core.folding import fold
from bandit.record.waves import Wave


class Lived(NamedTuple):
    """A decision about the person: a ``row`` of the record, in stored order."""

    wave: Wave
    row: Mapping[str, Any]
    withheld: bool


def money(event: Mapping[str, Any], lived: Sequence[Lived], window: Window) -> float | None:
    """What an event of the record was worth in money, 0 outside all windows.

    None where its wave says nothing of kinds: there it is value times what the event says.
    ``lived`` are all decisions about the person, wave by wave in the order of time.
    """
    mine = _claimed(event, lived, window)
    if mine is None:
        return 0.0 if any(one.wave.worths for one in lived) else None
    if (worths := mine.wave.worths) is None:
        return None
    if not mine.wave.at <= event["occurred_at"] < mine.wave.end(window):
        return 0.0
    kind, action = fold(event["event"]), 0 if mine.withheld else int(mine.row["action"])
    place = np.array([worths.kinds.index(kind) if kind in worths.kinds else -1])
    count = worths.of(place, np.array([float(event["reward"])]), np.array([action]))
    return float(count[0]) * (float(mine.row["value"]) if action else 1.0)


def _claimed(event: Mapping[str, Any], lived: Sequence[Lived], window: Window) -> Lived | None:
    """The decision that the event names, else the first slot of the latest wave before it."""
    if event["decision_id"] is not None:
        named = [one for one in lived if one.row["decision_id"] == event["decision_id"]]
        return named[0] if named else None
    at = event["occurred_at"]
    made = [one for one in lived if one.row["decided_at"] <= at < one.wave.end(window)]
    if not made:
        return None
    wave = made[-1].wave
    theirs = [one for one in made if one.wave.name == wave.name]
    if wave.manifest.live:
        return theirs[0]
    first = wave.manifest.placements[0]
    slots = [r for r in theirs if r.row["slot"] == 1 and r.row["placement"] == first]
    return slots[0] if slots else None
