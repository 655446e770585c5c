"""What the contacts by an offer or on a channel added, by the probabilities that drew them.

Of the customers who are in no holdout and no experiment, each got a contact of the set S with
probability π(S), and none with π(0), given what was known of them. Those who got none stand, each
with the odds w = π(S) / π(0), for those who got one: what the same people bring without it. In a
wave

    gained = Σ_S x - N Σ_0 w x / Σ_0 w,        x = value · reward - q̂(no contact),

N being the contacts by S. q̂ is what the wave itself expected of no contact, learned before it: a
poor one widens the interval and biases nothing. Hájek's weights; the propensities are the record's,
the numerators are derived again from what the wave was decided with. docs/adr/0090.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.core.types import NO_CONTACT, Array, Bool, Float64
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.stats.crowds import crowd_of
from bandit.workflows.inspect import as_served
from bandit.workflows.inspect.gain import Bought, Gain, Reached
from bandit.workflows.inspect.realised import HOLDOUT, keys_of, units_of
from bandit.workflows.serve.wave import Wave

MOST_OFFERS = 25
"""Offers that are judged, those with the most contacts."""

CELLS = 4_000_000
"""Probabilities made at a time: 32 MB."""

OFF = 0.01
"""Mean difference of a probability derived again beyond which it is told."""

_FIRST = ("action", "value", "planned_action", "keep_probability", "group")
_SECOND = (
    "action", "group", "value", "cost", "propensity", "eligible", "features",
    "expected_no_contact", "customer_id", "price_epoch",
)  # fmt: skip


class Kept(NamedTuple):
    """Of a wave by action, each [k]: first contacts, lots' keep probability, recorded value.

    ``further``: contacts and shown offers that are not a customer's first contact.
    """

    contacts: Array
    keep: Float64
    value: Float64
    further: int


class Gains:
    """Every offer and channel over the waves that are shown to `add`."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self.offers: dict[str, Gain] = {}
        self.channels: dict[str, Gain] = {}
        self.further = 0
        self.notes: list[str] = []

    def add(self, decisions: Decisions, came: Attributed) -> None:
        """Add a closed wave; one that was decided elsewhere has no policy to ask."""
        about = decisions.wave.manifest
        if about.kind != "wave" or about.policy is None:
            self.notes.append(
                f"wave {decisions.wave.name} tells no policy: its offers are left out"
            )
            return
        served = as_served.wave(self._campaign, decisions)
        if not served.plan.placements or not served.plan.placements[0].outbound:
            return
        kept = first_contacts(decisions)
        self.further += kept.further
        targets = _targets(served, kept)
        if not targets:
            return
        member = np.stack([of for _, _, of in targets], axis=1)
        found = [Reached() for _ in targets]
        gains = [self._gain(kind, name) for kind, name, _ in targets]
        off = _Off()
        for rows in decisions.rows(*_SECOND):
            _contacts(rows, came, member, found)
            for w, some, crowd in _quiet(rows, came, served, kept, member, off):
                for j, one in enumerate(found):
                    one.left(crowd, w[:, j], some)
        for one, gain in zip(found, gains, strict=True):
            gain.add(one)
        self._tell(decisions.wave.name, about.policy.regroup, off)

    def _gain(self, kind: str, name: str) -> Gain:
        of = self.offers if kind == "offer" else self.channels
        return of.setdefault(name, Gain())

    def _tell(self, wave: str, regroup: str, off: _Off) -> None:
        if off.mean > OFF:
            self.notes.append(
                f"wave {wave}: derived again with its recorded values, probabilities differ by"
                f" {off.mean:.3f} on average (a value that hangs on the customer?): what its"
                " offers added is rough"
            )
        if regroup == "never":
            self.notes.append(
                f"wave {wave} was served with groups that stay: what contact pressure allows tells"
                " the group, and what offers added may be off (docs/adr/0057)"
            )


def first_contacts(decisions: Decisions) -> Kept:
    """Count first contacts, and read what lots left of each action."""
    k, further = len(decisions.wave.actions), 0
    contacts, keep, value = np.zeros(k, np.int64), np.ones(k), np.zeros(k)
    apart = decisions.wave.manifest.arm_prices
    for rows in decisions.rows(*_FIRST):
        made = (rows.action > 0) & ~rows.withheld
        contacts += np.bincount(rows.action[made & rows.first], minlength=k)
        further += int((made & ~rows.first).sum())
        value[rows.action] = rows.terms.value
        if "keep_probability" in rows.batch.schema.names:
            # Arms with limits of their own have lots of their own.
            lots = rows.first & _drawn(rows) if apart else rows.first
            planned = rows.numbers("planned_action")[lots].astype(np.int64)
            keep[planned] = rows.numbers("keep_probability")[lots]
    keep[NO_CONTACT] = 1.0
    return Kept(contacts, keep, value, further)


class _Off:
    """How far probabilities of no contact derived again are from those recorded."""

    def __init__(self) -> None:
        self._total, self._count = 0.0, 0

    def add(self, found: Float64, recorded: Float64) -> None:
        self._total += float(np.abs(found - recorded).sum())
        self._count += len(found)

    @property
    def mean(self) -> float:
        return self._total / max(self._count, 1)


def _targets(served: Wave, kept: Kept) -> list[tuple[str, str, Bool]]:
    """Offers, those with the most contacts, and channels, each with its actions bool[k]."""
    pairs = [("", ""), *served.plan.space.pairs]
    outbound = served.plan.placements[0].actions
    found = []
    for kind, place, most in (("offer", 0, MOST_OFFERS), ("channel", 1, None)):
        names = dict.fromkeys(p[place] for p, on in zip(pairs[1:], outbound[1:], strict=True) if on)
        of = {n: outbound & np.array([p[place] == n for p in pairs]) for n in names}
        counted = sorted(of, key=lambda n: (-int(kept.contacts[of[n]].sum()), n))
        found += [(kind, n, of[n]) for n in counted[:most] if kept.contacts[of[n]].any()]
    return found


def _contacts(rows: Rows, came: Attributed, member: Bool, found: list[Reached]) -> None:
    """Add first contacts; one that was withheld was drawn, and not made: it cost nothing."""
    on = rows.first & (rows.action > 0) & _drawn(rows)
    at = np.flatnonzero(on)
    cost = np.where(rows.withheld, 0.0, rows.terms.cost)[at]
    attributed, some = gross(rows, came.rewards)[at], _bought(rows, came).taken(at)
    crowd, made = crowd_of(keys_of(rows)[at]), ~rows.withheld[at]
    for j, one in enumerate(found):
        mine = member[rows.action[at], j]
        one.reached(crowd[mine], cost[mine], some.taken(mine))
        one.contacts += int((mine & made).sum())
        one.attributed += float(attributed[mine & made].sum())


def _quiet(
    rows: Rows, came: Attributed, served: Wave, kept: Kept, member: Bool, off: _Off
) -> Iterator[tuple[Float64, Bought, Array]]:
    """Those left in peace, not held out: odds float64[m, targets], what came, and crowds."""
    held = 0.0 if served.run.campaign.policy is None else served.run.campaign.policy.holdout
    on = rows.first & (rows.action == NO_CONTACT) & _drawn(rows)
    bought, crowd = _bought(rows, came), crowd_of(keys_of(rows))
    recorded = (rows.numbers("propensity") - held) / max(1.0 - held, 1e-9)
    size = max(1, CELLS // len(kept.keep))
    at = np.flatnonzero(on)
    for start in range(0, len(at), size):
        some = at[start : start + size]
        planned = chances(served, rows, some, kept)
        quiet = np.clip(recorded[some], 1e-12, 1.0)
        off.add(1.0 - planned[:, 1:].sum(axis=1), quiet)
        yield planned @ member / quiet[:, None], bought.taken(some), crowd[some]


def _drawn(rows: Rows) -> Bool:
    """Whose action the campaign's own policy drew: not the holdout, no member of an experiment."""
    return np.array([g != HOLDOUT and ":" not in g for g in rows.texts("group")], dtype=np.bool_)


def chances(served: Wave, rows: Rows, some: Array, kept: Kept) -> Float64:
    """Probability of each contact for who is not held out, after lots, float64[m, k]."""
    plan = served.plan
    shares = plan.policy.base.prior_weights(len(some))
    shares[:, -1] = 0.0
    planned: Float64 = plan.policy.base.probabilities(
        served.posterior, rows.contexts[some], eligible=rows.eligible[some],
        values=known_values(served, kept.value), costs=plan.costs + prices_paid(served, rows, some),
        prior=shares,
    )  # fmt: skip
    return planned * kept.keep


def prices_paid(served: Wave, rows: Rows, some: Array) -> Float64:
    """What a contact was charged, float64[k], or float64[m, k] where prices moved in the wave."""
    table = served.plan.prices
    return table[0] if len(table) == 1 else table[rows.paid[some]]


def known_values(served: Wave, recorded: Float64) -> Float64:
    """What a unit of reward was worth by action, float64[k].

    One that hangs on the customer stands in the record for what was taken alone: ``recorded``
    float64[k] is the one of somebody.
    """
    fixed = {o.name: o.value for o in served.catalogue.offers if not isinstance(o.value, str)}
    reward = served.run.campaign.reward
    return np.array([
        1.0 if reward.events else reward.no_contact_value,
        *(
            recorded[a + 1] if o not in fixed else 1.0 if reward.events else fixed[o]
            for a, (o, _) in enumerate(served.plan.space.pairs)
        ),
    ])  # fmt: skip


def gross(rows: Rows, rewards: Float64) -> Float64:
    """Value times reward of each row."""
    return rows.net(rewards[rows.place]) + np.where(rows.withheld, 0.0, rows.terms.cost)


def _bought(rows: Rows, came: Attributed) -> Bought:
    """The same, and less what was expected of no contact; an unknown one counts as 0."""
    found = gross(rows, came.taught)
    return Bought(found, found - np.nan_to_num(rows.expected_no_contact), units_of(rows))
