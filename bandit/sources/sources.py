"""A [source] of the configuration as a SELECT that DuckDB can run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import sqlglot
from sqlglot import exp

from bandit.config.campaign import Source
from bandit.core import sql
from bandit.core.errors import ConfigError
from bandit.core.problems import shown

DATABASES = {".duckdb", ".db"}
PARQUET = {".parquet", ".pq"}
MAX_QUERY_CHARACTERS = 100_000
OWN_NAME = "source"
"""What a query over a Parquet or CSV file calls it."""


class Located(NamedTuple):
    """A source with its files found."""

    role: str
    source: Source
    files: tuple[Path, ...]

    @property
    def is_database(self) -> bool:
        """Whether the file is one of DuckDB's own."""
        return self.files[0].suffix in DATABASES

    @property
    def shown(self) -> str:
        """The source as a message names it."""
        if self.source.table is not None:
            return f"{self.files[0]}, table {self.source.table!r}"
        return f"{self.files[0]}" + (", query" if self.source.query is not None else "")


def locate(role: str, source: Source, folder: Path) -> Located:
    """Find the files; relative paths start at the campaign's folder, `*` is for Parquet."""
    said = f"[{role}] source = {shown(source.source, 200)}"
    try:
        files = _files(folder / source.source)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{said} is no path: {getattr(e, 'strerror', None) or e}") from None
    if not files:
        where = shown(str(folder / source.source), 300)[1:-1]
        raise ConfigError(
            f"{said}: {where} does not exist; mend the path, which starts at the folder of"
            " campaign.toml"
        )
    located = Located(role, source, files)
    _check_kind(located, said)
    return located


def _files(given: Path) -> tuple[Path, ...]:
    found = sorted(given.parent.glob(given.name)) if "*" in given.name else [given]
    return tuple(file.resolve() for file in found if file.is_file())


def _check_kind(located: Located, said: str) -> None:
    name = located.files[0].name.lower()
    if len({f.suffix in PARQUET for f in located.files}) > 1 or (
        len(located.files) > 1 and located.files[0].suffix not in PARQUET
    ):
        raise ConfigError(f"{said} matches other files than Parquet; '*' is for these alone")
    known = located.is_database or located.files[0].suffix in PARQUET
    if not known and not name.endswith((".csv", ".csv.gz", ".tsv", ".txt")):
        raise ConfigError(
            f"{said}: only .duckdb, .parquet, .csv and .csv.gz are read; convert it to one of them"
        )
    if any(c in str(f) for f in located.files for c in "*?["):
        raise ConfigError(f"{said}: a path with *, ? or [ is a pattern to DuckDB; rename it")
    if located.source.table is not None and not located.is_database:
        raise ConfigError(
            f"[{located.role}] table = {located.source.table!r}: a file has no tables; use query,"
            f" where the file is called {OWN_NAME!r}"
        )


def parquet(files: Iterable[Path]) -> str:
    """The table function over Parquet files."""
    return f"read_parquet([{', '.join(sql.text(str(f)) for f in files)}])"


def table(alias: str, dotted: str) -> str:
    """A table of an attached database, `name` or `schema.name`."""
    schema, _, last = dotted.rpartition(".")
    return ".".join(sql.name(part) for part in (alias, schema or "main", last))


def query(role: str, text: str, *, alias: str | None, own: str | None) -> str:
    """A user's SELECT with its tables looked up in `alias`, or the name OWN_NAME replaced.

    ConfigError unless it is one SELECT and nothing else.
    """
    tree = _select(role, text)
    inside = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for node in list(tree.find_all(exp.Table)):
        if not isinstance(node.this, exp.Identifier) or node.catalog:
            continue
        if not node.db and node.name.lower() in inside:
            continue
        if alias is not None:
            schema = node.db or "main"
            node.set("catalog", exp.to_identifier(alias, quoted=True))
            node.set("db", exp.to_identifier(schema, quoted=True))
        elif own is not None and not node.db and node.name.lower() == OWN_NAME:
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(OWN_NAME, quoted=True)))
            node.set("this", exp.to_identifier(own, quoted=True))
    return tree.sql("duckdb", comments=False)


def _select(role: str, text: str) -> exp.Query:
    if len(text) > MAX_QUERY_CHARACTERS:
        raise ConfigError(f"[{role}] query is longer than {MAX_QUERY_CHARACTERS} characters")
    try:
        trees = [t for t in sqlglot.parse(text, dialect="duckdb") if t is not None]
    except sql.PARSER_FAULTS as e:
        reason = str(e).split("\n", 1)[0] or "nested too deeply"
        raise ConfigError(f"[{role}] query does not parse: {reason}") from None
    forbidden = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Pragma, exp.Attach, exp.Copy)
    if (
        len(trees) != 1
        or not isinstance(trees[0], exp.Query)
        or any(isinstance(n, forbidden) and not isinstance(n, exp.Query) for n in trees[0].walk())
    ):
        raise ConfigError(f"[{role}] query must be one SELECT and nothing else: {shown(text)}")
    return trees[0]
