"""A strict reader of a customers' CSV, cell by cell in plain Python, from docs/sources.md.

It shares nothing with `bandit.sources`: the csv module, regular expressions, `datetime`.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

TRUE = {"true", "t", "yes", "y", "1"}
FALSE = {"false", "f", "no", "n", "0"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})", re.ASCII)
_TIME = re.compile(r"[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(.*)", re.ASCII)
_ZONE = re.compile(r" ?([+-])(\d{2})(?::?(\d{2}))?", re.ASCII)
_KEY = re.compile(r"(0|-?[1-9]\d*)(?:(?<=\d)\.0+)?", re.ASCII)
FIRST = dt.datetime(1900, 1, 2, tzinfo=dt.UTC)
LAST = dt.datetime(2500, 1, 1, tzinfo=dt.UTC)


class Form(NamedTuple):
    """The settings of a source."""

    decimal: str = "."
    date_format: str | None = None
    missing: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()


class Refused(Exception):
    """The file, or this cell, cannot be read as what it should be."""


def read(
    content: bytes, kinds: Mapping[str, str], form: Form, *, packed: bool = False
) -> dict[Any, dict[str, Any] | None]:
    """Each key's cells by column, None for a refused row; Refused for a file that is no table."""
    rows = _table(gzip.decompress(content) if packed else content)
    names = [name.strip() for name in rows[0]]
    key = next(c for c, kind in kinds.items() if kind == "key")
    records = [dict(zip(names, row, strict=True)) for row in rows[1:]]
    cells = [record[key] for record in records]
    whole = all(cell.strip() == "" or _number_key(cell) is not None for cell in cells)
    whole = whole and any(cell.strip() for cell in cells)
    keys = [_number_key(cell) if whole else cell or None for cell in cells]
    times = Counter(k for k in keys if k is not None)
    found: dict[Any, dict[str, Any] | None] = {}
    for k, record in zip(keys, records, strict=True):
        if k is not None:
            found[k] = None if times[k] > 1 else _row(record, kinds, form)
    return found


def _table(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused from None
    delimiter = ""
    if text[:4].lower() == "sep=" and text[4:5] not in {"", "\r", "\n"}:
        delimiter = text[4]
        text = text.partition("\n")[2]
    head = text.split("\n", 1)[0]
    delimiter = delimiter or max(",;\t|", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        raise Refused from None
    rows = [row for row in rows if row]
    if not rows:
        raise Refused
    width = len(rows[0])
    # Empty cells beyond the last column are nothing.
    if any(len(row) < width or any(row[width:]) for row in rows):
        raise Refused
    return [row[:width] for row in rows]


def _row(record: Mapping[str, str], kinds: Mapping[str, str], form: Form) -> dict[str, Any] | None:
    readers = {"number": number, "truth": truth, "date": date, "text": _text}
    try:
        return {
            column: readers[kind](record[column], form)
            for column, kind in kinds.items()
            if kind != "key"
        }
    except Refused:
        return None


def _number_key(cell: str) -> int | None:
    said = cell.strip(" ")
    if not _KEY.fullmatch(said):
        return None
    digits = said.partition(".")[0]
    if "." in said and len(digits.lstrip("-")) > 15:
        return None
    return int(digits) if -(2**63) <= int(digits) < 2**63 else None


def _missing(cell: str, form: Form) -> bool:
    return cell == "" or (bool(form.missing) and cell.strip(" ") in {"", *form.missing})


def _text(cell: str, form: Form) -> str | None:
    return None if _missing(cell, form) else cell


def number(cell: str, form: Form) -> float | None:
    """A finite number, or None for a missing one."""
    if _missing(cell, form) or not cell.strip(" "):
        return None
    said = cell.strip(" \t\n\v\f\r")
    if form.decimal == ",":
        if "." in said:
            raise Refused
        said = said.replace(",", ".")
    if not _NUMBER.fullmatch(said) or not math.isfinite(float(said)):
        raise Refused
    return float(said)


def truth(cell: str, form: Form) -> bool | None:
    """True, false, or None for a missing one."""
    if _missing(cell, form) or not cell.strip(" "):
        return None
    said = _fold(cell)
    if said in FALSE | {_fold(w) for w in form.false}:
        return False
    if said in TRUE | {_fold(w) for w in form.true}:
        return True
    raise Refused


def _fold(text: str) -> str:
    seen = "".join(c for c in text if unicodedata.category(c) != "Cf")
    blank = {"Zs", "Zl", "Zp", "Cc"}
    letters = list(unicodedata.normalize("NFC", seen))
    while letters and unicodedata.category(letters[0]) in blank:
        letters.pop(0)
    while letters and unicodedata.category(letters[-1]) in blank:
        letters.pop()
    return "".join(letters).lower()


def date(cell: str, form: Form) -> dt.datetime | None:
    """A point in time, UTC where nothing is said of a zone, or None for a missing one."""
    if _missing(cell, form) or not cell.strip(" "):
        return None
    found = None
    if form.date_format is not None:
        try:
            found = dt.datetime.strptime(cell.strip(), form.date_format).replace(tzinfo=dt.UTC)
        except ValueError:
            found = None
    found = found or _iso(cell)
    if found is None or not FIRST <= found <= LAST:
        raise Refused
    return found


def _iso(cell: str) -> dt.datetime | None:
    said = cell.rstrip(" ")
    day = _DAY.match(said)
    if day is None:
        return None
    rest = said[day.end() :]
    hour, minute, second, micro, zone = 0, 0, 0, 0, ""
    if rest:
        time = _TIME.fullmatch(rest)
        if time is None:
            return None
        hour, minute = int(time[1]), int(time[2])
        second, micro = int(time[3] or 0), int((time[4] or "0").ljust(6, "0"))
        zone = time[5]
    shift = dt.timedelta(0)
    if zone not in {"", "Z", " UTC"}:
        offset = _ZONE.fullmatch(zone)
        if offset is None:
            return None
        shift = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        shift = -shift if offset[1] == "-" else shift
    try:
        local = dt.datetime(
            int(day[1]), int(day[2]), int(day[3]), hour, minute, second, micro, tzinfo=dt.UTC
        )
        return local - shift
    except (ValueError, OverflowError):
        return None


def equal(ours: Sequence[Any], theirs: Sequence[Any]) -> bool:
    """Whether two rows say the same."""
    return list(ours) == list(theirs)
