"""Expressions that try to get out: none is executed, none reaches a file."""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path

import duckdb

from bandit.core.errors import ConfigError
from bandit.sources.expressions import check_expression

_COLUMNS = {"age": "BIGINT", "city": "VARCHAR"}
_ROWS = "SELECT * FROM customers"


def hold_harmless(folder: Path) -> dict[str, int]:
    """Try every string; what is not refused holds the payload as a text or a comment only."""
    file = folder / "file.csv"
    file.write_text("secret\n1\n", encoding="utf-8")
    texts = [text.replace("{f}", str(file)) for text in _texts()]
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE customers AS SELECT 30::BIGINT AS age, 'Bern' AS city")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        before = connection.execute(_ROWS).fetchall()
        passed = [text for text in texts if _passes(connection, text)]
        assert connection.execute(_ROWS).fetchall() == before
        tables = connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall()
        assert tables == [(1,)]
    assert all("--" in t or "/*" in t or "'" in t for t in passed), passed
    assert len(passed) < len(texts) // 20
    assert [p.name for p in folder.iterdir()] == ["file.csv"]
    refused = len(texts) - len(passed)
    return {"strings": len(texts), "refused": refused, "read as plain text": len(passed)}


def _passes(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    try:
        query = check_expression(text, _COLUMNS)
    except ConfigError:
        return False
    statements = connection.extract_statements(f"SELECT {query} FROM customers")
    assert len(statements) == 1, text
    assert not {"read_", "glob(", "select", "file.csv'"} & set(query.lower().split()), query
    with contextlib.suppress(duckdb.BinderException, duckdb.ConversionException):
        connection.execute(statements[0]).fetchall()
    return True


def _texts() -> list[str]:
    """1,000 and more attempts to leave the expression, to read, to write or to change something."""
    payloads = [
        "read_csv('{f}')", "read_text('{f}')", "read_blob('{f}')", "read_parquet('{f}')",
        "(SELECT content FROM read_text('{f}'))", "(SELECT 1 FROM '{f}')", "glob('{f}')",
        "(COPY customers TO '{f}')", "COPY customers TO '{f}'", "ATTACH '{f}' AS x",
        "EXPORT DATABASE '{f}'", "INSTALL httpfs", "LOAD httpfs", "PRAGMA database_list",
        "SET enable_external_access = true", "RESET ALL", "CREATE TABLE pwned AS SELECT 1",
        "DROP TABLE customers", "DELETE FROM customers", "UPDATE customers SET age = 0",
        "INSERT INTO customers VALUES (1)", "CALL pragma_version()", "SELECT * FROM customers",
        "(SELECT max(age) FROM customers)", "EXISTS (SELECT 1)", "query('DROP TABLE customers')",
        "query_table('customers')", "getenv('HOME')", "current_setting('memory_limit')",
        "pg_sleep(100)", "repeat('a', 1000000000)", "array_agg(age)", "list_transform([1], x -> x)",
        "range(1000000000)", "struct_pack(a := 1)", "columns('.*')", "nextval('s')", "random()",
        "system('id')", "shell('id')", "{{age}}", "$$x$$", "$1", "@x", "age[1:2]",
    ]  # fmt: skip
    frames = [
        "{p}", "{p} = 1", "age > 1 OR {p}", "age > 1; {p}", "age > 1; {p} --", "1) ; {p} ; --",
        "1); {p}; SELECT (1", "age > 1 /* */ ; {p} /*", "age IN ({p})", "coalesce({p}, 1) = 1",
        "CASE WHEN true THEN {p} ELSE 1 END = 1", "city = 'a' || {p}", "'; {p}; --",
        "age > 1\n;\n{p}\n", "\"age\" > 1 UNION SELECT {p}", "age > 1 AS x FROM customers; {p}",
        "abs({p}) > 0", "age BETWEEN {p} AND 3", "NOT {p}", "city LIKE {p}",
        "cast({p} as int) = 1", "age > 1) FROM customers; {p}; SELECT (1", "1 FROM ({p}) t",
    ]  # fmt: skip
    return [f.replace("{p}", p) for f, p in itertools.product(frames, payloads)]
