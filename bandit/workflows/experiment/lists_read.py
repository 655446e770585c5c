"""A wave's lists as they lie there, joined with the record that they were written from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.record import exports, heard
from bandit.record.waves import Wave
from bandit.results.experiment import ListFault
from bandit.sources import sources

MOST_EXAMPLES = 3
_COLUMNS = ("customer_id", "offer", "priority", "expected_value", "decision_id")


@dataclass(frozen=True)
class Listed:
    """The lists as table `listed` and the wave's contacts as table `made` of a connection.

    ``counts`` are the rows by list.
    """

    connection: duckdb.DuckDBPyConnection
    counts: dict[str, int]

    def fault(self, check: str, rows: str) -> ListFault:
        """The rows of a query, whose first column is a decision's id, as a fault."""
        found = self.connection.execute(f"SELECT count(*) FROM ({rows})").fetchall()[0][0]
        some = self.connection.execute(f"FROM ({rows}) ORDER BY 1 LIMIT {MOST_EXAMPLES}").fetchall()
        return ListFault(check, int(found), [str(row[0]) for row in some])

    def contacts(self) -> pa.Table:
        """Listed rows that the record knows: customer_id, action, decision_id, placement."""
        return self.connection.sql(
            "SELECT m.customer_id, m.action, m.decision_id, m.placement FROM made m"
            " JOIN listed l USING (decision_id) ORDER BY m.customer_id"
        ).to_arrow_table()


@contextmanager
def listed(campaign: Campaign, wave: Wave, files: Sequence[Path]) -> Iterator[Listed]:
    """The lists, and the contacts that are not withheld."""
    parts = [
        f"SELECT {sql.text(path.stem)} AS list, {', '.join(_COLUMNS)} FROM {_rows(path)}"
        for path in files
    ]
    decided = [wave.manifest.verified(p.parent, p.name) for p in wave.decisions]
    gone = exports.withheld_files(campaign.folder, wave)
    without = f" ANTI JOIN {sources.parquet(gone)} gone USING (decision_id)" if gone else ""
    with heard.connect(campaign.limits.memory_mb) as connection:
        connection.execute(f"CREATE TEMP TABLE listed AS {' UNION ALL BY NAME '.join(parts)}")
        connection.execute(
            "CREATE TEMP TABLE made AS SELECT d.customer_id, d.action, d.offer::VARCHAR AS offer,"
            " d.channel::VARCHAR AS channel, d.decision_id, d.placement::VARCHAR AS placement"
            f" FROM {sources.parquet(decided)} d{without} WHERE d.action > 0"
        )
        counts: dict[str, Any] = {path.stem: 0 for path in files}
        counts |= dict(
            connection.execute("SELECT list, count(*) FROM listed GROUP BY list").fetchall()
        )
        yield Listed(connection, counts)


def of_record(rows: Listed) -> Iterator[ListFault]:
    """Totals, duplicates and empty fields."""
    yield rows.fault(
        "rows that the record does not have",
        "SELECT l.decision_id FROM listed l ANTI JOIN made m ON l.decision_id = m.decision_id"
        " AND l.list = m.channel AND l.offer = m.offer"
        " AND ltrim(l.customer_id, '''') = ltrim(m.customer_id::VARCHAR, '''')",
    )
    yield rows.fault(
        "contacts that are on no list",
        "SELECT m.decision_id FROM made m ANTI JOIN listed l ON l.decision_id = m.decision_id"
        " AND l.list = m.channel",
    )
    yield rows.fault(
        "duplicates",
        "SELECT any_value(decision_id) FROM listed GROUP BY list, customer_id, offer"
        " HAVING count(*) > 1",
    )
    empty = " OR ".join(f"coalesce(trim({c}), '') = ''" for c in _COLUMNS)
    yield rows.fault("empty fields", f"SELECT decision_id FROM listed WHERE {empty}")


def _rows(path: Path) -> str:
    """A list's rows, every cell as text."""
    file = sql.text(str(path))
    if path.suffix == ".parquet":
        return f"(SELECT COLUMNS(*)::VARCHAR FROM read_parquet({file}))"
    return f"read_csv({file}, header = true, delim = ',', quote = '\"', all_varchar = true)"
