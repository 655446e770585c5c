"""Silence teaches zeros: whether it is what happened, or what nobody delivered."""

from __future__ import annotations

from collections.abc import Sequence

from bandit.core.errors import DataError
from bandit.record.heard import Occurred
from bandit.record.snapshots import Snapshot
from bandit.record.waves import LOGGED
from bandit.workflows.learn.statistics import Statistics

_FEW = 0.03
"""A share of events outside all windows that needs no word."""


def silent(learned: Sequence[Statistics]) -> list[Statistics]:
    """The waves with decisions and without one event in their window; a log says its own zeros."""
    return [s for s in learned if s.decisions and not s.events and s.wave.manifest.kind != LOGGED]


def told(
    learned: Sequence[Statistics],
    parent: Snapshot | None,
    known: Occurred,
    unnamed: Sequence[str],
    *,
    no_events: bool,
) -> list[str]:
    """Sentences on waves that teach nothing but zeros, and on events that teach nothing.

    DataError where not one wave has an event in its window, unless ``no_events`` says that this is
    what happened: then it is far likelier that the outcomes were forgotten. What the snapshot
    ``parent`` has learned already is not asked again. ``unnamed`` are sentences on kinds of events
    without a worth: the error says them too, since a kind that was renamed is such a silence.
    """
    taught = set(parent.manifest.fold.waves) if parent and parent.manifest.fold else set()
    names = [s.wave.name for s in silent(learned) if (s.wave.name, s.key) not in taught]
    heard = any(s.events for s in learned if s.wave.manifest.kind != LOGGED)
    if names and not heard and not no_events:
        raise DataError("\n".join([_refusal(names, known), *unnamed]))
    notes = []
    if names:
        notes.append(
            "no event fell into the window of these waves, so all their decisions teach zero:"
            f" {', '.join(names)}; deliver what is missing with --outcomes FILE"
        )
    if known.outside > _FEW * known.events:
        notes.append(
            f"{known.outside:,} of {known.events:,} events delivered"
            f" ({known.outside / known.events:.0%}) fell into no wave's window and count for"
            " nothing; look at occurred_at and at reward.window_days if that is not meant"
        )
    return notes


def _refusal(names: Sequence[str], known: Occurred) -> str:
    delivered = "none was ever delivered"
    if known.events:
        delivered = (
            f"of {known.events:,} delivered, from {known.first} to {known.last}, none lies there"
        )
    return (
        f"no event fell into the window of any closed wave ({', '.join(names)}): {delivered};"
        " learned so, all their decisions would teach zero; give the outcomes with --outcomes"
        " FILE, or say with --no-events that nothing happened; nothing was learned"
    )
