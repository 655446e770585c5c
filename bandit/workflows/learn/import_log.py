"""`bandit learn --log`: a campaign logged elsewhere, taken into the record as a wave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.allocation.slots import Placement
from bandit.config.campaign import Campaign
from bandit.config.section import OUTBOUND
from bandit.config.tables import Log
from bandit.core import files, schema, sql
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import NO_CONTACT, Bool, Choice, Float32, Float64, Progress
from bandit.core.version import versions
from bandit.core.wording import counted
from bandit.features.encode import encode
from bandit.logs import columns, labels
from bandit.logs import rows as log_rows
from bandit.logs.rows import LogRows, Refused
from bandit.record import manifest, outcomes, rejects
from bandit.record import waves as record
from bandit.record.rejects import Bound, Rejects
from bandit.sources import database
from bandit.sources.catalogue import load_catalogue
from bandit.sources.columns import customer_type, feature_columns
from bandit.sources.customers import Reject
from bandit.sources.database import Database
from bandit.workflows.learn import log_back
from bandit.workflows.learn.log_sample import LogSample
from bandit.workflows.serve.assemble import Assembler
from bandit.workflows.serve.publish import served_with
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.wave import Run, Taken, Wave

NAME = "log"


class _Batch(NamedTuple):
    """A batch of the log, ``rows`` with their contexts float32[n, d].

    ``ids`` are the customers' keys, all null where the log names none; ``number`` int64[n] counts
    the log's rows from 0.
    """

    ids: pa.Array
    number: pa.Array
    rows: LogRows
    contexts: Float32


def import_log(campaign: Campaign, at: dt.datetime, progress: Progress) -> list[str]:
    """Publish [log] as the wave `log`, whose window closes at ``at`` unless it has a time column.

    The caller holds the lock. The rewards become an outcome batch; rows that cannot be read are
    refused like a wave's.
    """
    log = campaign.log
    if log is None:
        raise ConfigError("campaign.toml has no [log]; add it with source, action and reward")
    if log.propensity is None:
        raise ConfigError(
            "[log] names no propensity; without one no decision is recorded: give a column, a"
            " constant, or a number per action (`bandit simulate` takes such a log as it is)"
        )
    known = record.waves(campaign.folder)
    before = log_back.taken_in(campaign, known)
    if before is not None:
        return [log_back.hold_same(campaign, log, before)]
    name = _free({w.name for w in known})
    folder = campaign.folder / record.WAVES / name
    progress.step("taking in the log")
    with ExitStack() as stack:
        kind = _key_kind(campaign)
        data = stack.enter_context(database.connect(campaign, roles=("log", "offers", "channels")))
        columns.check(data, log)
        seen = columns.as_customers(campaign, log, data)
        wave = _wave(seen, log, data, at, name, kind)
        partial = stack.enter_context(files.aside(folder))
        events_folder = campaign.folder / outcomes.OUTCOMES / name
        files.remove(events_folder)  # of a run that died before it had its wave
        events = stack.enter_context(files.aside(events_folder))
        count, rejected, doubts = _write(wave, log, data, partial, events, progress)
        manifest.write(partial, _content(wave, log_back.digest(campaign, log), count, rejected))
        of_log = {"kind": "outcomes", manifest.FOLDER: name, "events": None, "rejected": 0}
        manifest.write(events, of_log)
        files.put_in_place((events, events_folder), (partial, folder))
    return [f"took in the log: {counted(count, 'decision')}, {rejected:,} refused", *doubts]


def _free(taken: Collection[str]) -> str:
    """The log's name in the record; a wave may have been called so."""
    names = (NAME if n == 1 else f"{NAME}-{n}" for n in count(1))
    return next(name for name in names if name not in taken)


def _key_kind(campaign: Campaign) -> pa.DataType:
    """The customers' kind of key: a log's rows are about the same people, or about nobody."""
    with database.connect(campaign, roles=("customers",)) as data:
        return customer_type(data, campaign)


def _wave(
    campaign: Campaign, log: Log, data: Database, at: dt.datetime, name: str, kind: pa.DataType
) -> Wave:
    at = columns.latest(data, log) if log.time is not None else campaign.window.before(at)
    run = Run(campaign, name, at, campaign.seed)
    start = serving_model(campaign, data, None, at)
    wave = Wave.of(run, load_catalogue(campaign, data), start, kind)
    everything = np.ones(len(wave.plan.space), dtype=np.bool_)
    place = Placement(OUTBOUND, True, 1, everything, 0)
    return wave._replace(plan=wave.plan._replace(groups=(record.LOGGED,), placements=[place]))


def _write(
    wave: Wave, log: Log, data: Database, partial: Any, events: Any, progress: Progress
) -> tuple[int, int, list[str]]:
    """Write decisions, rewards and rejects; how many of each, and doubts about the log."""
    total, shown = data.count("log"), data.table("log").shown
    if total == 0:
        raise DataError(f"{shown} has no rows; is it the right table?")
    found = labels.found(data, log)
    space = wave.plan.space
    meaning = labels.meant(log, found, space.names[1:])
    numbers = {label: space.index(name) for label, name in meaning.items()}
    if log.no_contact is not None:
        numbers[log.no_contact] = NO_CONTACT
    offered = np.zeros(len(wave.plan.space), dtype=np.bool_)
    offered[[NO_CONTACT, *numbers.values()]] = True
    assembler = Assembler(wave)
    writer = record.DecisionWriter(partial, assembler.schema)
    kind = schema.outcomes(wave.customer_type)
    values = np.ones(len(wave.plan.space), dtype=np.float32)
    bound = Bound(wave.run.campaign.limits.reject_share, total, shown, "row")
    sample = LogSample(wave.run.seed, total)
    progress.step("taking in the log", total=total)
    try:
        with (
            Rejects(partial / rejects.NAME, bound) as refused,
            pq.ParquetWriter(events / outcomes.EVENTS, kind) as rewards,
        ):
            for batch in _batches(wave, log, data, numbers):
                refused.add([_reject(batch, fault) for fault in batch.rows.faults])
                keep = ~batch.rows.refused
                taken = _taken(wave, batch.rows, keep, always=log.eligible is None)
                ids = batch.ids.filter(pa.array(keep))
                number = batch.number.filter(pa.array(keep)) if log.customer is None else None
                whose, contexts = ids if number is None else number, batch.contexts[keep]
                sample.add(whose, contexts, taken.choice.action, taken.choice.propensity)
                decisions = assembler.batch([taken], ids, contexts, values, number)
                writer.write(decisions)
                reward = batch.rows.reward[keep]
                rewards.write_table(_events(decisions, reward, wave.run.at, kind))
                progress.advance(len(keep))
            rejected = refused.finish()
        writer.close()
    finally:
        writer.abandon()
    doubts = [
        *data.table("log").notes,
        *labels.unused(log, found),
        *columns.repeated(data, log),
        *sample.doubts(offered, space.names, wave.start.spec.names),
    ]
    return writer.rows, rejected, doubts


def _batches(wave: Wave, log: Log, data: Database, numbers: Mapping[str, int]) -> Iterator[_Batch]:
    """The log's rows in the order of the customers' keys."""
    campaign, k = wave.run.campaign, len(wave.plan.space)
    features = feature_columns(data, campaign)
    wanted = "BIGINT" if pa.types.is_integer(wave.customer_type) else "VARCHAR"
    chosen = [
        *columns.selected(data, log, wanted),
        "row_number() OVER () - 1 AS number",
        *(f"{query} AS {sql.name(f'f{i}')}" for i, query in enumerate(features.values())),
    ]
    query = f"SELECT {', '.join(chosen)} FROM {data.table('log').view} ORDER BY customer, number"
    reader = data.connection.sql(query).to_arrow_reader(campaign.limits.batch_size)
    for batch in reader:
        own = pa.RecordBatch.from_arrays(
            [batch.column(f"f{i}") for i in range(len(features))], names=list(features)
        )
        encoded = encode(wave.start.spec, own, wave.run.at)
        rows = log_rows.of(log, batch, numbers, k, encoded.faults)
        ids = batch["customer"].cast(wave.customer_type)
        yield _Batch(ids, batch["number"], rows, encoded.contexts)


def _reject(batch: _Batch, fault: Refused) -> Reject:
    number, key = batch.number[fault.row].as_py(), batch.ids[fault.row].as_py()
    return {
        "table": "log",
        "key": f"row {number}" if key is None else str(key),
        "column": fault.column,
        "value": fault.value,
        "reason": fault.reason,
    }


def _taken(wave: Wave, rows: LogRows, keep: Bool, *, always: bool) -> Taken:
    """The rows that are kept; no contact was ``always`` possible where the log does not say."""
    propensity = rows.propensity
    if propensity is None:
        raise RuntimeError("a log without propensities is no record")
    n = int(keep.sum())
    choice = Choice(
        action=rows.action[keep],
        propensity=propensity[keep],
        score=np.zeros(n, dtype=np.float32),
        group=np.zeros(n, dtype=np.int16),
        joint=np.empty((n, 0)),
    )
    allowed = np.array(rows.eligible[keep])
    allowed[:, NO_CONTACT] |= always
    return Taken(wave.plan.placements[0], 1, np.arange(n), choice, allowed)


def _events(
    decisions: pa.RecordBatch, reward: Float64, at: dt.datetime, kind: pa.Schema
) -> pa.Table:
    """An event for each reward that is not zero; silence says the rest."""
    some = reward != 0.0
    ids = decisions["decision_id"].filter(pa.array(some))
    n = len(ids)
    own = [
        pc.binary_join_element_wise(pa.scalar("log"), ids, "-"),
        ids,
        pa.nulls(n, kind.field("customer_id").type),
        pa.repeat(pa.scalar("reward"), n),
        pa.array(reward[some]),
        pa.repeat(pa.scalar(at, kind.field("occurred_at").type), n),
        pa.nulls(n, kind.field("version").type),
    ]
    return pa.Table.from_arrays(own, schema=kind)


def _content(wave: Wave, digest: str, decisions: int, rejected: int) -> dict[str, Any]:
    return {
        "kind": record.LOGGED,
        "wave": wave.run.wave,
        "campaign": wave.run.campaign.file,
        "log": digest,
        "at": wave.run.at.isoformat(),
        "seed": wave.run.seed,
        "config": wave.run.campaign.digest,
        "snapshot": wave.start.version,
        "actions": wave.plan.space.pairs,
        "placements": [OUTBOUND],
        "groups": wave.plan.groups,
        "features": wave.start.features.model_dump(),
        "d": wave.posterior.n_features,
        "decisions": decisions,
        "summary": {"rejected": rejected},
        **served_with(wave),
        "versions": versions(),
    }
