"""The channels' CSV lists, read and shortened without touching the rows that stay."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from bandit.core.errors import DataError

DECISION = "decision_id"
_MAX_CELL = 1 << 30


def rows(path: Path) -> Iterator[tuple[dict[str, str], str]]:
    """Each row of a list by column, with its text as it stands in the file; the header first.

    DataError if a spreadsheet, say, has made another file of it.
    """
    before = csv.field_size_limit(_MAX_CELL)
    try:
        yield from _rows(path)
    except (UnicodeDecodeError, csv.Error) as e:
        raise _not_ours(path, str(e)) from None
    finally:
        csv.field_size_limit(before)


def _rows(path: Path) -> Iterator[tuple[dict[str, str], str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        lines = _Remembered(stream)
        reader = csv.reader(lines)
        names: list[str] = []
        for cells in reader:
            names = names or cells
            if DECISION not in names:
                raise _not_ours(path, f"no column {DECISION}")
            yield dict(zip(names, cells, strict=False)), lines.taken()


def _not_ours(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is not the list that was written here ({why}); put that back from a backup, or"
        " move this one out of the campaign's folder"
    )


def without(source: Path, target: Path, decisions: Collection[str]) -> int:
    """Copy a list without the rows of ``decisions``; how many these were."""
    lost = 0
    with target.open("w", encoding="utf-8", newline="") as stream:
        for row, text in rows(source):
            if row.get(DECISION) in decisions:
                lost += 1
            else:
                stream.write(text)
    return lost


class _Remembered:
    """Lines that are kept until asked for: a quoted cell may go over several."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = iter(lines)
        self._since: list[str] = []

    def __iter__(self) -> _Remembered:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._since.append(line)
        return line

    def taken(self) -> str:
        """What was read since the last time."""
        text = "".join(self._since)
        self._since.clear()
        return text
