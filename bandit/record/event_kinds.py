"""Kinds of delivered events against [reward.events]: what has no worth is told, never dropped.

An event of a kind without a worth is stored and counts for nothing: it may be a refusal, which
holds whatever it is worth.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bandit.config.campaign import Campaign
from bandit.config.reward import AMOUNT
from bandit.core.errors import ConfigError, DataError
from bandit.core.folding import fold, folded
from bandit.core.problems import nearest, shown
from bandit.core.wording import counted
from bandit.sources.database import Database

_SHOWN = 5
"""Kinds without a worth that are named; of the others only how many."""
UNNAMED = "outcome"
"""The kind of an event without one."""


def hold_columns(campaign: Campaign, database: Database) -> None:
    """ConfigError where the source lacks a column that [reward.events] asks for."""
    worths = campaign.reward.kinds
    names, table = campaign.outcomes, database.table("outcomes")
    if worths and names.event not in table.columns and UNNAMED not in worths:
        raise ConfigError(
            f"{table.shown}: no column {names.event!r} says what happened, and [reward.events] has"
            f" no worth for {UNNAMED!r}, the kind of events without one; name yours in [outcomes]"
            f" event{nearest(names.event, table.columns)}"
        )
    asked = [kind for kind, worth in worths.items() if worth == AMOUNT]
    if asked and names.reward not in table.columns:
        raise ConfigError(
            f"{table.shown}: no column {names.reward!r} says how much, and reward.events.{asked[0]}"
            f" = {AMOUNT!r} asks for it; name yours in [outcomes] reward"
            f"{nearest(names.reward, table.columns)}"
        )


def hold_known(campaign: Campaign, database: Database) -> None:
    """DataError if not one event of the table ``checked`` is of a kind that anybody named."""
    if not campaign.reward.events:
        return
    known = {*campaign.reward.kinds, *map(fold, campaign.pressure.refusal_events)}
    found = _kinds(database)
    if found and not known & found.keys():
        table = database.table("outcomes")
        there = ", ".join(shown(example) for example, _ in list(found.values())[:_SHOWN])
        raise DataError(
            f"{table.shown}: column {campaign.outcomes.event!r} has the kinds {there}, and none of"
            f" them a worth in [reward.events] ({', '.join(map(repr, campaign.reward.events))});"
            " name them there as they are delivered; nothing was stored"
        )


def notes(campaign: Campaign, database: Database) -> Iterator[str]:
    """Sentences about events that are worth nothing, or not what they say themselves."""
    worths, table = campaign.reward.kinds, database.table("outcomes")
    if not worths:
        return
    refusals = set(map(fold, campaign.pressure.refusal_events))
    unnamed = {kind: told for kind, told in _kinds(database).items() if kind not in worths}
    for kind, (example, count) in list(unnamed.items())[:_SHOWN]:
        close = difflib.get_close_matches(kind, list(worths), n=1, cutoff=0.7)
        meant = f"; if they mean {close[0]!r}, write them so" if close else ""
        held = ", and hold as refusals" if kind in refusals else ""
        yield (
            f"{table.shown}: {_events(count, example, 'has', 'have')} no worth in [reward.events]:"
            f" stored, but counting for nothing{held}{meant}"
        )
    if len(unnamed) > _SHOWN:
        more = counted(len(unnamed) - _SHOWN, "kind")
        yield f"{table.shown}: so it is with {more} of events more"
    amounts = [kind for kind, worth in worths.items() if worth == AMOUNT]
    for kind, example, count in database.rows(
        f"SELECT {folded('event')} AS kind, min(event), count(*) FROM checked WHERE fault IS NULL"
        " AND reward NOT IN (0, 1) GROUP BY kind ORDER BY kind LIMIT 1000"
    ):
        if kind in worths and kind not in amounts:
            yield (
                f"{table.shown}: {_events(count, example, 'says', 'say')} a reward that"
                f" counts for nothing: each is worth reward.events.{example} ="
                f" {worths[kind]!r}; write {AMOUNT!r} there if the money is what they say"
            )


def _kinds(database: Database) -> dict[str, tuple[str, int]]:
    """Kinds of what is right in ``checked``, as they are compared: an example, and how many."""
    found = database.rows(
        f"SELECT {folded('event')} AS kind, min(event), count(*) FROM checked WHERE fault IS NULL"
        " GROUP BY kind ORDER BY count(*) DESC, kind LIMIT 1000"
    )
    return {str(kind): (str(example), int(count)) for kind, example, count in found}


def _events(count: int, example: object, one: str, several: str) -> str:
    """So many events of a kind, and what they do."""
    return counted(count, f"event {shown(example)} {one}", f"events {shown(example)} {several}")
