"""Cells of text that a use cannot take: how many, and the setting that would read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bandit.core import sql
from bandit.core.problems import shown
from bandit.sources import cells
from bandit.sources.cells import Use, Writing

AT_ONCE = 50
"""Columns that one pass looks at: DuckDB's time and memory grow with their square."""

LONGEST = 40
"""Letters of a word that may stand for what is not known; what is longer is no such word."""

_FORMS = tuple(
    day + time
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d",
                "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d-%b-%y")
    for time in ("", " %H:%M", " %H:%M:%S")
)  # fmt: skip


class _Seen(NamedTuple):
    known: int
    bad: int
    example: str | None


Ask = Callable[[str], Sequence[Any]]
"""One row of a query's SELECT list over all rows."""


def survey(
    pairs: Sequence[tuple[str, Use]], writing: Writing, ask: Ask
) -> dict[tuple[str, Use], _Seen]:
    """How many cells each column has, how many its use cannot take, and one of these."""
    found: dict[tuple[str, Use], _Seen] = {}
    for part in parts(pairs):
        asked = []
        for column, use in part:
            quoted = sql.name(column)
            bad = cells.misread(quoted, "VARCHAR", use, writing) or "false"
            known = cells.given(quoted, "VARCHAR", writing)
            asked += [
                f"count({known})",
                f"count(*) FILTER ({bad})",
                f"min({quoted}) FILTER ({bad})",
            ]
        row = ask(", ".join(asked))
        for i, pair in enumerate(part):
            found[pair] = _Seen(*row[3 * i : 3 * i + 3])
    return found


def parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """So many at once as one pass looks at."""
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def unfit(
    called: str, seen: Mapping[tuple[str, Use], _Seen], writing: Writing, ask: Ask
) -> dict[tuple[str, str], str]:
    """Why most cells of a column cannot be read for its use, and what would."""
    told: dict[tuple[str, str], str] = {}
    for (column, use), found in seen.items():
        if 2 * found.bad <= found.known:
            continue
        advice = proposal(column, use, writing, ask)
        told[column, use] = (
            f"{called}: column {column!r}: {found.bad:,} of {found.known:,} cells are no"
            f" {_CALLED[use]}, for example {shown(found.example)}; needed is {cells.REMEDY[use]};"
            f" {advice or 'convert it in a query or list it under another kind'}"
        )
    return told


_CALLED: Mapping[Use, str] = {
    "text": "text",
    "number": "numbers",
    "truth": "truth values",
    "date": "dates",
    "vector": "vectors",
}


def proposal(column: str, use: Use, writing: Writing, ask: Ask) -> str:
    """The setting that would read every cell, as a sentence; empty if none would."""
    changes: list[dict[str, Any]] = []
    if use == "number":
        changes = [{"decimal": "," if writing.form.decimal == "." else "."}]
    elif use == "date":
        changes = [{"date_format": form} for form in _FORMS if form != writing.form.date_format]
    if not changes:
        return ""
    quoted = sql.name(column)
    tries = [writing._replace(form=writing.form.model_copy(update=c)) for c in changes]
    bad = [cells.misread(quoted, "VARCHAR", use, one) or "false" for one in tries]
    row = ask(", ".join(f"count(*) FILTER ({b})" for b in bad))
    fitting = [c for c, count in zip(changes, row, strict=True) if count == 0]
    settings = [f"{k} = {_toml(v)}" for c in fitting for k, v in c.items()]
    if not settings:
        return _words(column, use, writing, ask)
    if len(settings) == 1:
        return f"add {settings[0]} to this source, which reads every cell of {column!r}"
    return f"add {' or '.join(settings[:3])} to this source, whichever is meant in {column!r}"


def _words(column: str, use: Use, writing: Writing, ask: Ask) -> str:
    """Whether all the cells that do not fit are one word, such as NA."""
    quoted = sql.name(column)
    bad = cells.misread(quoted, "VARCHAR", use, writing) or "false"
    low, high = ask(f"min({quoted}) FILTER ({bad}), max({quoted}) FILTER ({bad})")
    if low is None or low != high or len(low) > LONGEST:
        return ""
    return f"add missing = [{_toml(low)}] to this source if it means that nothing is known"


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
