"""The strict log of a campaign's own waves: decisions, propensities and eligible sets as recorded.

Judged are the decisions of one placement's first slot, one a customer and wave: there alone the
propensity is unconditional, and a customer's own outcomes belong to that slot. Rows of one customer
are one cluster.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array, Bool, Float64, Progress
from bandit.features.spec import FeatureSpec
from bandit.record import attribution
from bandit.record import outcomes as deliveries
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.sources import catalogue, database
from bandit.workflows.judge import logged
from bandit.workflows.judge.logged import Catalogue, Logged, Waves

_COLUMNS = (
    "customer_id", "slot", "placement", "action", "propensity", "group", "expected_reward",
    "expected_value", "eligible", "features", "snapshot",
)  # fmt: skip


class _Part(NamedTuple):
    """One wave's rows."""

    ids: pa.ChunkedArray
    action: Array
    propensity: Float64
    reward: Float64
    eligible: Bool
    contexts: Array
    group: Array
    value: Float64
    snapshot: str


def usable(campaign: Campaign, at: dt.datetime) -> tuple[list[Wave], list[str]]:
    """The waves whose window has closed by ``at``, of the newest one's features; and remarks."""
    window = dt.timedelta(days=campaign.reward.window_days)
    waves = record.waves(campaign.folder)
    closed = [w for w in waves if w.at + window <= at]
    notes = []
    if open_ := [w.name for w in waves if w not in closed]:
        notes.append(f"left out, their window is open: {', '.join(open_)}")
    if not closed:
        return [], notes
    spec = closed[-1].manifest["features"]
    same = [w for w in closed if w.manifest["features"] == spec]
    if other := [w.name for w in closed if w not in same]:
        notes.append(f"left out, their features are others: {', '.join(other)}")
    return same, notes


def read(
    campaign: Campaign, waves: Sequence[Wave], notes: Sequence[str], progress: Progress
) -> Logged:
    """Join the waves' first-slot decisions with all outcomes known; silence is reward 0."""
    place = _placement(campaign, waves)
    actions = waves[0].actions.union(*(wave.actions for wave in waves[1:]))
    spec = FeatureSpec.from_json(waves[-1].manifest["features"]["spec"])
    goods, fixed = _catalogue(campaign, actions, waves[-1])
    total = sum(int(w.manifest["decisions"]) for w in waves)
    most = logged.most_rows(campaign.simulate.max_rows, goods.k)
    share = min(1.0, most / max(total, 1))
    progress.step("joining decisions and outcomes", total=len(waves))
    parts = []
    with _events(campaign) as connection:
        for wave in waves:
            parts.append(_part(campaign, connection, wave, place, goods, share))
            progress.advance(1)
    remarks = [*notes, *_remarks(campaign, waves, place, share, fixed)]
    return _assembled(campaign, waves, parts, goods, spec, fixed, tuple(remarks))


def _assembled(
    campaign: Campaign,
    waves: Sequence[Wave],
    parts: Sequence[_Part],
    goods: Catalogue,
    spec: FeatureSpec,
    fixed: Bool,
    notes: tuple[str, ...],
) -> Logged:
    action = np.concatenate([p.action for p in parts])
    ids = pa.chunked_array([c for p in parts for c in p.ids.chunks], parts[0].ids.type)
    sizes = [len(p.action) for p in parts]
    if not sum(sizes):
        raise DataError("the waves hold no first-slot decision; was the placement ever served?")
    value, goods = _values(goods, action, np.concatenate([p.value for p in parts]), fixed)
    at = [int(w.at.timestamp() * 1e6) for w in waves]
    return logged.assemble(
        title=campaign.name,
        catalogue=goods,
        spec=spec,
        unit=campaign.reward.unit,
        contexts=np.concatenate([p.contexts for p in parts]),
        actions=action,
        rewards=np.concatenate([p.reward for p in parts]),
        propensities=np.concatenate([p.propensity for p in parts]),
        eligible=np.concatenate([p.eligible for p in parts]),
        customers=ids,
        clusters=ids,
        times=np.repeat(np.array(at).astype("datetime64[us]"), sizes),
        row_values=value,
        waves=Waves(
            names=tuple(w.name for w in waves),
            snapshots=tuple(p.snapshot for p in parts),
            wave=np.repeat(np.arange(len(waves), dtype=np.int32), sizes),
            group=np.concatenate([p.group for p in parts]),
        ),
        notes=notes,
    )


def _part(
    campaign: Campaign,
    connection: duckdb.DuckDBPyConnection,
    wave: Wave,
    place: str,
    goods: Catalogue,
    share: float,
) -> _Part:
    window = dt.timedelta(days=campaign.reward.window_days)
    later = [w for w in record.waves(campaign.folder) if wave.at < w.at < wave.at + window]
    rewards = attribution.attribute(connection, wave, later, window).rewards
    table, rows = _first_slots(wave, place, share)
    to = wave.actions.positions_in(goods.actions)
    action = to[table["action"].to_numpy()].astype(np.int32)
    promised = table["expected_value"].to_numpy() + goods.costs[action]
    expected = table["expected_reward"].to_numpy().astype(np.float64)
    value = np.full(len(action), np.nan)
    np.divide(promised, expected, out=value, where=np.abs(expected) > 1e-4)
    snapshots = table["snapshot"].cast(pa.string())
    return _Part(
        ids=table["customer_id"],
        action=action,
        propensity=table["propensity"].to_numpy(),
        reward=rewards[rows],
        eligible=_unpacked(table["eligible"], wave.actions, to, goods.k),
        contexts=_matrix(table["features"]),
        group=table["group"].cast(pa.string()).to_numpy(),
        value=value,
        snapshot=snapshots[0].as_py() if len(snapshots) else "",
    )


def _first_slots(wave: Wave, place: str, share: float) -> tuple[pa.Table, Array]:
    """Rows of the placement's first slot, a keyed share of the customers; and their row numbers."""
    tables, numbers, start = [], [], 0
    for path in wave.decisions:
        files.verify(wave.folder, path.name, wave.manifest["files"][path.name]["sha256"])
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=list(_COLUMNS)):
                placed = batch["placement"].cast(pa.string()).to_numpy(zero_copy_only=False)
                keep = (batch["slot"].to_numpy() == 1) & (placed == place)
                if share < 1.0:
                    keep &= _sampled(batch["customer_id"], share)
                rows = np.flatnonzero(keep)
                tables.append(pa.Table.from_batches([batch.take(pa.array(rows))]))
                numbers.append(rows + start)
                start += batch.num_rows
    return pa.concat_tables(tables).unify_dictionaries(), np.concatenate(numbers)


def _sampled(ids: pa.Array, share: float) -> Bool:
    """The same customers in every wave."""
    hashed = pl.Series("", pl.from_arrow(ids)).hash(seed=0).to_numpy()
    return np.asarray(hashed < np.uint64(min(share * 2.0**64, 2.0**64 - 1025.0)))


def _unpacked(packed: pa.ChunkedArray, actions: ActionSpace, to: Array, k: int) -> Bool:
    width = packed.type.byte_width
    raw = b"".join(chunk.buffers()[1][: len(chunk) * width].to_pybytes()
                   if chunk.offset == 0 else b"".join(chunk.to_pylist())
                   for chunk in packed.chunks)  # fmt: skip
    bits = actions.unpack(np.frombuffer(raw, np.uint8).reshape(-1, width))
    out = np.zeros((bits.shape[0], k), dtype=np.bool_)
    out[:, to] = bits
    return out


def _matrix(features: pa.ChunkedArray) -> Array:
    width = features.type.list_size
    return np.concatenate([
        chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
        for chunk in features.chunks
    ])  # fmt: skip


def _placement(campaign: Campaign, waves: Sequence[Wave]) -> str:
    """The placement that is judged: the one named, else the newest wave's first."""
    known = [str(p) for p in waves[-1].manifest["placements"]]
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


def _catalogue(campaign: Campaign, actions: ActionSpace, newest: Wave) -> tuple[Catalogue, Bool]:
    """Names, values and costs of today's catalogue; and whose value is a number."""
    with database.connect(campaign, roles=("offers", "channels")) as data:
        goods = catalogue.load_catalogue(campaign, data)
    offers = {o.name: o for o in goods.offers}
    channels = {c.name: c for c in goods.channels}
    k, pairs = len(actions), actions.pairs
    values, costs, fixed = np.ones(k), np.zeros(k), np.ones(k, dtype=np.bool_)
    values[0] = campaign.reward.no_contact_value
    for a, (offer, channel) in enumerate(pairs, start=1):
        found = offers.get(offer)
        costs[a] = found.cost if found else 0.0
        costs[a] += channels[channel].cost if channel in channels else 0.0
        if found and isinstance(found.value, str):
            fixed[a] = False
        elif found:
            values[a] = float(found.value)
    order = sorted(
        range(1, k),
        key=lambda a: (offers[pairs[a - 1][0]].priority if pairs[a - 1][0] in offers else 0, a),
    )
    last = newest.manifest.get("prices") or [0.0] * len(newest.actions)
    prices = newest.actions.align(np.array(last), actions)
    return Catalogue(actions, values, costs, (*order, 0), True, prices), fixed


def _values(
    goods: Catalogue, action: Array, recorded: Float64, fixed: Bool
) -> tuple[Float64, Catalogue]:
    """Value of each row's action; where it is an expression, as the record implies it."""
    value = goods.values[action]
    if fixed.all():
        return value, goods
    values = goods.values.copy()
    for a in np.flatnonzero(~fixed):
        known = recorded[(action == a) & np.isfinite(recorded)]
        values[a] = float(np.median(known)) if known.size else 1.0
    loose = ~fixed[action]
    value = np.where(loose & np.isfinite(recorded), recorded, values[action])
    return value, Catalogue(**{**vars(goods), "values": values})


def _remarks(
    campaign: Campaign, waves: Sequence[Wave], place: str, share: float, fixed: Bool
) -> list[str]:
    notes: list[str] = []
    several: Any = campaign.pressure.slots > 1 or len(waves[-1].manifest["placements"]) > 1
    if several:
        notes.append(f"judged is the first slot of {place!r}; other slots are left as they were")
    if share < 1.0:
        notes.append(f"judged on a random {share:.1%} of the customers (simulate.max_rows)")
    if not fixed.all():
        notes.append("offers whose value is an expression count with their median recorded value")
    if campaign.log is not None and all(w.manifest["kind"] != "logged" for w in waves):
        notes.append("[log] is left out, since there are waves; --log judges on it instead")
    return notes
