"""What people gained over others, in total over waves, with cost, return and attribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bandit.results.figures import Interval
from bandit.results.roi import Return
from bandit.stats.crowds import Crowds, Gained
from bandit.stats.means import around
from bandit.stats.quantiles import normal_quantile
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.gain import Gain
from bandit.workflows.inspect.realised import HOLDOUT, Groups

FEWEST = 30
"""Contacts, and people without one to hold them against, below which nothing is said."""

FEWEST_REWARDS = 10.0
"""Purchases of both sides, by the weight of each, below which nothing is said (ADR 180)."""

MATCHED = (0.5, 2.0)
"""Weights over contacts outside of which the people without a contact are others."""

QUANTILE = normal_quantile(0.975)


class Side:
    """Some people of one wave: what came of them net, what they cost, and what they bought."""

    def __init__(self) -> None:
        self.net, self.cost = Crowds.none(), Crowds.none()
        self.rewards = Rewards()
        self.contacts, self.attributed = 0, 0.0

    @classmethod
    def of(cls, groups: Groups, names: Sequence[str]) -> Side:
        """Some groups together."""
        found = cls()
        for name in names:
            found.net = found.net.merge(groups.realised[name])
            found.cost = found.cost.merge(groups.cost[name])
            found.rewards = found.rewards.plus(groups.rewards[name])
            found.contacts += groups.contacts[name]
            found.attributed += groups.attributed[name]
        return found


class Against:
    """One side held against another, wave by wave."""

    def __init__(self) -> None:
        self._net, self._cost, self._rewards = Gained(), Gained(), Rewards()
        self._contacts, self._attributed, self._closed = 0, 0.0, True

    def add(self, one: Side, other: Side, *, closed: bool = True) -> None:
        """Add a wave; one that lacks a side says nothing."""
        if one.net.n and other.net.n:
            self._net.add(one.net, other.net)
            self._cost.add(one.cost, other.cost, by_chance=False)
            both = one.rewards.plus(other.rewards, one.net.size / other.net.size)
            self._rewards = self._rewards.plus(both)
            self._contacts += one.contacts
            self._attributed += one.attributed
            self._closed = self._closed and closed

    def told(self, of: str, over: str, margin: float) -> Return | None:
        """What was gained; None where no wave has both."""
        if not self._net.people:
            return None
        value = self._net.mixed(self._cost, 1.0, 1.0)
        if self._rewards.effective < FEWEST_REWARDS:
            return Return(
                of=of, over=over, people=value.people, contacts=self._contacts,
                attributed=margin * self._attributed, value=None, cost=self._cost.total, net=None,
                roi=None, bounded=False, effective=None, closed=self._closed,
            )  # fmt: skip
        return _return(
            of, over, value, self._cost, margin, self._contacts, self._attributed,
            closed=self._closed,
        )  # fmt: skip


def everybody(waves: Mapping[str, Groups]) -> Against:
    """Those who were not held out over those who were."""
    found = Against()
    for groups in waves.values():
        others = [name for name in groups.realised if name != HOLDOUT]
        if others and HOLDOUT in groups.realised:
            held = Side.of(groups, [HOLDOUT])
            found.add(Side.of(groups, others), held, closed=groups.closed)
    return found


def contacts_told(gains: Mapping[str, Gain], margin: float) -> list[Return]:
    """Offers or channels over no contact, the most frequent first."""
    ordered = sorted(gains.items(), key=lambda item: (-item[1].contacts, item[0]))
    return [_gain(name, gain, margin) for name, gain in ordered]


def _gain(name: str, gain: Gain, margin: float) -> Return:
    few = min(gain.contacts, gain.effective) < FEWEST
    rare = gain.rewards.effective < FEWEST_REWARDS
    if few or rare or not MATCHED[0] < gain.matched < MATCHED[1]:
        return Return(
            of=name, over="no contact", people=gain.contacts, contacts=gain.contacts,
            attributed=margin * gain.attributed, value=None, cost=gain.spent, net=None, roi=None,
            bounded=False, effective=gain.effective, closed=True,
        )  # fmt: skip
    return _return(
        name, "no contact", gain.value, gain.cost, margin, gain.contacts, gain.attributed,
        closed=True, effective=gain.effective,
    )  # fmt: skip


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
