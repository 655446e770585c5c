"""The strict log of a campaign's own waves: decisions, propensities and eligible sets as recorded.

Judged are the decisions of one placement's first slot, one a customer and wave: there alone the
propensity is unconditional, and a customer's own outcomes belong to that slot. Rows of one customer
are one cluster.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import NO_CONTACT, Array, Bool, Float64, Progress
from bandit.features.spec import FeatureSpec
from bandit.record import attribution
from bandit.record import outcomes as deliveries
from bandit.record import waves as record
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.record.waves import Wave
from bandit.record.whole_customers import WholeCustomers
from bandit.sources.catalogue import Catalogue as Goods
from bandit.workflows.inspect import catalogue_today
from bandit.workflows.judge import logged
from bandit.workflows.judge.logged import Catalogue, Logged, Waves
from bandit.workflows.serve.experiments import supported

_COLUMNS = (
    "customer_id", "action", "propensity", "group", "value", "cost", "eligible", "features",
    "snapshot",
)  # fmt: skip


HOLDOUT = "holdout"


class _Part(NamedTuple):
    """One wave's rows: ``ids`` of customers; ``withheld``: rows left out, never carried out.

    ``whole`` is the net reward of a row's customer over all slots and lists of the wave.
    """

    ids: pa.Array
    action: Array
    propensity: Float64
    reward: Float64
    eligible: Bool
    contexts: Array
    group: Array
    apart: Bool
    value: Float64
    cost: Float64
    snapshot: str
    withheld: int
    whole: Float64


def usable(campaign: Campaign, at: dt.datetime) -> tuple[list[Wave], list[str]]:
    """The campaign's waves closed by ``at``, of the newest one's features; and remarks."""
    window = campaign.window
    everyone = record.waves(campaign.folder)
    waves = [w for w in everyone if w.campaign == campaign.file]
    closed = [w for w in waves if w.end(window) <= at]
    notes = []
    if others := [w.name for w in everyone if w not in waves]:
        notes.append(f"left out, they are of another campaign file: {', '.join(others)}")
    if open_ := [w.name for w in waves if w not in closed]:
        notes.append(f"left out, their window is open: {', '.join(open_)}")
    if not closed:
        return [], notes
    spec = closed[-1].manifest.features
    same = [w for w in closed if w.manifest.features == spec]
    if other := [w.name for w in closed if w not in same]:
        notes.append(f"left out, their features are others: {', '.join(other)}")
    return same, notes


def read(
    campaign: Campaign, waves: Sequence[Wave], notes: Sequence[str], progress: Progress
) -> Logged:
    """Join the waves' first-slot decisions with all outcomes known; silence is reward 0."""
    place = _placement(campaign, waves)
    actions = waves[0].actions.union(*(wave.actions for wave in waves[1:]))
    total = sum(w.manifest.decisions for w in waves)
    share = min(1.0, logged.most_rows(campaign.simulate.max_rows, len(actions)) / max(total, 1))
    every, today = record.waves(campaign.folder), catalogue_today.of(campaign, waves)
    window = campaign.window
    progress.step("joining decisions and outcomes", total=len(waves))
    parts, rebuilt = [], []
    with _events(campaign) as connection:
        for wave in waves:
            decisions = Decisions(campaign.folder, wave, today)
            later = record.after(every, wave, window)
            rewards = attribution.attribute(connection, decisions, later, window)
            parts.append(_part(decisions, rewards, actions, place, share))
            rebuilt += decisions.notes
            progress.advance(1)
    catalogue = _catalogue(campaign, waves, parts, actions)
    remarks = [*notes, *_remarks(campaign, waves, parts, place, share), *rebuilt]
    closed = [w for w in every if w.campaign == campaign.file and w.at <= waves[-1].at]
    looked = np.cumsum([w.manifest.decisions for w in closed]).tolist()
    return _assembled(campaign, waves, parts, catalogue, tuple(looked), tuple(remarks))


def _assembled(
    campaign: Campaign,
    waves: Sequence[Wave],
    parts: Sequence[_Part],
    catalogue: Catalogue,
    looked: tuple[int, ...],
    notes: tuple[str, ...],
) -> Logged:
    ids = pa.chunked_array([p.ids for p in parts], parts[0].ids.type)
    sizes = [len(p.action) for p in parts]
    if not sum(sizes):
        raise DataError("the waves hold no first-slot decision; was the placement ever served?")
    at = [int(w.at.timestamp() * 1e6) for w in waves]
    return logged.assemble(
        title=campaign.name,
        catalogue=catalogue,
        spec=FeatureSpec.from_json(waves[-1].manifest.features.spec),
        unit=waves[-1].manifest.unit or campaign.reward.unit,
        contexts=np.concatenate([p.contexts for p in parts]),
        actions=np.concatenate([p.action for p in parts]),
        rewards=np.concatenate([p.reward for p in parts]),
        propensities=np.concatenate([p.propensity for p in parts]),
        eligible=np.concatenate([p.eligible for p in parts]),
        customers=ids,
        clusters=ids,
        times=np.repeat(np.array(at).astype("datetime64[us]"), sizes),
        row_values=np.concatenate([p.value for p in parts]),
        row_costs=np.concatenate([p.cost for p in parts]),
        waves=Waves(
            names=tuple(w.name for w in waves),
            snapshots=tuple(p.snapshot for p in parts),
            wave=np.repeat(np.arange(len(waves), dtype=np.int32), sizes),
            group=np.concatenate([p.group for p in parts]),
            apart=np.concatenate([p.apart for p in parts]),
            whole=np.concatenate([p.whole for p in parts]),
            looked=looked,
            holds_out=any((p.apart & (p.group == HOLDOUT)).any() for p in parts),
            shares=tuple(
                None if w.manifest.policy is None else w.manifest.policy.shares for w in waves
            ),
        ),
        notes=notes,
    )


def _part(
    decisions: Decisions, rewards: Attributed, actions: ActionSpace, place: str, share: float
) -> _Part:
    """The placement's first slot, of a keyed share of the customers.

    A contact that was withheld is left out: what its propensity belongs to was never done.
    """
    to = decisions.wave.actions.positions_in(actions)
    found, reward, number, withheld = [], [], [], 0
    customers = WholeCustomers()
    for rows in decisions.rows(*_COLUMNS):
        mine = customers.add(rows.customers, rows.net(rewards.rewards[rows.place]))
        keep = rows.first_of(place)
        if share < 1.0:
            keep &= _sampled(rows.customers, share)
        withheld += int((keep & rows.withheld).sum())
        keep &= ~rows.withheld
        found.append(rows.only(keep))
        reward.append(rewards.taught[rows.place][keep])
        number.append(mine[keep])

    def joined(of: Callable[[Rows], Array]) -> Array:
        return np.concatenate([of(rows) for rows in found])

    action: Array = to[joined(lambda rows: rows.action)]
    group = joined(lambda rows: rows.texts("group"))
    held, policy = group == HOLDOUT, decisions.wave.manifest.policy
    left = _left_alone(decisions.wave, group)
    eligible = np.zeros((sum(map(len, found)), len(actions)), dtype=np.bool_)
    eligible[:, to] = joined(lambda rows: rows.eligible)
    # An inbound channel shows something to everybody but the holdout and experiments' quiet arms.
    eligible[held, action[held]] = True
    eligible[left.quiet & (action == NO_CONTACT), to[NO_CONTACT]] = True
    propensity = joined(lambda rows: rows.numbers("propensity"))
    if policy is not None:
        propensity = _not_held(propensity, action, held, policy.holdout)
    snapshots = joined(lambda rows: rows.texts("snapshot"))
    return _Part(
        ids=pa.concat_arrays([rows.customers for rows in found]),
        action=action,
        propensity=propensity,
        reward=np.concatenate(reward),
        eligible=eligible,
        contexts=joined(lambda rows: rows.contexts),
        group=group,
        apart=held | left.apart if policy is not None else np.zeros_like(held),
        value=joined(lambda rows: rows.terms.value),
        cost=joined(lambda rows: rows.terms.cost),
        snapshot=str(snapshots[0]) if len(snapshots) else "",
        withheld=withheld,
        whole=customers.totals[np.concatenate(number)],
    )


class _Left(NamedTuple):
    """``quiet`` bool[n]: rows of arms of experiments, which may leave anybody in peace.

    ``apart`` bool[n]: those whose propensity is given an arm that does not take every action.
    """

    quiet: Bool
    apart: Bool


def _left_alone(wave: Wave, group: Array) -> _Left:
    quiet, apart = np.zeros(len(group), np.bool_), np.zeros(len(group), np.bool_)
    policy = wave.manifest.policy
    for served in wave.manifest.experiments:
        for arm in served.experiment.arm:
            mine = group == f"{served.name}:{arm.name}"
            quiet |= mine
            floor = 0.0 if policy is None else policy.exploration
            if served.known and not supported(served.experiment, arm.name, floor):
                apart |= mine
    return _Left(quiet, apart)


def _not_held(recorded: Float64, action: Array, held: Bool, holdout: float) -> Float64:
    """Propensities given that a customer is not held out: (p - h 1[no contact]) / (1 - h).

    The record holds those of the complete policy, h·[no contact] + (1 - h)·π.
    """
    others = np.maximum(recorded - holdout * (action == NO_CONTACT), 0.0) / max(1.0 - holdout, 1e-9)
    return np.where(held, recorded, np.minimum(others, 1.0))


def _sampled(ids: pa.Array, share: float) -> Bool:
    """The same customers in every wave."""
    hashed = pl.Series("", pl.from_arrow(ids)).hash(seed=0).to_numpy()
    return np.asarray(hashed < np.uint64(min(share * 2.0**64, 2.0**64 - 1025.0)))


def _placement(campaign: Campaign, waves: Sequence[Wave]) -> str:
    """The placement that is judged: the one named, else the newest wave's first."""
    known = waves[-1].manifest.placements
    wanted = campaign.simulate.placement or known[0]
    if wanted not in known:
        raise ConfigError(
            f"simulate.placement = {wanted!r} is none of the newest wave's: {', '.join(known)}"
        )
    return wanted


@contextmanager
def _events(campaign: Campaign) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with all events loaded."""
    with attribution.connect(campaign.limits.memory_mb) as connection:
        attribution.load_events(connection, deliveries.batches(campaign.folder))
        yield connection


def _catalogue(
    campaign: Campaign, waves: Sequence[Wave], parts: Sequence[_Part], actions: ActionSpace
) -> Catalogue:
    """Values, costs, prices and the order of rules as last served, whatever campaign.toml says now.

    A value that hangs on the customer counts with its median.
    """
    values, costs = np.ones(len(actions)), np.zeros(len(actions))
    values[0] = Decisions(campaign.folder, waves[-1]).no_contact_value
    prices, priority = np.zeros(len(actions)), np.zeros(len(actions))
    for wave, part in zip(waves, parts, strict=True):
        for a in np.unique(part.action[part.action > 0]):
            mine = part.action == a
            values[a] = np.median(part.value[mine])
            costs[a] = np.median(part.cost[mine])
        for served in _served(wave):
            a = actions.index(served.name)
            costs[a], priority[a] = served.cost, served.priority
            if served.value is not None:
                values[a] = served.value
    newest = waves[-1]
    if newest.manifest.prices is not None:
        prices = newest.actions.align(np.array(newest.manifest.prices), actions)
    order = sorted(range(1, len(actions)), key=lambda a: (priority[a], a))
    return Catalogue(actions, values, costs, (*order, 0), True, prices, _offers_served(waves))


def _offers_served(waves: Sequence[Wave]) -> Goods | None:
    """Offers and channels as last served; None where no wave tells."""
    offers = {o.name: o for w in waves for o in w.manifest.offers or ()}
    channels = {c.name: c for w in waves for c in w.manifest.channels or ()}
    return Goods(tuple(offers.values()), tuple(channels.values())) if offers else None


class _Served(NamedTuple):
    """An action as a wave had it; ``value`` is None where it hung on the customer."""

    name: str
    value: float | None
    cost: float
    priority: int


def _served(wave: Wave) -> Iterator[_Served]:
    """The actions of a wave that stood in its catalogue; none of format 1's."""
    about = wave.manifest
    offers = {o.name: o for o in about.offers or ()}
    channels = {c.name: c for c in about.channels or ()}
    for name, (o, c) in zip(wave.actions.names[1:], wave.actions.pairs, strict=True):
        if o in offers and c in channels:
            offer = offers[o]
            value = None if isinstance(offer.value, str) else float(offer.value)
            yield _Served(name, value, offer.cost + channels[c].cost, offer.priority)


def _remarks(
    campaign: Campaign, waves: Sequence[Wave], parts: Sequence[_Part], place: str, share: float
) -> list[str]:
    notes: list[str] = []
    stay = [
        w.name for w in waves if w.manifest.policy is None or w.manifest.policy.regroup == "never"
    ]
    if len(stay) > 1:
        notes.append(
            f"served with groups that stay: {', '.join(stay)}; from the second wave on what contact"
            " pressure allows tells the group, and weights are off by what the mean weights show."
            ' regroup = "shares", the default, mends it for the waves to come (docs/adr/0057)'
        )
    pressure = waves[-1].manifest.pressure or campaign.pressure
    if pressure.slots > 1 or len(waves[-1].manifest.placements) > 1:
        notes.append(f"judged is the first slot of {place!r}; other slots are left as they were")
    if share < 1.0:
        notes.append(f"judged on a random {share:.1%} of the customers (simulate.max_rows)")
    if any(served.value is None for wave in waves for served in _served(wave)):
        notes.append("offers whose value is an expression count with their median recorded value")
    if gone := sum(p.withheld for p in parts):
        notes.append(f"{gone:,} contacts that were withheld at export are left out: never made")
    if campaign.log is not None and all(w.manifest.kind != "logged" for w in waves):
        notes.append("[log] is left out, since there are waves; --log judges on it instead")
    return notes
