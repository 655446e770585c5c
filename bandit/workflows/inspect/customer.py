"""`bandit customer`: what was done to one person and why, what came, what may be offered now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandit.config import campaign_file
from bandit.core.days import acting_at, shown_day
from bandit.core.errors import BanditError, DataError
from bandit.core.types import SILENT, Progress
from bandit.core.wording import counted
from bandit.record import forgotten, streams
from bandit.record import waves as record
from bandit.record.person import People, spelled_keys
from bandit.record.steady import steady
from bandit.results.customer import (
    ALL,
    EVERY_OFFER,
    CustomerPage,
    HeardKind,
    Limit,
    Moment,
    Open,
)
from bandit.sources import persons
from bandit.workflows.inspect import opened

if TYPE_CHECKING:
    from bandit.config.campaign import Campaign
    from bandit.record.waves import Wave
    from bandit.workflows.inspect.timeline import Past
    from bandit.workflows.inspect.today import Today


@steady
def customer(
    campaign_path: Path,
    *,
    customer: str,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> CustomerPage:
    """Gather what the record holds of a person, and what today's data say; neither is changed.

    What may be offered now is asked at ``at``, with the newest snapshot and the newest wave's
    prices. DataError if neither the record nor the customers' source knows the key.
    """
    campaign = campaign_file.load(campaign_path)
    now = acting_at(at, campaign.time_zone)
    progress.step("looking into the record")
    waves = record.waves(campaign.folder)
    customer = _as_in_the_record(campaign, customer)
    keys = persons.ids(campaign, [customer]).keys
    if (gone := forgotten.when(campaign.folder, keys)) is not None:
        (customer,) = spelled_keys((customer,))
        keys = persons.ids(campaign, [customer]).keys
    if gone is not None and _nothing_since(campaign, waves, keys):
        return _only_forgotten(campaign, customer, now, gone)
    person = persons.present(campaign, customer, now)
    with opened.aside(campaign, waves, person, now) as sources:
        # Loaded while DuckDB looks for the person's events, which leaves the interpreter free.
        from bandit.workflows.inspect import timeline, today  # noqa: PLC0415

        past = timeline.of(campaign, waves, keys)
        progress.step("asking today's data")
        try:
            found, missing = today.of(sources.result(), person, now), None
        except BanditError as e:
            found, missing = None, str(e).splitlines()[0]
    if found is None and not past.moments:
        raise DataError(
            "; ".join(
                [
                    f"{missing}; nor does the record of {campaign.folder} hold anything of them",
                    *forgotten.unread(campaign.folder),
                ]
            )
        )
    known = found or today.NOTHING
    unit = campaign.reward.unit
    return CustomerPage(
        customer=customer,
        campaign=campaign.name,
        unit=unit,
        at=now.isoformat(),
        words=[*_since(gone, past), *_words(past, found, unit, campaign.time_zone)],
        consents=known.consents,
        prefers=known.prefers,
        open=known.open,
        peace=known.peace,
        shut=known.shut,
        timeline=sorted([*past.moments, *known.elsewhere], key=lambda m: m.at, reverse=True),
        traits=known.traits,
        segments=known.segments,
        groups=past.groups,
        limits=known.limits,
        contacts_left=known.contacts_left,
        outcomes=_kinds(past.moments),
        said=known.said,
        forgotten=gone,
        time_zone=campaign.time_zone,
        notes=[
            *_same(keys),
            *past.notes,
            *known.notes,
            *([] if missing is None else [missing]),
            *forgotten.unread(campaign.folder),
            *_waiting(campaign),
        ],
    )


def _nothing_since(campaign: Campaign, waves: Sequence[Wave], keys: Sequence[str]) -> bool:
    from bandit.workflows.inspect import timeline  # noqa: PLC0415 - as above

    return not timeline.of(campaign, waves, keys).moments


def _only_forgotten(campaign: Campaign, customer: str, now: dt.datetime, day: str) -> CustomerPage:
    """The page of somebody of whom the record has nothing, and today's data are not asked."""
    return CustomerPage(
        customer=customer, campaign=campaign.name, unit=campaign.reward.unit, at=now.isoformat(),
        words=[f"forgotten on {day}: the record holds nothing of them"], notes=_waiting(campaign),
        consents={}, prefers=[], open=[], peace=None, shut={}, timeline=[], traits=[], segments=[],
        groups={}, forgotten=day, time_zone=campaign.time_zone,
    )  # fmt: skip


def _since(day: str | None, past: Past) -> list[str]:
    """A sentence where something came of somebody after they were forgotten."""
    if past.groups:
        return forgotten.before(day, forgotten.AGAIN)
    return forgotten.before(
        day, "no wave decided for them since, but what was delivered since names them again"
    )


def _as_in_the_record(campaign: Campaign, key: str) -> str:
    """A key as the record writes it, if keys are whole numbers: blanks and zeros tell no other."""
    numbers = People((key,)).numbers
    if not numbers or key == str(numbers[0]):
        return key
    from bandit.record import erase  # noqa: PLC0415 - few keys are written so

    return str(numbers[0]) if erase.people(campaign.folder, (key,)).whole else key


def _kinds(moments: Sequence[Moment]) -> list[HeardKind]:
    """Outcomes by kind: what was worth most first, then the most frequent."""
    found: dict[str, list[Moment]] = {}
    for moment in moments:
        if moment.kind == "outcome":
            found.setdefault(moment.what, []).append(moment)
    kinds = [
        HeardKind(event, len(came), sum(m.reward or 0.0 for m in came), came[-1].at)
        for event, came in found.items()
    ]
    return sorted(kinds, key=lambda k: (-k.reward, -k.count, k.event))


def _same(keys: Sequence[str]) -> list[str]:
    """A sentence on the other keys of the person."""
    if len(keys) < 2:
        return []
    return [f"by [identity] the same person is, or was, {', '.join(keys[1:])}"]


def _waiting(campaign: Campaign) -> list[str]:
    """A sentence where live decisions are in no wave: a wave makes waves of them first."""
    if not streams.waiting(campaign.folder):
        return []
    return [
        "live decisions that are no wave yet are not among these, nor do they count as contacts"
        " here: run `bandit seal`, and then this again"
    ]


def _words(past: Past, now: Today | None, unit: str, zone: str) -> list[str]:
    """The most important things, one a line."""
    contacts = [m for m in past.moments if m.kind == "contact"]
    refusals = [m for m in past.moments if m.kind == "refusal"]
    words = []
    if refusals:
        last = refusals[-1]
        times = (
            f"{counted(len(refusals), 'time')} since {shown_day(refusals[0].at, zone)}; the last: "
        )
        times = times if len(refusals) > 1 else ""
        said = "" if last.source is None else f" ({last.source})"
        day = shown_day(last.at, zone)
        words.append(f"refused: {times}{last.what}, {day}, {last.why}{said}")
    words.append(
        f"contacts: {len(contacts):,} in {counted(len(past.groups), 'wave')}{_last(contacts, zone)}"
    )
    if kinds := _kinds(past.moments):
        words.append(f"outcomes: {'; '.join(_kind(k, unit, zone) for k in kinds)}")
    if past.groups and set(past.groups.values()) == {"holdout"}:
        words.append("held out at random: left in peace, to measure what contacts add")
    if now is not None:
        if now.segments:
            words.append(f"segments, the first by priority first: {', '.join(now.segments)}")
        words += _left(now.limits, now.contacts_left)
        words.append(_offers(now.open, now.peace, unit, sum(map(len, now.shut.values()))))
    return words


def _kind(kind: HeardKind, unit: str, zone: str) -> str:
    worth = f" worth {kind.reward:,.2f} {unit}" if kind.reward else ""
    last = "" if kind.count == 1 else "the last "
    return f"{kind.count:,} {kind.event}{worth} ({last}{shown_day(kind.last, zone)})"


def _left(limits: Sequence[Limit], left: int | None) -> list[str]:
    """How many contacts there may still be, or until when there may be none."""
    if left is None or not limits:
        return []
    closed = [one for one in limits if one.until is not None]
    everything = [one for one in closed if one.of in {ALL, EVERY_OFFER}]
    if everything:
        last = max(everything, key=lambda one: str(one.until))
        return [f"no contact before {last.until}: {_used(last)}"]
    said = f"contacts left today: {left:,}"
    return [said + "".join(f"; {one.of} closed until {one.until}" for one in closed)]


def _used(one: Limit) -> str:
    return f"{one.rule}, {one.used:,} of {one.limit:,} in {counted(one.days, 'day')}"


def _last(moments: Sequence[Moment], zone: str) -> str:
    if not moments:
        return ""
    return f"; the last: {moments[-1].what}, {shown_day(moments[-1].at, zone)}"


def _offers(offers: Sequence[Open], peace: float | None, unit: str, shut: int) -> str:
    """What may be offered, and whether any is worth more than being left in peace."""
    if not offers:
        return f"nothing may be offered now: the rules take out all {shut:,} offers and channels"
    may = counted(len(offers), "offer")
    better = [o for o in offers if peace is None or o.worth > peace]
    if not better:
        return f"{may} may be made now, none is expected to be worth a contact"
    best = better[0]
    return (
        f"{may} may be made now, {counted(len(better), 'is', 'are')}"
        f" expected to be worth a contact; the best: {best.offer} by {best.channel},"
        f" {best.worth - (peace or 0.0):+.2f} {unit} over none"
    )
