"""What a cell says: the one place that reads text as a number, a truth value, a date or an id.

Every function gives SQL that is NULL where the cell does not say such a thing; whether a NULL is a
fault (`misread`) is asked apart. DuckDB's own casts read more than was meant (1_000, 0x1A,
15/12/26 as the year 15), so they are held to what people mean.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from bandit.config.tables import Form
from bandit.core import folding, sql

Use = Literal["text", "number", "truth", "date", "vector"]

TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
WHOLE_FLOATS = 2**53
"""Beyond it a float no longer holds every whole number, so it can hold no id."""

REMEDY: dict[Use, str] = {
    "text": "text or a whole number",
    "number": "a number",
    "truth": "true or false",
    "date": "a date or time such as 2026-11-23 or 2026-11-23 10:00:00",
    "vector": "a list of numbers such as [0.5, 1.5]",
}


class Writing(NamedTuple):
    """How the cells of one source are written: its settings and the campaign's time zone."""

    form: Form
    zone: str


PLAIN = Writing(Form(), "UTC")


def read(cell: str, kind: str, use: Use, writing: Writing = PLAIN) -> str:
    """SQL of a column of DuckDB's type ``kind`` read for a use.

    text VARCHAR, number DOUBLE (whole numbers and floats stay what they are), truth BOOLEAN, date
    TIMESTAMPTZ, vector FLOAT[d] or FLOAT[].
    """
    known = given(cell, kind, writing)
    if use == "text":
        return text(known, kind)
    if use == "number":
        return number(known, kind, writing)
    if use == "truth":
        return truth(known, kind, writing)
    if use == "date":
        return moment(known, kind, writing)
    return _vector(known, kind)


def misread(cell: str, kind: str, use: Use, writing: Writing = PLAIN) -> str | None:
    """SQL of whether a cell says something, and nothing that the use can take; None: never."""
    if not _may_fail(kind, use):
        return None
    known, value = given(cell, kind, writing), read(cell, kind, use, writing)
    blank = f" AND trim({cell}) <> ''" if kind == "VARCHAR" else ""
    return f"{known} IS NOT NULL AND {value} IS NULL{blank}"


def _may_fail(kind: str, use: Use) -> bool:
    if use == "text":
        return _fraction(kind)
    if use == "truth":
        return kind != "BOOLEAN"
    return use == "date" or kind == "VARCHAR"


def readable(kind: str, use: Use, writing: Writing = PLAIN) -> bool:
    """Whether a column of that type can be read so at all."""
    if kind == "VARCHAR":
        return True
    fits = {
        "text": sql.is_category(kind) or sql.is_time(kind) or _fraction(kind),
        "number": sql.is_number(kind),
        "truth": kind == "BOOLEAN" or sql.is_number(kind),
        "date": sql.is_time(kind) or (writing.form.date_format and kind in sql.INTEGERS),
        "vector": sql.is_vector(kind),
    }
    return bool(fits[use])


def given(cell: str, kind: str, writing: Writing) -> str:
    """The cell, or NULL where it is empty or one of the words for missing."""
    words = writing.form.missing
    if words:
        said = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
        listed = ", ".join(sql.text(w.strip()) for w in ("", *words))
        return f"CASE WHEN trim({said}) NOT IN ({listed}) THEN {cell} END"
    return f"nullif({cell}, '')" if kind == "VARCHAR" else cell


def text(cell: str, kind: str) -> str:
    """An id, a label or a category as it stands; of floats whole numbers alone, the rest rounds."""
    if kind == "VARCHAR":
        return cell
    if _fraction(kind):
        number = f"TRY_CAST({cell} AS HUGEINT)"
        return (
            f"CASE WHEN {number} = {cell} AND abs({cell}) < {WHOLE_FLOATS}"
            f" THEN CAST({number} AS VARCHAR) END"
        )
    return f"CAST({cell} AS VARCHAR)"


def _fraction(kind: str) -> bool:
    return kind in {"FLOAT", "DOUBLE"} or (kind.startswith("DECIMAL") and not kind.endswith(",0)"))


def number(cell: str, kind: str, writing: Writing = PLAIN) -> str:
    """A number; with a decimal comma a point is none, since nobody knows what it would separate."""
    if kind != "VARCHAR":
        return cell
    if writing.form.decimal == ",":
        plain = f"TRY_CAST(replace({cell}, ',', '.') AS DOUBLE)"
        return f"CASE WHEN instr({cell}, '_') = 0 AND instr({cell}, '.') = 0 THEN {plain} END"
    # The CASE also keeps the cast out of DuckDB's CSV reader, where a misfit is an error.
    return f"CASE WHEN instr({cell}, '_') = 0 THEN TRY_CAST({cell} AS DOUBLE) END"


def truth(cell: str, kind: str, writing: Writing = PLAIN) -> str:
    """True, false, or NULL; of numbers 1 is a yes and 0 a no, and another code is neither."""
    if kind == "BOOLEAN":
        return cell
    if sql.is_number(kind):
        return f"CASE {cell} WHEN 1 THEN true WHEN 0 THEN false END"
    plain = cell if kind == "VARCHAR" else f"CAST({cell} AS VARCHAR)"
    said = folding.folded(plain)
    yes, no = (
        ", ".join(sql.text(folding.fold(word)) for word in words)
        for words in ((*TRUE, *writing.form.true), (*FALSE, *writing.form.false))
    )
    # Most cells are a word as it is listed; only the others are folded, which costs more.
    return (
        f"CASE WHEN {plain} IN ({no}) THEN false WHEN {plain} IN ({yes}) THEN true"
        f" WHEN {said} IN ({no}) THEN false WHEN {said} IN ({yes}) THEN true END"
    )


def moment(cell: str, kind: str, writing: Writing = PLAIN) -> str:
    """A point in time; without a zone it is the campaign's local time, a date its midnight.

    NULL for what is no date, for years of two digits and for the dates that stand for something
    else (1900-01-01, 9999-12-31, the infinite).
    """
    if kind == "VARCHAR":
        found = _moment_of_text(cell, writing)
    elif kind in sql.INTEGERS and writing.form.date_format is not None:
        found = _formatted(f"CAST({cell} AS VARCHAR)", writing.form.date_format, writing.zone)
    else:
        found = at_zone(cell, kind, writing.zone)
    return f"CASE WHEN {sql.likely(found)} THEN {found} END"


def at_zone(cell: str, kind: str, zone: str) -> str:
    """A DATE or TIMESTAMP of local time as a point in time."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return cell
    if zone == "UTC":
        return f"TRY_CAST({cell} AS TIMESTAMPTZ)"
    return f"timezone({sql.text(zone)}, TRY_CAST({cell} AS TIMESTAMP))"


def _moment_of_text(cell: str, writing: Writing) -> str:
    year_first = f"({cell} LIKE '____-%' OR {cell} LIKE '____/%')"
    if writing.zone == "UTC":
        iso = f"TRY_CAST({cell} AS TIMESTAMPTZ)"
    else:
        zoned = f"regexp_matches(substr({cell}, 11), '[A-SU-Za-z+-]')"
        local = f"timezone({sql.text(writing.zone)}, TRY_CAST({cell} AS TIMESTAMP))"
        iso = f"CASE WHEN {zoned} THEN TRY_CAST({cell} AS TIMESTAMPTZ) ELSE {local} END"
    iso = f"CASE WHEN {year_first} THEN {iso} END"
    form = writing.form.date_format
    if form is None:
        return iso
    formatted = _formatted(cell, form, writing.zone)
    return formatted if form.startswith(("%Y", "%y")) else f"coalesce({formatted}, {iso})"


def _formatted(cell: str, form: str, zone: str) -> str:
    # To DuckDB "epoch" is a date in every format.
    read = (
        f"CASE WHEN lower(trim({cell})) <> 'epoch' THEN try_strptime({cell}, {sql.text(form)}) END"
    )
    return f"timezone({sql.text(zone)}, {read})"


def _vector(cell: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"CASE WHEN {cell} LIKE '%[%' THEN TRY_CAST({cell} AS FLOAT[]) END"
    size = kind[kind.index("[") :]
    return cell if kind == f"FLOAT{size}" else f"CAST({cell} AS FLOAT{size})"
