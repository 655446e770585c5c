"""Text columns of the customers' source in the types that the configuration asks of them.

A CSV file, or a query over one, is text. Each column that the campaign uses is read for its use
(`cells`), in two passes over the text: what fits, then the table. Columns that rules and values
name are typed by all their cells, not by the first ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import duckdb

from bandit.core import sql
from bandit.sources import cells
from bandit.sources.cells import Use, Writing
from bandit.sources.proposals import Ask, parts, proposal, survey, unfit

SAMPLE_ROWS = 10_000
FAULT = "_bandit_fault"
"""Column: what a cell said that its column's use cannot take, as column, unit separator, cell."""

# From narrow to wide: the first type that every cell fits is the column's.
_FITS = {
    "BIGINT": "TRY_CAST(nullif({c}, '') AS BIGINT)::VARCHAR IS NOT DISTINCT FROM {c}",
    "DOUBLE": "{number} IS NOT NULL AND NOT ({c} LIKE '0_%' AND {c} NOT LIKE '0{decimal}%')",
    "BOOLEAN": "lower({c}) IN ('true', 'false')",
    "DATE": "length({c}) <= 10 AND {date} IS NOT NULL",
    "TIMESTAMP WITH TIME ZONE": "{date} IS NOT NULL",
}

_KINDS: Mapping[Use, str] = {
    "text": "VARCHAR",
    "number": "DOUBLE",
    "truth": "BOOLEAN",
    "date": "TIMESTAMP WITH TIME ZONE",
    "vector": "FLOAT[]",
}


class Asked(NamedTuple):
    """What is asked of the columns of a source.

    ``uses``: (column, use) pairs of features; ``free``: columns that rules and values name;
    ``labels``: columns wanted as the text that they are; ``key``: the customers' key and its kind,
    BIGINT or VARCHAR, None where all its cells say; ``kept``: (column, use) pairs that are read
    once where the cells are text, and refuse no row by themselves, ``other`` a column of customers.
    """

    uses: tuple[tuple[str, Use], ...] = ()
    free: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    key: tuple[str, str | None] | None = None
    kept: tuple[tuple[str, Use], ...] = ()
    other: tuple[str, str] | None = None


class Relation(NamedTuple):
    """What goes after FROM, its columns with DuckDB's types, how messages call it."""

    body: str
    kinds: Mapping[str, str]
    called: str
    is_text: bool


class Read(NamedTuple):
    """``columns``: what rules may name, with its types; ``names``: hidden column of (column, use).

    ``unfit``: by (column, use) why most cells cannot be read so, with the setting that would do;
    ``hints``: settings that would read the cells that do not fit elsewhere.
    """

    columns: dict[str, str]
    names: dict[tuple[str, str], str]
    key_kind: str | None
    has_faults: bool
    unfit: dict[tuple[str, str], str]
    hints: tuple[str, ...]


class _Part(NamedTuple):
    """SELECT list and faults as they are gathered."""

    columns: list[str]
    faults: list[str]


def load(
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    asked: Asked,
    writing: Writing,
    *,
    ask: Ask,
    sample: Ask,
    name: str,
) -> Read:
    """Make the table (of text) or view (of anything else) ``name`` over the relation.

    ``ask`` and ``sample`` evaluate aggregates over all its rows and over the first ones.
    """
    known = dict(relation.kinds)
    kinds = dict(known)
    part = _Part([], [])
    if relation.is_text:
        kinds |= _public(relation, asked, writing, ask, sample, part)
    else:
        part.columns.append("*")
    names: dict[tuple[str, str], str] = {}
    key_kind = None
    if asked.key is not None and asked.key[0] in known:
        column, pinned = asked.key
        key_kind = pinned or _key_kind(column, known[column], relation.is_text, ask, sample)
        if key_kind is not None and (relation.is_text or kinds[column] != key_kind):
            names[column, "key"] = _hidden("key", 0)
            _key(column, known[column], key_kind, part)
    uses = [(c, u) for c, u in asked.uses if c in known and cells.readable(known[c], u, writing)]
    seen = survey([(c, u) for c, u in uses if known[c] == "VARCHAR"], writing, ask)
    bad = unfit(relation.called, seen, writing, ask)
    for place, (column, use) in enumerate(uses):
        names[column, use] = _hidden(use, place)
        _use(column, known[column], use, writing, names[column, use], part)
    if relation.is_text:
        _keep(asked, known, writing, names, part)
    has_faults = bool(part.faults)
    if has_faults:
        part.columns.append(f"CASE {' '.join(part.faults)} END AS {FAULT}")
    kind = "TABLE" if relation.is_text else "VIEW"
    listed = ", ".join(part.columns) or "1 AS _bandit_nothing"
    connection.execute(f"CREATE {kind} {name} AS SELECT {listed} FROM {relation.body}")
    hints = [
        proposal(c, u, writing, ask)
        for (c, u), found in seen.items()
        if found.bad and (c, u) not in bad
    ]
    return Read(
        kinds, names, key_kind, has_faults, bad, tuple(dict.fromkeys(h for h in hints if h))
    )


def _keep(
    asked: Asked,
    known: Mapping[str, str],
    writing: Writing,
    names: dict[tuple[str, str], str],
    part: _Part,
) -> None:
    """Hidden columns of what is asked of text again and again: whose a row is, yes or no, when."""
    if asked.other is not None and known.get(asked.other[0]) == "VARCHAR":
        column, wanted = asked.other
        names[column, "key"] = _hidden("other", 0)
        part.columns.append(
            f"{as_key(sql.name(column), 'VARCHAR', wanted)} AS {names[column, 'key']}"
        )
    for place, (column, use) in enumerate(asked.kept):
        if known.get(column) == "VARCHAR":
            names[column, use] = _hidden(f"kept_{use}", place)
            read = cells.read(sql.name(column), "VARCHAR", use, writing)
            part.columns.append(f"{read} AS {names[column, use]}")


def _hidden(use: str, place: int) -> str:
    return f"_bandit_{use}_{place}"


def _public(
    relation: Relation, asked: Asked, writing: Writing, ask: Ask, sample: Ask, part: _Part
) -> dict[str, str]:
    """The columns that are asked for by name; of the others only the type, which is text."""
    kinds = relation.kinds
    text = sorted(c for c in asked.free if kinds.get(c) == "VARCHAR")
    found = _free(text, writing, ask, sample)
    # Where a feature refuses the cells that are of another kind, rules see the others.
    found |= {c: _KINDS[u] for c, u in asked.uses if u != "text" and found.get(c) == "VARCHAR"}
    part.columns.extend(_free_column(c, found[c], writing) for c in text)
    others = sorted(c for c in asked.free | asked.labels if c in kinds and c not in found)
    part.columns.extend(sql.name(c) for c in others)
    return found


def _key(column: str, kind: str, wanted: str, part: _Part) -> None:
    quoted = sql.name(column)
    read = as_key(quoted, kind, wanted)
    part.columns.append(f"{read} AS {_hidden('key', 0)}")
    if wanted == "BIGINT":
        said = f"CAST({quoted} AS VARCHAR)"
        part.faults.append(_fault(column, f"trim({said}) <> '' AND {read} IS NULL"))


def _use(column: str, kind: str, use: Use, writing: Writing, hidden: str, part: _Part) -> None:
    quoted = sql.name(column)
    part.columns.append(f"{cells.read(quoted, kind, use, writing)} AS {hidden}")
    bad = cells.misread(quoted, kind, use, writing)
    if bad is not None:
        part.faults.append(_fault(column, bad))


def _fault(column: str, bad: str) -> str:
    said = f"CAST({sql.name(column)} AS VARCHAR)"
    return f"WHEN {bad} THEN {sql.text(column + chr(31))} || {said}"


def as_key(expression: str, kind: str, wanted: str) -> str:
    """A column as the customers' key; NULL where it can be none of them."""
    if kind == wanted:
        return f"nullif({expression}, '')" if kind == "VARCHAR" else expression
    if wanted == "VARCHAR":
        return cells.text(expression, kind)
    number = f"TRY_CAST({expression} AS BIGINT)"
    if kind in sql.INTEGERS:
        return number
    if kind == "VARCHAR":
        # 17.0 is what other programs write of a whole number beside missing ones.
        cut = f"regexp_replace(trim({expression}), '^(-?[0-9]{{1,15}})\\.0+$', '\\1')"
        said = f"CASE WHEN instr({expression}, '.') = 0 THEN trim({expression}) ELSE {cut} END"
        return f"CASE WHEN {number}::VARCHAR = {said} THEN {number} END"
    return f"CASE WHEN {number} = {expression} THEN {number} END"


def _key_kind(column: str, kind: str, is_text: bool, ask: Ask, sample: Ask) -> str | None:
    """BIGINT or VARCHAR; None for a type that holds no key. Of text all cells decide."""
    if is_text and kind == "VARCHAR":
        quoted = sql.name(column)
        number = as_key(quoted, "VARCHAR", "BIGINT")
        other = f"bool_or(trim({quoted}) <> '' AND {number} IS NULL), count({number}) > 0"
        for look in (sample, ask):
            others, some = look(other)
            if others:
                return "VARCHAR"
        return "BIGINT" if some else "VARCHAR"
    if kind in sql.INTEGERS or kind.endswith(",0)"):
        return "BIGINT"
    return "VARCHAR" if kind in {"VARCHAR", "UUID"} or kind.startswith("ENUM") else None


def _free_column(column: str, kind: str, writing: Writing) -> str:
    quoted = sql.name(column)
    known = cells.given(quoted, "VARCHAR", writing)
    value = known
    if kind == "DOUBLE":
        value = cells.number(known, "VARCHAR", writing)
    elif kind == "DATE":
        local = f"timezone({sql.text(writing.zone)}, {cells.moment(known, 'VARCHAR', writing)})"
        value = f"CAST({local} AS DATE)"
    elif kind.startswith("TIMESTAMP"):
        value = cells.moment(known, "VARCHAR", writing)
    elif kind == "FLOAT[]":
        value = cells.read(quoted, "VARCHAR", "vector", writing)
    elif kind == "BOOLEAN":
        value = cells.truth(known, "VARCHAR", writing)
    elif kind != "VARCHAR":
        value = f"CAST({known} AS {kind})"
    return f"{value} AS {quoted}"


def _tests(column: str, writing: Writing) -> dict[str, str]:
    c = cells.given(sql.name(column), "VARCHAR", writing)
    parts = {
        "c": c,
        "number": cells.number(c, "VARCHAR", writing),
        "date": cells.moment(c, "VARCHAR", writing),
        "decimal": writing.form.decimal,
    }
    return {kind: test.format(**parts) for kind, test in _FITS.items()}


def _free(columns: Sequence[str], writing: Writing, ask: Ask, sample: Ask) -> dict[str, str]:
    """The narrowest type of each column that all its cells fit; text for a column of nothing."""
    left = _survivors({c: list(_FITS) for c in columns}, writing, sample)
    left = _survivors(left, writing, ask)
    # No cell fits all types, so a column with all of them left has no cell at all.
    return {c: t[0] if 0 < len(t) < len(_FITS) else "VARCHAR" for c, t in left.items()}


def _survivors(
    candidates: Mapping[str, list[str]], writing: Writing, ask: Ask
) -> dict[str, list[str]]:
    """Those of the types that every cell of the column fits; all for a column of NULLs."""
    kept: dict[str, list[str]] = {c: [] for c in candidates}
    for part in parts(list(candidates)):
        pairs = [(c, t) for c in part for t in candidates[c]]
        if not pairs:
            continue
        tests = {c: _tests(c, writing) for c in part}
        known = {c: cells.given(sql.name(c), "VARCHAR", writing) for c in part}
        row = ask(
            ", ".join(f"bool_and({tests[c][t]}) FILTER ({known[c]} IS NOT NULL)" for c, t in pairs)
        )
        for (column, kind), fits in zip(pairs, row, strict=True):
            if fits is not False:
                kept[column].append(kind)
    return kept
