"""Damaged files: the index is made anew, everything else is refused by its name."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from tests.faults import small
from tests.faults.crash import Case
from tests.faults.runs import Result, Runs

NEXT = (small.AT + 2 * small.DAY).isoformat()[:19]
INDEX = "index.duckdb"
QUERIES = (
    "SELECT * EXCLUDE (features, eligible) FROM decisions ORDER BY decision_id",
    "SELECT * FROM outcomes ORDER BY event_id",
    "SELECT * FROM rejects ORDER BY ALL",
    "SELECT * FROM waves",
)


def answers(folder: Path) -> list[list[dict[str, Any]]]:
    """What the index says."""
    with duckdb.connect(str(folder / INDEX), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return [connection.sql(query).to_arrow_table().to_pylist() for query in QUERIES]


def flipped(content: bytes, draw: random.Random) -> bytes:
    """One byte other than it was."""
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ draw.randrange(1, 256)]) + content[at + 1 :]


def truncated(content: bytes, draw: random.Random) -> bytes:
    """Cut short."""
    return content[: draw.randrange(len(content))]


def index(learned: Path, work: Callable[[Path], Result], count: int, seed: int) -> int:
    """Damage or delete the index ``count`` times; ``work`` is the next command."""
    draw = random.Random(seed)
    path = learned / INDEX
    assert work(learned).code == 0
    wanted, whole = answers(learned), path.read_bytes()
    for number in range(count):
        match number % 10:
            case 0:
                path.unlink()
            case 1:
                path.write_bytes(truncated(whole, draw))
            case 2:
                path.with_name(f"{INDEX}.wal").write_bytes(draw.randbytes(100))
            case _:
                path.write_bytes(flipped(whole, draw))
        result = work(learned)
        assert result.code == 0, result.stderr
        assert answers(learned) == wanted, number
        assert not path.with_name(f"{INDEX}.wal").exists()
        path.write_bytes(whole)
    return count


READERS = {
    "waves/*/decisions-*.parquet": ("serve-batch", "--at", NEXT),
    "waves/*/manifest.json": ("serve-batch", "--at", NEXT),
    "outcomes/*/events.parquet": ("learn", "--at", NEXT),
    "outcomes/*/manifest.json": ("learn", "--at", NEXT),
    "snapshots/000001/*": ("serve-batch", "--at", NEXT),
}
"""Files by pattern, and the command that reads them and must notice."""


def refused(runs: Runs, scratch: Path, learned: Path, count: int, seed: int) -> dict[str, int]:
    """Damage one file at a time; the command that reads it ends with 4 and names the file."""
    draw = random.Random(seed)
    found = dict.fromkeys(READERS, 0)
    for pattern, (verb, *rest) in READERS.items():
        for _ in range(count):
            folder = scratch / "damaged"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(learned, folder)
            path = draw.choice(sorted(folder.glob(pattern)))
            spoil = draw.choice([flipped, truncated])
            path.write_bytes(spoil(path.read_bytes(), draw))
            before = small.tree(folder)
            result = runs.bandit(verb, folder, *rest)
            what = f"{spoil.__name__} {path.relative_to(folder)}: {result}"
            assert result.code == 4, what
            assert path.name in result.stderr, what
            assert path.parent.name in result.stderr, what
            assert "Traceback" not in result.stderr, what
            assert small.tree(folder) == before, what
            found[pattern] += 1
    return found


def learned_folder(case: Case) -> Path:
    """A campaign with two waves, outcomes and a learned snapshot."""
    case.reset()
    assert case.run().code == 0
    return case.folder
