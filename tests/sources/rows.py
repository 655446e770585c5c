"""A record of a few made-up rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.core import files, schema
from bandit.record import exports, manifest, outcomes
from bandit.record import rejects as refusals
from bandit.record import waves as record

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
PAIRS = [["shoes", "email"], ["hats", "email"]]


def key(number: int) -> str:
    """A customer's key."""
    return f"c-{number:03d}"


def decisions(wave: str, count: int, at: dt.datetime = AT) -> pa.RecordBatch:
    """One outbound decision a customer; the action is the row number modulo 3."""
    kind = schema.decisions(pa.string(), 3, 2)
    number = np.arange(count)
    action = number % 3
    offer = [None if a == 0 else PAIRS[a - 1][0] for a in action]
    columns: dict[str, Any] = {
        "decision_id": [f"{wave}.{i}" for i in number],
        "wave": [wave] * count,
        "customer_id": [key(i) for i in number],
        "slot": np.ones(count, np.int16),
        "placement": ["outbound"] * count,
        "action": action.astype(np.int32),
        "offer": offer,
        "channel": [None if a == 0 else "email" for a in action],
        "propensity": np.full(count, 0.5),
        "group": ["lin_ts"] * count,
        "expected_reward": np.zeros(count, np.float32),
        "value": np.ones(count, np.float32),
        "cost": np.zeros(count),
        "expected_value": np.zeros(count, np.float32),
        "expected_no_contact": np.zeros(count, np.float32),
        "price_paid": np.zeros(count, np.float32),
        "eligible_count": np.full(count, 3, np.int32),
        "eligible": [b"\x07"] * count,
        "planned_action": action.astype(np.int32),
        "keep_probability": np.ones(count, np.float32),
        "features": np.stack([np.ones(count), number], axis=1).astype(np.float32).tolist(),
        "snapshot": ["000000"] * count,
        "decided_at": [at] * count,
    }
    columns["reason"] = pa.nulls(count, pa.string())
    arrays = [pa.array(columns[f.name]).cast(f.type) for f in kind]
    return pa.record_batch(arrays, schema=kind)


def publish_wave(
    campaign: Path,
    name: str,
    count: int,
    *,
    at: dt.datetime = AT,
    rejects: Sequence[dict[str, str]] = (),
) -> Path:
    """A wave in the record."""
    folder = campaign / record.WAVES / name
    batch = decisions(name, count, at)
    with files.aside(folder) as partial:
        writer = record.DecisionWriter(partial, batch.schema)
        writer.write(batch)
        writer.close()
        with refusals.Rejects(partial / refusals.NAME) as refused:
            refused.add(rejects)
            refused.finish()
        withheld = pa.table({"decision_id": pa.array([f"{name}.1"])})
        pq.write_table(withheld, partial / exports.WITHHELD)
        summary = {"customers": count, "contacted": int((batch["action"].to_numpy() > 0).sum())}
        content = {"kind": "wave", "wave": name, "at": at.isoformat(), "seed": 1, "actions": PAIRS}
        more = {"placements": ["outbound"], "decisions": count, "d": 2, "summary": summary}
        features = {"spec": "{}", "config": {}}
        versions = {"versions": {}, "groups": ["lin_ts"], "config": "", "snapshot": "000000"}
        manifest.write(partial, {**content, **more, **versions, "features": features})
        files.put_in_place((partial, folder))
    return folder


def publish_events(
    campaign: Path, name: str, events: Sequence[dict[str, Any]], *, delivery: int = 0
) -> Path:
    """A batch of outcomes in the record; what an event does not say is null or nothing."""
    folder = campaign / outcomes.OUTCOMES / name
    blank = {"decision_id": None, "customer_id": None, "event": "sale", "reward": 1.0}
    table = pa.Table.from_pylist(
        [{**blank, "occurred_at": AT, **event} for event in events], schema.outcomes(pa.string())
    )
    with files.aside(folder) as partial:
        pq.write_table(table, partial / outcomes.EVENTS)
        content = {"kind": "outcomes", "events": table.num_rows, "rejected": 0}
        manifest.write(partial, {**content, "delivery": delivery})
        files.put_in_place((partial, folder))
    return folder


def propensities(wave: Path) -> Any:
    """Of a wave's decisions."""
    return pq.read_table(wave / "decisions-0000.parquet")["propensity"].to_numpy()
