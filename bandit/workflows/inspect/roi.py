"""`bandit roi`: what contacts added and what came back of their cost, from randomisation only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.days import acting_at
from bandit.core.errors import DataError, UsageError
from bandit.core.problems import nearest
from bandit.core.types import SILENT, Progress
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.record.waves import Wave
from bandit.results.figures import Interval
from bandit.results.roi import Return, RoiResult
from bandit.stats.crowds import Crowds, Gained
from bandit.stats.means import around
from bandit.stats.quantiles import normal_quantile
from bandit.workflows.inspect.contact_gains import MOST_OFFERS, Gain, Gains
from bandit.workflows.inspect.realised import HOLDOUT, Groups, realised
from bandit.workflows.inspect.report_earned import pairs

FEWEST = 30
"""Contacts, and people without one to hold them against, below which nothing is said."""

MATCHED = (0.5, 2.0)
"""Weights over contacts outside of which the people without a contact are others."""

QUANTILE = normal_quantile(0.975)


@steady
def roi(
    campaign_path: Path,
    *,
    waves: Sequence[str] = (),
    margin: float = 1.0,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> RoiResult:
    """Increments, costs and ROI of all waves, or of those named in ``waves``.

    ``margin`` is the share of value that is kept, for campaigns whose value is revenue.
    """
    campaign = campaign_file.load(campaign_path)
    if not 0.0 < margin <= 1.0:
        raise UsageError(f"margin must lie in (0, 1], it is {margin}; 0.4 keeps 40 %")
    every = record.waves(campaign.folder)
    chosen = _chosen(campaign, every, waves)
    gains = Gains(campaign)
    by_wave, notes = realised(
        campaign, chosen, every, acting_at(at, campaign.time_zone), progress, gains.add
    )
    closed = {name: groups for name, groups in by_wave.items() if groups.closed}
    heard = {name: groups for name, groups in by_wave.items() if groups.heard}
    total = _over("campaign", HOLDOUT, _everybody(closed), margin)
    return RoiResult(
        campaign=campaign.name,
        unit=chosen[-1].manifest.unit or campaign.reward.unit,
        margin=margin,
        waves=list(closed),
        total=total,
        by_wave=[
            found
            for name, groups in heard.items()
            if (found := _over(name, HOLDOUT, _everybody({name: groups}), margin)) is not None
        ],
        groups=list(_groups(closed, margin)),
        offers=_told(gains.offers, margin),
        channels=_told(gains.channels, margin),
        notes=[*notes, *gains.notes, *_notes(closed, gains, total)],
    )


def _chosen(campaign: Campaign, every: Sequence[Wave], names: Sequence[str]) -> list[Wave]:
    if not every:
        raise DataError(f"{campaign.folder} has no wave yet; run `bandit serve-batch` first")
    known = [w.name for w in every]
    for name in names:
        if name not in known:
            raise UsageError(f"{campaign.folder} has no wave {name!r}{nearest(name, known)}")
    return [w for w in every if not names or w.name in names]


class _Side:
    """A group, or several together, in one wave."""

    def __init__(self, groups: Groups, names: Sequence[str]) -> None:
        self.net, self.cost = Crowds.none(), Crowds.none()
        for name in names:
            self.net = self.net.merge(groups.realised[name])
            self.cost = self.cost.merge(groups.cost[name])
        self.contacts = sum(groups.contacts[name] for name in names)
        self.attributed = sum(groups.attributed[name] for name in names)
        self.closed = groups.closed


def _everybody(waves: Mapping[str, Groups]) -> Iterator[tuple[_Side, _Side]]:
    """By wave, those who were not held out and those who were."""
    for groups in waves.values():
        others = [name for name in groups.realised if name != HOLDOUT]
        if others and HOLDOUT in groups.realised:
            yield _Side(groups, others), _Side(groups, [HOLDOUT])


def _groups(waves: Mapping[str, Groups], margin: float) -> Iterator[Return]:
    """Each policy over the holdout and over rules, all waves that have both together."""
    found = dict.fromkeys(pair for groups in waves.values() for pair in pairs(groups))
    for name, over in found:
        both = [g for g in waves.values() if (name, over) in pairs(g)]
        sides = ((_Side(g, [name]), _Side(g, [over])) for g in both)
        told = _over(name, over, sides, margin)
        if told is not None:
            yield told


def _over(of: str, over: str, sides: Iterator[tuple[_Side, _Side]], margin: float) -> Return | None:
    """What one side gained over the other, in all waves together; None where no wave has both."""
    net, cost = Gained(), Gained()
    contacts, attributed, closed = 0, 0.0, True
    for one, other in sides:
        if one.net.n and other.net.n:
            net.add(one.net, other.net)
            cost.add(one.cost, other.cost)
            contacts += one.contacts
            attributed += one.attributed
            closed = closed and one.closed
    if not net.people:
        return None
    return _return(
        of, over, net.mixed(cost, 1.0, 1.0), cost, margin, contacts, attributed, closed=closed
    )


def _return(
    of: str,
    over: str,
    value: Gained,
    cost: Gained,
    margin: float,
    contacts: int,
    attributed: float,
    *,
    closed: bool,
    effective: float | None = None,
) -> Return:
    ratio = value.roi(cost, margin, QUANTILE)
    spent = cost.total > 0.0
    return Return(
        of=of,
        over=over,
        people=value.people,
        contacts=contacts,
        attributed=margin * attributed,
        value=_interval(value, margin),
        cost=cost.total,
        net=_interval(value.mixed(cost, margin, -1.0)),
        roi=Interval(*ratio) if spent else None,
        bounded=spent and ratio.bounded,
        effective=effective,
        closed=closed,
    )


def _interval(gained: Gained, share: float = 1.0) -> Interval:
    low, high = around(share * gained.total, share * gained.error)
    return Interval(share * gained.total, low, high)


def _told(gains: Mapping[str, Gain], margin: float) -> list[Return]:
    """The most frequent first."""
    ordered = sorted(gains.items(), key=lambda item: (-item[1].contacts, item[0]))
    return [_gain(name, gain, margin) for name, gain in ordered]


def _gain(name: str, gain: Gain, margin: float) -> Return:
    if min(gain.contacts, gain.effective) < FEWEST or not MATCHED[0] < gain.matched < MATCHED[1]:
        return Return(
            of=name, over="no contact", people=gain.contacts, contacts=gain.contacts,
            attributed=margin * gain.attributed, value=None, cost=gain.spent, net=None, roi=None,
            bounded=False, effective=gain.effective, closed=True,
        )  # fmt: skip
    return _return(
        name, "no contact", gain.value, gain.cost, margin, gain.contacts, gain.attributed,
        closed=True, effective=gain.effective,
    )  # fmt: skip


def _notes(closed: Mapping[str, Groups], gains: Gains, total: Return | None) -> Iterator[str]:
    if not closed:
        yield "no wave's window has closed: nothing is told of all waves, of offers or channels"
    elif total is None:
        yield (
            "nobody was held out, so that no total increment is known; set policy.holdout for the"
            " waves to come"
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
    if any(one.value is None for one in _told(gains.offers, 1.0)):
        yield (
            f"nothing is said of an offer with fewer than {FEWEST} contacts, or where too few"
            " people like those it went to were left in peace: a holdout tells the whole, more"
            " policy.exploration tells offers apart"
        )
