"""A [source] of the configuration as a SELECT that DuckDB can run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from bandit.config.tables import Source, spark_table
from bandit.core import sql
from bandit.core.errors import ConfigError, DataError
from bandit.core.problems import shown
from bandit.sources.given import called

DATABASES = {".duckdb", ".db"}
PARQUET = {".parquet", ".pq"}
MAX_QUERY_CHARACTERS = 100_000
EVENTS = "source."
"""Begins the role of a [[source]]."""
PLAIN = ", hive_partitioning=false"
"""How Parquet files are read that say nothing by their paths."""
OWN_NAME = "source"
"""What a query over a Parquet or CSV file calls it."""


class Located(NamedTuple):
    """A source with its files found."""

    role: str
    source: Source
    files: tuple[Path, ...]
    called: str | None = None

    @property
    def is_database(self) -> bool:
        """Whether the file is one of DuckDB's own."""
        return self.files[0].suffix.lower() in DATABASES

    @property
    def is_parquet(self) -> bool:
        """Whether the files are Parquet."""
        return self.files[0].suffix.lower() in PARQUET

    @property
    def shown(self) -> str:
        """The source as a message names it."""
        if self.called is not None:
            return self.called + (", query" if self.source.query is not None else "")
        if self.source.table is not None:
            return f"{self.files[0]}, table {self.source.table!r}"
        return f"{self.files[0]}" + (", query" if self.source.query is not None else "")


def locate(role: str, source: Source, folder: Path) -> Located:
    """Find the files; relative paths start at the campaign's folder, `*` is for Parquet."""
    said = f"[{role}] source = {shown(source.source, 200)}"
    table = spark_table(source.source)
    if table is not None:
        raise ConfigError(
            f"{said} is a table of Spark's: `serve-batch` and `learn` read it with --engine spark"
            " (`serve-batch --dry-run` to look at it first); for all else write it to Parquet:"
            f" spark.table({table!r}).write.parquet(...)"
        )
    try:
        files = _files(folder / source.source)
    except (OSError, ValueError) as e:
        raise ConfigError(f"{said} is no path: {getattr(e, 'strerror', None) or e}") from None
    if not files:
        where = shown(str(folder / source.source), 300)[1:-1]
        if (folder / source.source).is_dir():
            raise ConfigError(
                f"{said}: no Parquet file is in the folder {where}; name the file, or others by a"
                f" pattern such as {source.source.rstrip('/')}/*.csv"
            )
        raise ConfigError(
            f"{said}: {where} does not exist; mend the path, which starts at the folder of"
            " campaign.toml"
        )
    located = Located(role, source, files, called(role))
    _check_kind(located, said)
    return located


def _files(given: Path) -> tuple[Path, ...]:
    """One file, those of a pattern, or the Parquet files of a folder and the folders in it."""
    if given.is_dir():
        found = [f for f in given.rglob("*") if f.suffix.lower() in PARQUET and _seen(f, given)]
    elif "*" in str(given):
        fixed = [part for part in given.parts if "*" not in part]
        base = Path(*given.parts[: next(i for i, p in enumerate(given.parts) if "*" in p)])
        pattern = str(given.relative_to(base))
        found = [f for f in base.glob(pattern) if _seen(f, base)] if fixed else []
    else:
        found = [given]
    return tuple(file.resolve() for file in sorted(found) if file.is_file())


def _seen(file: Path, base: Path) -> bool:
    """Not one of the hidden files that Spark and others leave beside theirs."""
    return not any(p.startswith((".", "_")) for p in file.relative_to(base).parts)


def _check_kind(located: Located, said: str) -> None:
    kinds = {_kind(file) for file in located.files}
    if len(kinds) > 1:
        raise ConfigError(f"{said} matches files of several kinds; name those of one kind")
    if kinds == {None}:
        raise ConfigError(
            f"{said}: only .duckdb, .parquet, .csv and .csv.gz are read; convert it to one of them"
        )
    if located.is_database and len(located.files) > 1:
        raise ConfigError(f"{said} matches several databases; name one")
    if any(c in str(f) for f in located.files for c in "*?["):
        raise ConfigError(f"{said}: a path with *, ? or [ is a pattern to DuckDB; rename it")
    if located.source.table is not None and not located.is_database:
        raise ConfigError(
            f"[{located.role}] table = {located.source.table!r}: a file has no tables; use query,"
            f" where the file is called {OWN_NAME!r}"
        )


def _kind(file: Path) -> str | None:
    name = file.name.lower()
    if file.suffix.lower() in DATABASES:
        return "database"
    if file.suffix.lower() in PARQUET:
        return "parquet"
    return "csv" if name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")) else None


def parquet_of(located: Located) -> str:
    """The Parquet files of a source, of one type a column.

    Whole numbers beside fractions are read as fractions, not the other way round; files whose
    columns differ otherwise are a DataError that names both. Folders called country=DE give a
    column of text.
    """
    files = located.files
    first = _schema(files[0])
    widened = False
    for file in files[1:]:
        found = _schema(file)
        if found.keys() != first.keys():
            odd = sorted(first.keys() ^ found.keys())
            raise DataError(
                f"{file} has other columns than {files[0]}: {', '.join(odd[:5])}; files of one"
                " source have the same columns"
            )
        for column, kind in found.items():
            if kind != first[column]:
                if not (_is_number(kind) and _is_number(first[column])):
                    raise DataError(
                        f"{file}: column {column!r} is {kind}, in {files[0]} it is"
                        f" {first[column]}; write both with one type"
                    )
                widened = True
    listed = ", ".join(sql.text(str(f)) for f in files)
    hive = len(files) > 1 and any("=" in part for f in files for part in f.parent.parts)
    more = ", union_by_name=true" if widened else ""
    more += ", hive_partitioning=true, hive_types_autocast=false" if hive else PLAIN
    return f"read_parquet([{listed}]{more})"


def _schema(file: Path) -> dict[str, pa.DataType]:
    try:
        found = pq.read_schema(file)
    except (OSError, pa.ArrowException) as e:
        reason = str(e).split("\n", 1)[0]
        raise DataError(f"{file} cannot be read as Parquet: {reason}") from None
    return dict(zip(found.names, found.types, strict=True))


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
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

    ConfigError unless it is one SELECT and nothing else, and gives the same whenever it is asked.
    """
    tree = _select(role, text)
    _hold_repeatable(role, tree)
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


CHANCE = frozenset({
    "rand", "random", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "setseed", "nextval",
    "currval", "shuffle",
})  # fmt: skip
CLOCK = frozenset({
    "now", "today", "current_date", "current_time", "current_timestamp", "get_current_timestamp",
    "get_current_time", "localtime", "localtimestamp", "transaction_timestamp", "current_localtime",
    "current_localtimestamp",
})  # fmt: skip
REPEATED = frozenset({"customers", "identity", "offers", "channels", "history"})
"""Their queries must give a wave the same on another day; consents are those of the moment, and
outcomes and logs are kept as they came."""


def _hold_repeatable(role: str, tree: exp.Expr) -> None:
    for node in tree.walk():
        name = ""
        if isinstance(node, exp.Anonymous):
            name = node.name.lower()
        elif isinstance(node, exp.Func):
            name = node.sql_name().lower()
        if name in CHANCE or isinstance(node, exp.TableSample):
            raise ConfigError(
                f"[{role}] query draws at random ({name or 'a sample'}), and the same wave must"
                " come out alike: use hash() of a column instead"
            )
        if name in CLOCK and (role in REPEATED or role.startswith(EVENTS)):
            raise ConfigError(
                f"[{role}] query asks the clock ({name}), and the same wave must come out alike on"
                " another day: compare with today() in rules, or list a date among the features"
            )


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
