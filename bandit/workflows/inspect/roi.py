"""`bandit roi`: what contacts added and what came back of their cost, from randomisation only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bandit.config import campaign_file
from bandit.core.days import acting_at
from bandit.core.errors import UsageError
from bandit.core.types import SILENT, Progress
from bandit.record import waves as record
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions
from bandit.record.steady import steady
from bandit.results.roi import Return, RoiResult
from bandit.workflows.inspect import own_waves
from bandit.workflows.inspect.against import (
    FEWEST,
    FEWEST_REWARDS,
    Against,
    Side,
    contacts_told,
    everybody,
)
from bandit.workflows.inspect.budget import Budgets
from bandit.workflows.inspect.contact_gains import MOST_OFFERS, Gains
from bandit.workflows.inspect.realised import HOLDOUT, Groups, realised
from bandit.workflows.inspect.report_earned import pairs
from bandit.workflows.inspect.segment_gains import Segments


@steady
def roi(
    campaign_path: Path,
    *,
    waves: Sequence[str] = (),
    by: str | None = None,
    margin: float = 1.0,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> RoiResult:
    """Increments, costs and ROI of all waves, or of those named in ``waves``.

    ``by`` is a column of the features, whose values are segments; ``margin`` the share of value
    that is kept, for campaigns whose value is revenue.
    """
    campaign = campaign_file.load(campaign_path)
    if not 0.0 < margin <= 1.0:
        raise UsageError(f"margin must lie in (0, 1], it is {margin}; 0.4 keeps 40 %")
    every = record.waves(campaign.folder)
    chosen = own_waves.own(campaign, every)
    if waves:
        named = [own_waves.named(campaign, every, name) for name in waves]
        chosen = [wave for wave in chosen if wave in named]
    gains, budgets = Gains(campaign), Budgets(campaign, every[0].name)
    segments = None if by is None else Segments(chosen, by)

    def each(decisions: Decisions, came: Attributed) -> None:
        gains.add(decisions, came)
        budgets.add(decisions, came)
        if segments is not None:
            segments.add(decisions, came)

    by_wave, notes = realised(
        campaign, chosen, every, acting_at(at, campaign.time_zone), progress, each
    )
    closed = {name: groups for name, groups in by_wave.items() if groups.closed}
    heard = {name: groups for name, groups in by_wave.items() if groups.heard}
    total = everybody(closed).told("campaign", HOLDOUT, margin)
    return RoiResult(
        campaign=campaign.name,
        unit=chosen[-1].manifest.unit or campaign.reward.unit,
        margin=margin,
        waves=list(closed),
        total=total,
        by_wave=[
            found
            for name, groups in heard.items()
            if (found := everybody({name: groups}).told(name, HOLDOUT, margin)) is not None
        ],
        groups=list(_groups(closed, margin)),
        segments=[] if segments is None else segments.told(margin),
        offers=contacts_told(gains.offers, margin),
        channels=contacts_told(gains.channels, margin),
        budget=budgets.told(margin),
        notes=[*notes, *gains.notes, *budgets.notes, *_notes(closed, gains, total)],
    )


def _groups(waves: Mapping[str, Groups], margin: float) -> Iterator[Return]:
    """Each policy over the holdout and over rules, all waves that have both together."""
    for name, over in dict.fromkeys(pair for groups in waves.values() for pair in pairs(groups)):
        against = Against()
        for groups in waves.values():
            if (name, over) in pairs(groups):
                against.add(Side.of(groups, [name]), Side.of(groups, [over]))
        told = against.told(name, over, margin)
        if told is not None:
            yield told


def _notes(closed: Mapping[str, Groups], gains: Gains, total: Return | None) -> Iterator[str]:
    if not closed:
        yield "no wave's window has closed: nothing is told of all waves, of offers or channels"
    elif total is None:
        yield (
            "nobody was held out, so that no total increment is known; set policy.holdout for the"
            " waves to come"
        )
    elif total.value is None:
        yield (
            f"fewer than {FEWEST_REWARDS:g} purchases, each by its weight, speak for what contacts"
            " added: nothing is said of it"
        )
    if gains.offers:
        yield (
            "offers need not add up to the whole: each is held against no contact, for the people"
            " who got it, and by its own weights"
        )
    if gains.further:
        yield (
            f"offers and channels are those of each customer's first outbound contact;"
            f" {gains.further:,} further contacts and shown offers are in the totals alone"
        )
    if len(gains.offers) >= MOST_OFFERS:
        yield f"of each wave the {MOST_OFFERS} offers with the most contacts are judged"
    if any(one.value is None for one in contacts_told(gains.offers, 1.0)):
        yield (
            f"nothing is said of an offer with fewer than {FEWEST} contacts or"
            f" {FEWEST_REWARDS:g} purchases, or where too few people like those it went to were"
            " left in peace: a holdout tells the whole, more policy.exploration tells offers apart"
        )
