"""Customers' files as people write them, at random: read by us and by a strict reader.

`python -m tests.sources.generated 3000 --seed 7` makes that many files and says how many were read
alike, how many refused by name. One that is read otherwise is made as small as it can be, and kept
with its campaign.toml in a folder of its own that is named.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bandit.config import campaign_file
from bandit.core.errors import BanditError
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from reference import sources as reference
from tests.sources import small

KINDS = {"id": "key", "n": "number", "b": "truth", "d": "date", "c": "text"}
TOML = """
[customers]
source = "{file}"
key = "id"
{form}
[features]
numeric = ["n"]
boolean = ["b"]
categorical = ["c"]
date = ["d"]
[[offer]]
name = "a"
[[channel]]
name = "shop"
kind = "inbound"
consent = false
"""
_ODD = st.text(st.sampled_from("0123456789.,-+/: eExTZ_"), max_size=8)
_NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(-1e9, 1e9, allow_nan=False).map(repr),
    st.sampled_from(["", " ", "NA", "nan", "inf", "1e999", "1_000", "0x1A", "1e3", " 7 ", "+5",
                     ".5", "5.", "-0"]),
    _ODD,
)  # fmt: skip
_WORDS = st.sampled_from(
    ["true", "false", "yes", "no", "1", "0", "TRUE", " no ", "ja", "Nein", "", "2", "perhaps", "t"]
)
_DAYS = st.one_of(
    st.dates().map(str),
    st.datetimes().map(lambda t: str(t.replace(microsecond=0))),
    st.dates().map(lambda d: f"{d.day:02}.{d.month:02}.{d.year:04}"),
    st.sampled_from(["", "15/12/26", "9999-12-31", "1900-01-01", "infinity", "NA", "2026-02-30",
                     "2026-11-23T10:00:00Z", "2026-11-23 10:00:00+02:00", "2026/11/23", "2026-1-5",
                     "26-11-23", "20261123", "epoch", "2026-11-23 10:00"]),
    _ODD,
)  # fmt: skip
_TEXTS = st.one_of(
    st.sampled_from(["1.0", "1", "007", "1E1", "+336", "Z\u00fcrich", "", "NA", "true", "a"]),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6),
)  # fmt: skip
_KEYS = st.one_of(
    st.integers(0, 99).map(str),
    st.integers(0, 2**64).map(str),
    st.sampled_from(["0999", "Total", "17.0", "12.5", "", " 3 ", "A1", "1e3"]),
)


class File(NamedTuple):
    """One generated file and its settings."""

    name: str
    content: bytes
    form: reference.Form


@st.composite
def files(draw: st.DrawFn) -> File:
    """Mostly a table of one shape; at times with a cell, a line or an encoding that is odd."""
    form = reference.Form(
        decimal=draw(st.sampled_from([".", ".", ","])),
        date_format=draw(st.sampled_from([None, None, "%d.%m.%Y"])),
        missing=draw(st.sampled_from([(), (), ("NA",)])),
        true=draw(st.sampled_from([(), ("ja",)])),
        false=draw(st.sampled_from([(), ("nein",)])),
    )
    plain_keys = draw(st.booleans())
    keys = st.integers(0, 10**6).map(str) if plain_keys else _KEYS
    size = draw(st.integers(1, 12))
    columns = {
        "id": draw(st.lists(keys, min_size=size, max_size=size, unique=plain_keys)),
        "n": _mostly(draw, size, st.integers(-999, 999).map(str), _NUMBERS),
        "b": _mostly(draw, size, st.sampled_from(["true", "false"]), _WORDS),
        "d": _mostly(
            draw, size, st.dates(min_value=_day(1950), max_value=_day(2100)).map(str), _DAYS
        ),
        "c": _mostly(draw, size, st.sampled_from(["x", "y"]), _TEXTS),
    }
    order = draw(st.permutations(list(columns)))
    delimiter = draw(st.sampled_from(",;\t|"))
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    always = draw(st.booleans())
    lines = [delimiter.join(order)]
    lines += [
        delimiter.join(_quoted(columns[c][i], delimiter, always=always) for c in order)
        for i in range(size)
    ]
    if draw(st.integers(0, 11)) == 0:
        lines[-1] += delimiter
    if draw(st.integers(0, 5)) == 0:
        lines.insert(0, f"sep={delimiter}")
    text = end.join(lines) + (end if draw(st.integers(0, 3)) else "")
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "latin-1", "utf-16"]))
    content = text.encode(encoding, errors="replace")
    packed = draw(st.integers(0, 5)) == 0
    name = f"people.{'csv.gz' if packed else 'CSV'}"
    return File(name, gzip.compress(content) if packed else content, form)


def _day(year: int) -> Any:
    return np.datetime64(f"{year}-01-01").astype(object)


def _mostly(draw: st.DrawFn, size: int, plain: Any, odd: Any) -> list[str]:
    cells = draw(st.lists(plain, min_size=size, max_size=size))
    for _ in range(draw(st.integers(0, 2))):
        cells[draw(st.integers(0, size - 1))] = draw(odd)
    return cells


def _quoted(cell: str, delimiter: str, *, always: bool) -> str:
    if always or any(c in cell for c in (delimiter, '"', "\n", "\r")):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def outcome(folder: Path, file: File) -> str:
    """Read a file both ways: "equal" or "refused"; AssertionError where ours reads otherwise."""
    (folder / file.name).write_bytes(file.content)
    form = "\n".join(
        f"{k} = {_toml(v)}" for k, v in file.form._asdict().items() if v not in {None, ()}
    )
    text = TOML.format(file=file.name, form=form)
    (folder / "campaign.toml").write_text(text, encoding="utf-8")
    try:
        found = _ours(folder)
    except BanditError as e:
        assert str(e), file  # noqa: PT017  # a refusal names something
        return "refused"
    wanted = reference.read(file.content, KINDS, file.form, packed=file.name.endswith("gz"))
    assert found == {k: v for k, v in wanted.items() if v is not None}, (file, found, wanted)
    return "equal"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{v}"' for v in value) + "]"
    return f'"{value}"'


def _ours(folder: Path) -> dict[Any, dict[str, Any]]:
    campaign = campaign_file.load(folder)
    found: dict[Any, dict[str, Any]] = {}
    with database.connect(campaign, threads=1) as data:
        catalogue = load_catalogue(campaign, data)
        for batch in customers.stream(data, campaign, catalogue, at=small.AT):
            for id_, row in zip(batch.ids.to_pylist(), batch.columns.to_pylist(), strict=True):
                # `encode` refuses the rows of numbers that are none.
                if row["n"] is None or np.isfinite(row["n"]):
                    day = row["d"]
                    row["d"] = None if day is None else day.replace(tzinfo=small.AT.tzinfo)
                    found[id_] = row
    return found


def run(count: int, number: int = 0, *, keep: Path | None = None) -> Counter[str]:
    """So many files; how they ended. The smallest that is read otherwise is left in ``keep``."""
    ended: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:

        @seed(number)
        @settings(
            max_examples=count, deadline=None, database=None, print_blob=False,
            phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(files())
        def one(file: File) -> None:
            folder = Path(name) / "now"
            folder.mkdir(exist_ok=True)
            try:
                ended[outcome(folder, file)] += 1
            except (AssertionError, reference.Refused):
                if keep is not None:
                    shutil.copytree(folder, keep, dirs_exist_ok=True)
                raise

        one()
    return ended


def main() -> None:
    """The long run."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("count", type=int)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--keep", type=Path, default=Path("read-otherwise"))
    told = asked.parse_args()
    try:
        ended = run(told.count, told.seed, keep=told.keep)
    except (AssertionError, reference.Refused):
        sys.stderr.write(f"a file is read otherwise: {told.keep}\n")
        raise
    for kind, times in sorted(ended.items()):
        sys.stdout.write(f"{kind:<8} {times:>6,}\n")


if __name__ == "__main__":
    main()
