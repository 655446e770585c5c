"""The strict log of a campaign's own waves: decisions, propensities and eligible sets as recorded.

Judged are the decisions of one placement's first slot, one a customer and wave: there alone the
propensity is unconditional, and a customer's own outcomes belong to that slot. Rows of one customer
are one cluster, and those of a household where experiments assigned households.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa

from bandit.checks.keys import customer_keys
from bandit.config.campaign import Campaign
from bandit.config.experiment import LEARNED, RULES
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Float64, Progress
from bandit.core.wording import counted
from bandit.features.spec import FeatureSpec
from bandit.record import attribution, heard, homes
from bandit.record import outcomes as deliveries
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.record.manifests import Shadowed
from bandit.record.waves import Wave
from bandit.results.judge import Beside
from bandit.sources import persons
from bandit.sources.catalogue import Catalogue as Goods
from bandit.workflows.inspect import catalogue_today
from bandit.workflows.judge import logged, own_rows, wave_money
from bandit.workflows.judge.catalogue import served_by
from bandit.workflows.judge.logged import Catalogue, Logged, Waves
from bandit.workflows.judge.own_rows import Part
from bandit.workflows.judge.slates import Slates

_COLUMNS = (
    "customer_id", "action", "propensity", "group", "value", "cost", "eligible", "features",
    "snapshot",
)  # fmt: skip


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
    if emptied := [w for w in closed if w.manifest.forgotten >= w.manifest.decisions]:
        names = ", ".join(w.name for w in emptied)
        notes.append(f"left out, everybody in them was forgotten: {names}")
        closed = [w for w in closed if w not in emptied]
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
    money = any(wave.worths for wave in waves)
    window = campaign.window
    progress.step("joining decisions and outcomes", total=len(waves))
    parts, events, rebuilt = [], [], []
    with _events(campaign) as connection:
        for wave in waves:
            decisions = Decisions(campaign.folder, wave, today)
            later = record.after(every, wave, window)
            rewards = attribution.attribute(connection, decisions, later, window)
            part = own_rows.of_wave(decisions, rewards, actions, place, share)
            told = wave_money.of(wave, actions, part.action, part.value, part.reward, money=money)
            parts.append(part._replace(value=told.value, reward=told.reward))
            events.append(wave_money.counted(campaign, connection, decisions, later, part.at))
            rebuilt += decisions.notes
            progress.advance(1)
    catalogue = _catalogue(campaign, waves, parts, actions)
    remarks = [*notes, *_remarks(campaign, waves, parts, place, share), *rebuilt]
    closed = [w for w in every if w.campaign == campaign.file and w.at <= waves[-1].at]
    looked = np.cumsum([w.manifest.decisions for w in closed]).tolist()
    counted = wave_money.joined(events)
    return _assembled(campaign, waves, parts, counted, catalogue, tuple(looked), tuple(remarks))


def _assembled(
    campaign: Campaign,
    waves: Sequence[Wave],
    parts: Sequence[Part],
    events: Float64 | None,
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
        clusters=_together(campaign, waves, ids),
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
            slates=Slates.joined([p.slates for p in parts]),
            looked=looked,
            holds_out=any((p.apart & (p.group == own_rows.HOLDOUT)).any() for p in parts),
            shares=tuple(
                None if w.manifest.policy is None else w.manifest.policy.shares for w in waves
            ),
            events=events,
            shadows=_shadows(waves),
        ),
        notes=notes,
    )


def _together(campaign: Campaign, waves: Sequence[Wave], ids: pa.Array) -> pa.Array:
    """Who is one cluster: a person with all keys, or a household where experiments assigned it."""
    whose = None if ids.null_count else homes.whose(waves, persons.of(campaign))
    return ids if whose is None else pa.array(whose(customer_keys(ids.to_numpy())))


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
    families = persons.families(persons.of(campaign))
    with heard.connect(campaign.limits.memory_mb) as connection:
        heard.load_events(connection, deliveries.batches(campaign.folder), families)
        yield connection


def _catalogue(
    campaign: Campaign, waves: Sequence[Wave], parts: Sequence[Part], actions: ActionSpace
) -> Catalogue:
    """Values, costs, prices and the order of rules as last served, whatever campaign.toml says now.

    A value that hangs on the customer counts with its median.
    """
    values, costs = np.ones(len(actions)), np.zeros(len(actions))
    money = any(wave.worths for wave in waves)
    values[0] = 1.0 if money else Decisions(campaign.folder, waves[-1]).no_contact_value
    prices, priority = np.zeros(len(actions)), np.zeros(len(actions))
    for wave, part in zip(waves, parts, strict=True):
        for a in np.unique(part.action[part.action > 0]):
            mine = part.action == a
            values[a] = np.median(part.value[mine])
            costs[a] = np.median(part.cost[mine])
        for served in served_by(wave):
            a = actions.index(served.name)
            costs[a], priority[a] = served.cost, served.priority
            if served.value is not None:
                values[a] = 1.0 if money else served.value
    newest = waves[-1]
    if newest.manifest.prices is not None:
        prices = newest.actions.align(np.array(newest.manifest.prices), actions)
    order = sorted(range(1, len(actions)), key=lambda a: (priority[a], a))
    return Catalogue(
        actions, values, costs, (*order, 0), True, prices, _offers_served(waves),
        _learners_prices(newest, actions),
    )  # fmt: skip


def _learners_prices(wave: Wave, actions: ActionSpace) -> dict[str, Float64]:
    """The prices of an arm that decides as the largest share that learns, under its label."""
    about = wave.manifest
    learn = [] if about.policy is None else [s for s in about.policy.shares if s.policy != RULES]
    for served in about.experiments:
        for arm in served.experiment.arm:
            own = about.arm_prices.get(f"{served.name}:{arm.name}")
            if arm.policy == LEARNED and own is not None and learn:
                label = max(learn, key=lambda s: s.share).label
                return {label: wave.actions.align(np.array(own), actions)}
    return {}


def _shadows(waves: Sequence[Wave]) -> tuple[Beside, ...]:
    """What decided beside live waves, by name, in the order in which they began."""
    sums: dict[str, list[Shadowed]] = {}
    for wave in waves:
        if (one := wave.manifest.shadow) is not None:
            sums.setdefault(one.name, []).append(one)
    found = []
    for name, parts in sums.items():
        slots = sum(one.slots for one in parts)
        agreed, lift = sum(one.agreed for one in parts), sum(one.lift for one in parts)
        found.append(Beside(name, slots, agreed / slots, lift / slots))
    return tuple(found)


def _offers_served(waves: Sequence[Wave]) -> Goods | None:
    """Offers and channels as last served; None where no wave tells."""
    offers = {o.name: o for w in waves for o in w.manifest.offers or ()}
    channels = {c.name: c for w in waves for c in w.manifest.channels or ()}
    return Goods(tuple(offers.values()), tuple(channels.values())) if offers else None


def _remarks(
    campaign: Campaign, waves: Sequence[Wave], parts: Sequence[Part], place: str, share: float
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
        notes.append(
            f"judged is the first slot of {place!r}, other slots left as they were; what all slots"
            " of a wave bring together is told apart"
        )
    if share < 1.0:
        notes.append(f"judged on a random {share:.1%} of the customers (simulate.max_rows)")
    if any(served.value is None for wave in waves for served in served_by(wave)):
        notes.append("offers whose value is an expression count with their median recorded value")
    if gone := sum(p.withheld for p in parts):
        notes.append(
            f"{counted(gone, 'contact that was', 'contacts that were')} withheld at export"
            f" {'is' if gone == 1 else 'are'} left out: never made"
        )
    if campaign.log is not None and all(w.manifest.kind != "logged" for w in waves):
        notes.append("[log] is left out, since there are waves; --log judges on it instead")
    return notes
