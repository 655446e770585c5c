from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.config import campaign_file
from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.record import heard
from bandit.sources import database
from tests import campaigns
from tests.sources import small

ONLY_CUSTOMERS = """
[customers]
{source}
[[offer]]
name = "shoes"
[[channel]]
name = "shop"
consent = false
"""


def _load(folder: Path, source: str, **files: str):
    return small.campaign(folder, ONLY_CUSTOMERS.format(source=source), **files)


def _columns(folder: Path, source: str, **files: str) -> dict[str, str]:
    with database.connect(_load(folder, source, **files)) as data:
        return data.table("customers").columns


def _named(folder: Path, source: str, *columns: str, **files: str):
    """A campaign whose rule names columns, so that they are typed."""
    rule = " AND ".join(f'"{column}" IS NULL' for column in columns)
    toml = ONLY_CUSTOMERS.replace('name = "shoes"', f"name = \"shoes\"\neligible = '{rule}'")
    return small.campaign(folder, toml.format(source=source), **files)


def _fails(folder: Path, source: str, kind: type[BanditError], **files: str) -> str:
    with pytest.raises(kind) as caught:
        database.connect(_load(folder, source, **files))
    return str(caught.value)


def test_all_sources_of_a_campaign_open(tmp_path: Path) -> None:
    with database.connect(small.campaign(tmp_path)) as data:
        assert set(data.tables) == {"customers", "consents", "history"}
        assert data.count("customers") == 4
        assert data.table("customers").columns == {
            "customer_id": "BIGINT",
            "age": "BIGINT",
            "spend": "VARCHAR",
            "city": "VARCHAR",
            "joined": "VARCHAR",
            "member": "VARCHAR",
        }  # text that no rule names


def test_nothing_is_drawn_on_standard_output(tmp_path: Path) -> None:
    """Cursors, on which queries stream, have it from their connection."""
    asked = "SELECT current_setting('enable_progress_bar')"
    with database.connect(campaign_file.load(campaigns.write(tmp_path, customers=20))) as data:
        for connection in (data.connection, data.connection.cursor()):
            assert connection.execute(asked).fetchall() == [(False,)]
    with heard.connect(100) as connection:
        assert connection.execute(asked).fetchall() == [(False,)]


def test_csv_types_come_from_every_row(tmp_path: Path) -> None:
    """As in Hillstrom's `spend`: whole numbers for long, then fractions, or something else."""
    rows = 30_000
    lines = [f"{i},{i},{i},{i % 2}" for i in range(rows)]
    late = [f"{rows},0.5,x,yes"]
    text = "customer_id,spend,note,flag\n" + "\n".join(lines + late) + "\n"
    named = _named(tmp_path, 'source = "customers.csv"', "spend", "note", "flag", customers=text)
    with database.connect(named) as data:
        found = data.table("customers").columns
    assert found == {
        "customer_id": "BIGINT",
        "spend": "DOUBLE",
        "note": "VARCHAR",
        "flag": "VARCHAR",
    }


def test_a_column_may_begin_with_nothing(tmp_path: Path) -> None:
    lines = [f"{i},," for i in range(20_000)] + ["20000,2020-01-01,"]
    text = "customer_id,left_on,note\n" + "\n".join(lines) + "\n"
    named = _named(tmp_path, 'source = "customers.csv"', "left_on", "note", customers=text)
    with database.connect(named) as data:
        found = data.table("customers").columns
    assert found == {"customer_id": "BIGINT", "left_on": "DATE", "note": "VARCHAR"}


def test_leading_zeros_stay(tmp_path: Path) -> None:
    found = _columns(tmp_path, 'source = "customers.csv"', customers="customer_id\n7\n007\n")
    assert found == {"customer_id": "VARCHAR"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_gzip_quotes_and_a_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    lines = [["customer_id", "name"], ["1", f'"a{delimiter}b"'], ["2", '"say ""hi"""']]
    text = "\r\n".join(delimiter.join(line) for line in lines) + "\r\n"
    with gzip.open(tmp_path / "c.csv.gz", "wb") as stream:
        stream.write(b"\xef\xbb\xbf" + text.encode())
    with database.connect(_named(tmp_path, 'source = "c.csv.gz"', "name")) as data:
        names = data.rows("SELECT name FROM bandit_customers ORDER BY customer_id")
    assert names == [(f"a{delimiter}b",), ('say "hi"',)]


def test_hillstrom_as_it_is(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "hillstrom" / "hillstrom.csv.gz"
    source = (
        f'source = "{file}"\nquery = "SELECT row_number() OVER () AS customer_id, * FROM source"'
    )
    with database.connect(_named(tmp_path, source, "spend")) as data:
        assert data.count("customers") == 64_000
        assert data.table("customers").columns["spend"] == "DOUBLE"
        assert data.rows("SELECT round(avg(spend), 6) FROM bandit_customers") == [(1.050908,)]


BROKEN_CSV = {
    "too many": ("customer_id,age\n1,2\n2,3,4\n3,4\n", "line 3 is broken", "2,3,4"),
    "too few": ("customer_id,age\n1,2\n2\n3,4\n", "line 3 is broken", "'2'"),
    "quote": ('customer_id,age\n1,2\n2,"3\n', "line 3 is broken", "mend or delete the line"),
    "empty": ("", "line 1 is empty", "the first line must name the columns"),
    "twice": ("customer_id,Age,age\n1,2,3\n", "line 1 names column 'age' twice", "rename"),
    "unnamed": ("customer_id,,age\n1,2,3\n", "column 2 has no readable name", "name it"),
}


@pytest.mark.parametrize("case", BROKEN_CSV)
def test_a_broken_csv_line_is_named(tmp_path: Path, case: str) -> None:
    text, place, remedy = BROKEN_CSV[case]
    message = _fails(tmp_path, 'source = "customers.csv"', DataError, customers=text)
    assert f"{tmp_path / 'customers.csv'}, line" in message
    assert place in message
    assert remedy in message


@pytest.mark.parametrize(
    ("encoding", "end", "said"),
    [
        ("utf-16", "\n", "given.csv is written in UTF-16; save the file as UTF-8"),
        ("utf-8", "\r", "given.csv: its lines end with a carriage return alone"),
    ],
)
def test_a_file_that_another_program_wrote_in_its_way_is_named(
    tmp_path: Path, encoding: str, end: str, said: str
) -> None:
    text = end.join(["customer_id,age", "1,2", "2,3", ""])
    (tmp_path / "given.csv").write_bytes(text.encode(encoding))
    assert said in _fails(tmp_path, 'source = "given.csv"', DataError)


def test_a_folder_without_parquet_files_is_no_missing_folder(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    message = _fails(tmp_path, 'source = "lists"', ConfigError)
    assert "no Parquet file is in the folder" in message
    assert "such as lists/*.csv" in message


def test_broken_lines_far_down_are_told_together(tmp_path: Path) -> None:
    lines = [f"{i},{i}" for i in range(50_000)]
    lines[40_000] += ",1"
    lines[45_000] = "7"
    text = "customer_id,age\n" + "\n".join(lines) + "\n"
    message = _fails(tmp_path, 'source = "customers.csv"', DataError, customers=text)
    assert message == (
        f"{tmp_path}/customers.csv, line 40002 is broken: Expected Number of Columns: 2 Found: 3;"
        " it reads '40000,40000,1'; mend or delete the line\n"
        f"{tmp_path}/customers.csv, line 45002 is broken: Expected Number of Columns: 2 Found: 1;"
        " it reads '7'; mend or delete the line"
    )


def test_lines_that_end_in_different_ways_are_told(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes(b"customer_id,city\r\n1,Bern\r\n2,Zug\n3,Basel\r\n")
    message = _fails(tmp_path, 'source = "c.csv"', DataError)
    assert "c.csv cannot be read as CSV" in message
    assert "Save the file anew" in message


def test_latin_1_is_told(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_bytes("customer_id,city\n1,Zürich\n".encode("latin-1"))
    named = _named(tmp_path, 'source = "c.csv"', "city")
    with pytest.raises(DataError) as caught:
        database.connect(named)
    message = str(caught.value)
    assert "c.csv, line 2 is broken" in message
    assert "save the file as UTF-8" in message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("c.csv.gz", "is no valid gzip file"),
        ("c.parquet", "cannot be read"),
        ("c.duckdb", "cannot be opened as a DuckDB file"),
    ],
)
def test_garbage_in_a_file_is_named(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / name).write_bytes(b"neither this nor that" * 100)
    table = '\ntable = "people"' if name.endswith("duckdb") else ""
    message = _fails(tmp_path, f'source = "{name}"{table}', DataError)
    assert str(tmp_path / name) in message
    assert said in message


def test_missing_files_are_told_together(tmp_path: Path) -> None:
    loaded = small.campaign(tmp_path)
    (tmp_path / "customers.csv").unlink()
    (tmp_path / "history.csv").unlink()
    with pytest.raises(ConfigError) as caught:
        database.connect(loaded)
    assert str(caught.value).splitlines() == [
        f"[{role}] source = '{role}.csv': {tmp_path}/{role}.csv does not exist; mend the path,"
        " which starts at the folder of campaign.toml"
        for role in ("customers", "history")
    ]


WRONG_SOURCES = {
    "format": ('source = "customers.xlsx"', "only .duckdb, .parquet, .csv and .csv.gz are read"),
    "pattern": ('source = "no*.parquet"', "no*.parquet does not exist; mend the path"),
    "mixed": ('source = "*.*"', "matches files of several kinds"),
    "long": (f'source = "{"x" * 5000}"', "is no path: File name too long"),
    "null": ('source = "a\\u0000b.csv"', "does not exist"),
    "folder": ('source = "."', "no Parquet file is in the folder"),
    "device": ('source = "/dev/zero"', "/dev/zero does not exist"),
    "table": ('source = "customers.csv"\ntable = "t"', "a file has no tables; use query"),
    "no table": (
        'source = "u.duckdb"\ntable = "peopel"',
        "has no table 'peopel'; did you mean 'people'?",
    ),
    "no column": ('source = "u.duckdb"\nquery = "SELECT agee FROM people"', '"agee" not found'),
    "two": ('source = "u.duckdb"\nquery = "SELECT 1; DROP TABLE people"', "must be one SELECT"),
    "drop": ('source = "u.duckdb"\nquery = "DROP TABLE people"', "must be one SELECT"),
    "copy": ('source = "u.duckdb"\nquery = "COPY people TO \'x.csv\'"', "must be one SELECT"),
    "attach": ('source = "u.duckdb"\nquery = "ATTACH \'x.db\'"', "must be one SELECT"),
    "parse": ('source = "u.duckdb"\nquery = "SELECT FROM WHERE"', "query"),
    "passwd": (
        'source = "u.duckdb"\nquery = "SELECT * FROM read_csv(\'/etc/passwd\')"',
        "reads a file that the campaign does not name",
    ),
    "glob": (
        'source = "u.duckdb"\nquery = "SELECT * FROM glob(\'/etc/*\')"',
        "reads a file that the campaign does not name",
    ),
}


@pytest.mark.parametrize("case", WRONG_SOURCES)
def test_a_wrong_source_refuses(tmp_path: Path, case: str) -> None:
    small.duckdb_file(tmp_path / "u.duckdb", "CREATE TABLE people AS SELECT 1 AS customer_id")
    (tmp_path / "customers.xlsx").write_bytes(b"x")
    source, said = WRONG_SOURCES[case]
    message = _fails(tmp_path, source, ConfigError)
    assert "[customers]" in message
    assert said in message


def test_tables_schemas_views_and_queries_of_a_database(tmp_path: Path) -> None:
    small.duckdb_file(
        tmp_path / "u.duckdb",
        "CREATE TABLE people AS SELECT range AS customer_id FROM range(10)",
        "CREATE VIEW young AS SELECT * FROM people WHERE customer_id < 3",
        "CREATE SCHEMA crm",
        "CREATE TABLE crm.people AS SELECT range AS customer_id FROM range(7)",
    )
    sizes = {
        'table = "people"': 10,
        'table = "young"': 3,
        'table = "crm.people"': 7,
        'query = "SELECT p.customer_id FROM people p JOIN crm.people USING (customer_id)"': 7,
        'query = "WITH people AS (FROM young) SELECT * FROM people -- a comment"': 3,
        'query = "SELECT * FROM people WHERE customer_id IN (SELECT customer_id FROM young);"': 3,
    }
    for chosen, size in sizes.items():
        with database.connect(_load(tmp_path, f'source = "u.duckdb"\n{chosen}')) as data:
            assert data.count("customers") == size, chosen


def test_parquet_files_by_pattern_and_query(tmp_path: Path) -> None:
    for part in range(3):
        pq.write_table(
            pa.table({"customer_id": [part * 2, part * 2 + 1]}), tmp_path / f"p{part}.parquet"
        )
    query = 'query = "SELECT source.* FROM source WHERE customer_id > 0"'
    with database.connect(_load(tmp_path, f'source = "p*.parquet"\n{query}')) as data:
        assert data.count("customers") == 5


def test_absolute_paths_and_one_file_for_several_sources(tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    small.duckdb_file(
        elsewhere / "it's.duckdb",
        "CREATE TABLE people AS SELECT 1 AS customer_id",
        "CREATE TABLE yes AS SELECT 1 AS customer_id, 'shop' AS channel, true AS granted",
    )
    source = f'source = "{elsewhere}/it\'s.duckdb"\ntable = '
    toml = ONLY_CUSTOMERS.format(source=source + '"people"') + f'[consents]\n{source}"yes"\n'
    with database.connect(small.campaign(tmp_path, toml)) as data:
        assert (data.count("customers"), data.count("consents")) == (1, 1)


@pytest.mark.parametrize("idle", [False, True])
def test_the_connection_reaches_nothing_else(tmp_path: Path, idle: bool) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    file = small.duckdb_file(tmp_path / "u.duckdb", "CREATE TABLE t AS SELECT 1 AS customer_id")
    before = file.read_bytes()
    # Of a catalogue in campaign.toml nothing is asked: the first attempt makes that connection.
    roles = database.CATALOGUE if idle else database.ROLES
    campaign = _load(tmp_path, 'source = "u.duckdb"\ntable = "t"')
    with database.connect(campaign, roles=roles) as data:
        assert (data.tables.keys() == set()) == idle
        for attempt in (
            f"SELECT * FROM '{tmp_path}/secret.csv'",
            f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
            f"ATTACH '{tmp_path}/new.duckdb' AS other",
            f"EXPORT DATABASE '{tmp_path}/dump'",
            "INSTALL httpfs",
            "SELECT * FROM read_csv('https://example.org/x.csv')",
            "SET enable_external_access = true",
            "SET memory_limit = '64GB'",
            "INSERT INTO bandit_0.t VALUES (2)",
            "DROP TABLE bandit_0.t",
        ):
            with pytest.raises(duckdb.Error):
                data.connection.execute(attempt).fetchall()
    assert file.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix in {".duckdb", ".csv"}) == [
        "consents.csv", "customers.csv", "history.csv", "secret.csv", "u.duckdb",
    ]  # fmt: skip


def test_extra_files_can_be_read(tmp_path: Path) -> None:
    ours = tmp_path / "decisions.parquet"
    pq.write_table(pa.table({"a": [1]}), ours)
    loaded = small.campaign(tmp_path)
    with database.connect(loaded, extra_files=[ours]) as data:
        assert data.rows(f"SELECT a FROM '{ours}'") == [(1,)]
    with database.connect(loaded) as data, pytest.raises(DataError, match="disabled"):
        data.rows(f"SELECT a FROM '{ours}'")


def test_what_was_spilled_is_removed(tmp_path: Path) -> None:
    with database.connect(small.campaign(tmp_path)) as data:
        folder = Path(data.rows("SELECT current_setting('temp_directory')")[0][0])
        folder.mkdir(exist_ok=True)
        (folder / "spilled").write_text("customers")
    assert not folder.exists()
    assert tmp_path not in folder.parents


def test_a_role_that_the_campaign_lacks(tmp_path: Path) -> None:
    with database.connect(_load(tmp_path, 'source = "customers.csv"')) as data:
        with pytest.raises(ConfigError, match=r"campaign.toml has no \[consents\]"):
            data.table("consents")
        with pytest.raises(ConfigError, match="has no column 'agee'; did you mean 'age'"):
            data.column("customers", "agee")
