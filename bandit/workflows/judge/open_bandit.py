"""The Open Bandit Dataset: its folder layout, and Parquet copies of its logs.

Saito, Aihara, Matsutani, Narita (2021), Open Bandit Dataset and Pipeline, NeurIPS. A folder holds
`item_context.csv` and one more CSV, the log; a Parquet copy `x.parquet` may have
`x_item_context.parquet` beside it.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from bandit.config.deciding import Features
from bandit.config.tables import Log
from bandit.core.errors import DataError

ITEMS = "item_context"
COLUMNS = ("timestamp", "item_id", "position", "click", "propensity_score")
MAPPING = Log(
    source="open bandit",
    action="item_id",
    reward="click",
    propensity="propensity_score",
    time="timestamp",
    position="position",
)
"""Which of its columns is what."""

SELECTED = (
    "item_id::VARCHAR AS label, TRY_CAST(click AS DOUBLE) AS reward,"
    " TRY_CAST(propensity_score AS DOUBLE) AS propensity, NULL AS customer, NULL AS said,"
    " NULL AS cluster, TRY_CAST(timestamp AS TIMESTAMPTZ) AS time,"
    " TRY_CAST(position AS BIGINT) AS position, NULL AS eligible, NULL::VARCHAR AS fault"
)
"""SQL of what `logs.columns.selected` gives of any other log."""


def locate(path: Path) -> Path | None:
    """The log's file, if ``path`` is one or is its folder."""
    if path.is_dir() and (path / f"{ITEMS}.csv").is_file():
        logs = [p for p in sorted(path.glob("*.csv")) if p.stem != ITEMS]
        return logs[0] if len(logs) == 1 else None
    if path.is_file() and path.suffix == ".parquet":
        try:
            names = pq.read_schema(path).names
        except (pa.ArrowInvalid, OSError):
            return None
        return path if set(COLUMNS) <= set(names) else None
    return None


def read(file: Path) -> tuple[pa.Table, list[str]]:
    """The log's table and the names of all items, also of those that were never shown."""
    table, items = _table(file), _items_of(file)
    missing = [c for c in COLUMNS if c not in table.column_names]
    if missing:
        raise DataError(
            f"{file} has no column {missing[0]!r}; is it a log of the Open Bandit Dataset?"
        )
    ids = (items if items is not None else table)["item_id"].cast(pa.int64())
    most = max(ids.drop_null().to_pylist(), default=-1)
    return table, [str(i) for i in range(most + 1)]


def features(table: pa.Table) -> Features:
    """The user's hashed features, as categories."""
    hashed = tuple(c for c in table.column_names if c.startswith("user_feature"))
    return Features(categorical=hashed, max_categories=10)


def _items_of(file: Path) -> pa.Table | None:
    for beside in (
        file.with_name(f"{ITEMS}.csv"),
        file.with_name(f"{file.stem}_{ITEMS}.parquet"),
    ):
        if beside.is_file():
            return _table(beside)
    return None


def _table(file: Path) -> pa.Table:
    try:
        table = pq.read_table(file) if file.suffix == ".parquet" else pa_csv.read_csv(file)
    except (pa.ArrowInvalid, OSError) as e:
        raise DataError(f"{file} cannot be read: {str(e).splitlines()[0]}") from None
    return table.select([c for c in table.column_names if c])
