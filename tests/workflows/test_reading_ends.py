"""What ends a wave ends its reading first: DuckDB refuses to close while a thread still fetches.

Then its refusal would stand where the error belongs, and what it spilled would stay.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bandit.core.errors import DataError
from bandit.record import exports
from bandit.record.waves import DecisionWriter
from bandit.sources.connection import Database
from bandit.workflows.serve import spool
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.spool import Spool
from tests import campaigns
from tests.campaigns import MONDAY

CAPPED = '[[channel]]\nname = "post"\ncapacity = 5\n'


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("of", "name", "more"),
    [(Spool, "_write", CAPPED), (DecisionWriter, "write", ""), (exports._List, "write", "")],
)
def test_a_full_disk_is_told_once_nothing_is_read_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: type, name: str, more: str
) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=300, more=more)
    close: Callable[[Database], None] = Database.close
    reading: list[str] = []

    def closed(database: Database) -> None:
        reading.extend(t.name for t in threading.enumerate() if t.name.startswith("bandit-ahead"))
        close(database)

    monkeypatch.setattr(Database, "close", closed)
    monkeypatch.setattr(exports, "ROWS_PER_GROUP", 16)
    monkeypatch.setattr(spool, "ROWS", 20)
    monkeypatch.setattr(of, name, _full)
    with pytest.raises((OSError, DataError), match="No space left"):
        serve_batch(folder, wave="w1", at=MONDAY, batch_size=20)
    assert reading == []


def test_what_was_spilled_goes_though_the_connection_is_not_closed() -> None:
    class Busy:
        def close(self) -> None:
            raise RuntimeError("connection is busy with another call")

    database = Database(threads=1, memory_mb=100, seconds=1.0)
    database.connection.close()
    vars(database)["_connection"] = Busy()
    with pytest.raises(RuntimeError, match="busy"):
        database.close()
    assert not database.spill.exists()
