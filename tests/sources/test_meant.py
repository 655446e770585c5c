"""What comes in is what was meant: ids, keys, dates, numbers and names, in each source."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.config.tables import Source
from bandit.core.errors import ConfigError, DataError
from bandit.features.encode import encode
from bandit.features.fit import fit
from bandit.record import outcomes
from bandit.record import waves as record
from bandit.sources import customers, database, unusable_rows
from bandit.sources.catalogue import load_catalogue
from bandit.sources.customers import CustomerRows
from tests.sources import rows, small

EVENTS = "event_id,decision_id,customer_id,event,reward,occurred_at\n"


def _rows(folder: Path, toml: str = small.TOML, **files: str) -> CustomerRows:
    campaign = small.campaign(folder, toml, **files)
    with database.connect(campaign, threads=1) as data:
        catalogue = load_catalogue(campaign, data)
        (found,) = customers.stream(data, campaign, catalogue, at=small.AT)
    return found


def _rejects(found: CustomerRows) -> list[tuple[str, str, str]]:
    return [(r["key"], r["column"], r["value"]) for r in found.rejects]


def _stored(folder: Path, text: str, toml: str = small.TOML) -> list[dict[str, Any]]:
    campaign = small.campaign(folder, toml, outcomes=text)
    more = {"outcomes": Source(source="outcomes.csv", **campaign.outcomes.form)}
    waves = record.waves(folder)
    files = [path for wave in waves for path in wave.decisions]
    with database.connect(campaign, roles=("customers",), more=more, extra_files=files) as data:
        batch = outcomes.take_in(campaign, data, "BIGINT", waves).batch
    path = folder / outcomes.OUTCOMES / batch / outcomes.EVENTS
    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


def test_decision_ids_stay_text(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "202645", 40)
    lines = [f"e{i},202645.{i},,sale,5,2026-11-24" for i in (10, 20, 30)]
    found = _stored(tmp_path, EVENTS + "\n".join(lines) + "\n")
    assert [e["decision_id"] for e in found] == ["202645.10", "202645.20", "202645.30"]


@pytest.mark.parametrize(
    "ids",
    [
        ["1000.1", "1000.10"],
        ["12345678901234567890", "12345678901234567891"],
        ["1E1", "10.0"],
        ["+336", "336"],
        ["0017", "17"],
    ],
)
def test_event_ids_stay_text(tmp_path: Path, ids: list[str]) -> None:
    lines = [f"{id_},,1,sale,5,2026-11-24" for id_ in ids]
    found = _stored(tmp_path, EVENTS + "\n".join(lines) + "\n")
    assert sorted(e["event_id"] for e in found) == sorted(ids)


def test_fractions_of_parquet_are_no_ids(tmp_path: Path) -> None:
    when = [dt.datetime(2026, 11, 24)] * 2  # noqa: DTZ001  # a table without zones
    for ids, right in (([1.0, 2.0], True), ([1.5, 2.5], False)):
        table = pa.table({"event_id": ids, "customer_id": [1, 2], "reward": [1, 2]})
        pq.write_table(table.append_column("occurred_at", pa.array(when)), tmp_path / "o.parquet")
        campaign = small.campaign(tmp_path)
        more = {"outcomes": Source(source="o.parquet")}
        with database.connect(campaign, roles=("customers",), more=more) as data:
            if right:
                assert outcomes.take_in(campaign, data, "BIGINT", []).events == 2
                continue
            with pytest.raises(DataError, match="a fraction rounds; write ids as text"):
                outcomes.take_in(campaign, data, "BIGINT", [])


def test_categories_stay_text(tmp_path: Path) -> None:
    text = small.CUSTOMERS
    for city, code in (("Bern", "1.0"), ("Basel", "1"), ("Zug", "01")):
        text = text.replace(city, code)
    found = _rows(tmp_path, customers=text)
    assert found.columns["city"].to_pylist() == ["1.0", "1", "1.0", "01"]


def test_offers_of_a_table_keep_their_names(tmp_path: Path) -> None:
    toml = small.TOML[: small.TOML.index("[[offer]]")] + '[offers]\nsource = "offers.csv"\n'
    toml += small.TOML[small.TOML.index("[[channel]]") :]
    campaign = small.campaign(tmp_path, toml, offers="name,channels\n1E1,Email\n0017, SMS \n")
    with database.connect(campaign) as data:
        found = load_catalogue(campaign, data).offers
    assert [(o.name, o.channels) for o in found] == [("1E1", ("email",)), ("0017", ("sms",))]


def test_one_odd_key_is_one_refused_row(tmp_path: Path) -> None:
    for at, kind in ((rows.AT, pa.int64()), (rows.AT + dt.timedelta(days=1), pa.string())):
        folder = tmp_path / "waves" / f"w{at.day}"
        folder.mkdir(parents=True)
        content = {"kind": "wave", "at": at.isoformat()}
        (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
        pq.write_table(pa.table({"customer_id": pa.nulls(1, kind)}), folder / "decisions-0.parquet")
    lines = "0999,1,1,Bern,2020-01-01,true\nTotal,1,1,Bern,2020-01-01,true\n"
    found = _rows(tmp_path, customers=small.CUSTOMERS + lines)
    assert found.ids.to_pylist() == [1, 2, 3, 4]
    assert _rejects(found) == [("0999", "customer_id", "0999"), ("Total", "customer_id", "Total")]
    assert "no 64-bit integer" in found.rejects[0]["reason"]


def test_without_a_wave_one_odd_key_makes_the_keys_text(tmp_path: Path) -> None:
    found = _rows(tmp_path, customers=small.CUSTOMERS + "0999,1,1,Bern,2020-01-01,true\n")
    assert found.ids.to_pylist() == ["0999", "1", "2", "3", "4"]


def test_a_key_beyond_64_bits_is_refused(tmp_path: Path) -> None:
    small.write(tmp_path)
    small.duckdb_file(
        tmp_path / "u.duckdb",
        "CREATE TABLE t AS SELECT * REPLACE (CASE customer_id WHEN 4 THEN 9223372036854775808"
        f" ELSE customer_id END::HUGEINT AS customer_id) FROM '{tmp_path}/customers.csv'",
    )
    toml = small.TOML.replace('"customers.csv"', '"u.duckdb"\ntable = "t"')
    found = _rows(tmp_path, toml)
    assert found.ids.to_pylist() == [1, 2, 3]
    assert len(found.rejects) == 1


def test_a_query_over_csv_sees_text(tmp_path: Path) -> None:
    text = "customer_id;x\n" + "".join(f"{i};{i},5\n" if i % 5 < 2 else f"{i};{i}\n"
                                        for i in range(100))  # fmt: skip
    toml = small.TOML.replace('numeric = ["age", "spend"]', 'numeric = ["x"]')
    toml = toml.replace('boolean = ["member"]', "").replace('categorical = ["city"]', "")
    toml = toml.replace('date = ["joined"]', "").replace('eligible = "age >= 30"', "")
    query = "query = \"SELECT customer_id, CAST(replace(x, ',', '.') AS DOUBLE) AS x FROM source\""
    asked = toml.replace('"customers.csv"', f'"customers.csv"\n{query}')
    right = [i + 0.5 if i % 5 < 2 else float(i) for i in range(100)]
    for form in (asked, toml.replace('"customers.csv"', '"customers.csv"\ndecimal = ","')):
        found = _rows(tmp_path, form, customers=text)
        assert found.columns["x"].to_pylist() == right
        assert not found.rejects
    plain = _rows(tmp_path, toml, customers=text)
    assert len(plain.rejects) == 40
    campaign = small.campaign(tmp_path, toml, customers=text)
    with database.connect(campaign) as data:
        (hint,) = data.table("customers").hints
    assert hint == "add decimal = \",\" to this source, which reads every cell of 'x'"


NUMBERS = {
    "1_000": None, "0x1A": None, " 7 ": 7.0, "1e3": 1000.0, "-.5": -0.5, "1,5": None,
    "1.234,5": None,
}  # fmt: skip


@pytest.mark.parametrize("cell", NUMBERS)
def test_numbers_are_what_people_mean(tmp_path: Path, cell: str) -> None:
    text = small.CUSTOMERS.replace(",10.5,", f',"{cell}",')
    found = _rows(tmp_path, customers=text)
    if NUMBERS[cell] is None:
        assert _rejects(found) == [("1", "spend", cell)]
    else:
        assert found.columns["spend"][0].as_py() == NUMBERS[cell]


DATES = ["15/12/26", "26-12-15", "9999-12-31", "1900-01-01", "infinity", "-infinity", "0026-01-01"]


@pytest.mark.parametrize("day", DATES)
def test_days_that_are_none_are_refused_everywhere(tmp_path: Path, day: str) -> None:
    found = _rows(
        tmp_path,
        customers=small.CUSTOMERS.replace("2020-01-01", day),
        history=small.HISTORY.replace("2026-11-20", day),
    )
    assert _rejects(found) == [("1", "joined", day)]
    campaign = small.campaign(tmp_path, history=small.HISTORY.replace("2026-11-20", day))
    with database.connect(campaign) as data:
        assert [r.example for r in unusable_rows.count(data, campaign)] == [day]
    with pytest.raises(DataError, match="no date or time"):
        _stored(tmp_path, f"{EVENTS}e1,,1,sale,1,{day}\n")
    toml = small.TOML[: small.TOML.index("[[offer]]")] + '[offers]\nsource = "offers.csv"\n'
    toml += small.TOML[small.TOML.index("[[channel]]") :]
    campaign = small.campaign(tmp_path, toml, offers=f"name,starts\na,{day}\n")
    with database.connect(campaign) as data, pytest.raises(ConfigError, match="needed is a date"):
        load_catalogue(campaign, data)


@pytest.mark.parametrize("day", ["infinity", "9999-12-31", "1900-01-01"])
def test_typed_days_that_are_none_are_refused_and_unknown_to_rules(
    tmp_path: Path, day: str
) -> None:
    small.write(tmp_path)
    query = (
        f"COPY (SELECT * REPLACE (CASE customer_id WHEN 1 THEN DATE '{day}' ELSE joined END"
        f" AS joined) FROM '{tmp_path}/customers.csv') TO '{tmp_path}/customers.parquet'"
    )
    small.duckdb_file(tmp_path / "scratch.duckdb", query)
    toml = small.TOML.replace("customers.csv", "customers.parquet")
    assert _rejects(_rows(tmp_path, toml)) == [("1", "joined", day)]
    ruled = toml.replace('date = ["joined"]', "").replace(
        "age >= 30", "joined <> DATE '2000-01-01'"
    )
    assert _rows(tmp_path, ruled).rules[:, 0].tolist() == [False, True, True, True]


def test_forms_of_dates_words_and_a_line_that_names_the_separator(tmp_path: Path) -> None:
    text = (
        "sep=;\ncustomer_id;age;spend;city;joined;member\n"
        "1;30;10,5;Bern;01.02.2020;ja\n2;41;NA;Basel;30.06.2021;nein\n3;25;7;Bern;2019-12-24;ja\n"
    )
    form = 'decimal = ","\ndate_format = "%d.%m.%Y"\nmissing = ["NA"]\n'
    form += 'true = ["ja"]\nfalse = ["NEIN"]'
    toml = small.TOML.replace('"customers.csv"', f'"customers.csv"\n{form}')
    found = _rows(tmp_path, toml, customers=text)
    assert found.columns["spend"].to_pylist() == [10.5, None, 7.0]
    assert [d.date().isoformat() for d in found.columns["joined"].to_pylist()] == [
        "2020-02-01", "2021-06-30", "2019-12-24",
    ]  # fmt: skip
    assert found.columns["member"].to_pylist() == [True, False, True]


def test_a_word_is_no_date_in_any_form(tmp_path: Path) -> None:
    toml = small.TOML.replace('"customers.csv"', '"customers.csv"\ndate_format = "%d.%m.%Y"')
    found = _rows(tmp_path, toml, customers=small.CUSTOMERS.replace("2020-01-01", "epoch"))
    assert _rejects(found) == [("1", "joined", "epoch")]


def test_a_column_in_another_form_is_refused_with_the_setting(tmp_path: Path) -> None:
    text = small.CUSTOMERS.replace("2020-01-01", "31.01.2020").replace("2021-06-30", "30.06.2021")
    text = text.replace("2019-12-24", "24.12.2019").replace("2024-02-29", "29.02.2024")
    with pytest.raises(ConfigError, match=r"date_format = \"%d.%m.%Y\""):
        _rows(tmp_path, customers=text)


def test_times_are_local_to_the_campaign(tmp_path: Path) -> None:
    toml = 'time_zone = "Europe/Berlin"\n' + small.TOML
    found = _rows(tmp_path, toml)
    assert found.columns["joined"][0].as_py() == dt.datetime(2019, 12, 31, 23)  # noqa: DTZ001
    (event,) = _stored(tmp_path, f"{EVENTS}e1,,1,sale,1,2026-07-01 00:30:00\n", toml)
    assert event["occurred_at"] == dt.datetime(2026, 6, 30, 22, 30, tzinfo=dt.UTC)
    with pytest.raises(ConfigError, match="no time zone"):
        small.campaign(tmp_path, 'time_zone = "Berlin"\n' + small.TOML)


def test_parquet_files_of_several_types(tmp_path: Path) -> None:
    base = {"city": ["a", "b"], "joined": [dt.date(2020, 1, 1)] * 2, "member": [True, False]}
    parts = {
        "p1": {"customer_id": [1, 2], "age": [30, 40], "spend": [1, 2], **base},
        "p2": {"customer_id": [3, 4], "age": [30, 40], "spend": [0.4, 0.6], **base},
    }
    for name, columns in parts.items():
        pq.write_table(pa.table(columns), tmp_path / f"{name}.PARQUET")
    toml = small.TOML.replace("customers.csv", "p*.PARQUET")
    assert _rows(tmp_path, toml).columns["spend"].to_pylist() == [1.0, 2.0, 0.4, 0.6]
    pq.write_table(pa.table({**parts["p2"], "spend": ["0.4", "x"]}), tmp_path / "p2.PARQUET")
    with pytest.raises(DataError, match=r"p2.PARQUET: column 'spend' is string"):
        _rows(tmp_path, toml)
    del parts["p2"]["spend"]
    pq.write_table(pa.table(parts["p2"]), tmp_path / "p2.PARQUET")
    with pytest.raises(DataError, match="has other columns than"):
        _rows(tmp_path, toml)


def test_a_partitioned_folder(tmp_path: Path) -> None:
    for city, key in (("01", 1), ("1", 2)):
        part = tmp_path / "people" / f"city={city}"
        part.mkdir(parents=True)
        columns = {"customer_id": [key], "age": [30], "spend": [float(key)], "member": [key == 1]}
        columns["joined"] = [dt.date(2020, 1, key)]
        pq.write_table(pa.table(columns), part / "part-0.parquet")
    found = _rows(tmp_path, small.TOML.replace("customers.csv", "people"))
    assert found.columns["city"].to_pylist() == ["01", "1"]


def test_csv_files_of_one_source(tmp_path: Path) -> None:
    head, *lines = small.CUSTOMERS.splitlines(keepends=True)
    (tmp_path / "c1.CSV").write_text(head + "".join(lines[:2]), encoding="utf-8")
    (tmp_path / "c2.CSV").write_text(head + "".join(lines[2:]), encoding="utf-8")
    assert (
        len(_rows(tmp_path, small.TOML.replace("customers.csv", "c?.CSV".replace("?", "*"))).ids)
        == 4
    )
    (tmp_path / "c2.CSV").write_text("customer_id,age\n9,9\n", encoding="utf-8")
    with pytest.raises(DataError, match="names other columns than"):
        _rows(tmp_path, small.TOML.replace("customers.csv", "c*.CSV"))


@pytest.mark.parametrize("name", ["Email", " EMAIL ", "e\u200bmail", "email\t"])
def test_names_of_the_history_count_in_any_case(tmp_path: Path, name: str) -> None:
    history = f'customer_id,channel,offer,contacted_at\n4,"{name}","HATS ",2026-11-22\n'
    found = _rows(tmp_path, history=history)
    assert found.contacts.channel.tolist() == [0]
    assert found.contacts.offer.tolist() == [1]


def test_a_gzip_file_is_read_to_its_checksum(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(small.CUSTOMERS.encode()))
    packed[-8] ^= 1
    small.write(tmp_path)
    (tmp_path / "customers.csv.gz").write_bytes(packed)
    with pytest.raises(DataError, match="no valid gzip file"):
        _rows(tmp_path, small.TOML.replace("customers.csv", "customers.csv.gz"))


def test_a_last_line_without_an_end_is_told(tmp_path: Path) -> None:
    campaign = small.campaign(tmp_path, consents=small.CONSENTS.rstrip("\n"))
    with database.connect(campaign) as data:
        note, *_ = unusable_rows.notes(data, campaign, load_catalogue(campaign, data))
    assert note.startswith(f"{tmp_path}/consents.csv: the last line does not end")


def test_only_the_columns_that_are_used_are_read(tmp_path: Path) -> None:
    wide = [f"c{i}" for i in range(2000)]
    head, *lines = small.CUSTOMERS.splitlines()
    text = "\n".join([f"{head},{','.join(wide)}", *(f"{x},{','.join(wide)}" for x in lines)]) + "\n"
    campaign = small.campaign(tmp_path, customers=text)
    with database.connect(campaign) as data:
        assert len(data.table("customers").columns) == 2006
        found = data.describe("FROM bandit_customers")
    assert len(found) < 15


NONE = ("CAST('nan' AS DOUBLE)", "CAST('inf' AS DOUBLE)", "NULL::DOUBLE", "-50.0")
RULES = {
    "balance > 100": [0, 0, 0, 0, 1],
    "balance <> 1": [0, 0, 0, 1, 1],
    "NOT (balance < 100)": [0, 0, 0, 0, 1],
    "sqrt(balance) > 10": [0, 0, 0, 0, 1],
    "ln(balance) > 5": [0, 0, 0, 0, 1],
    "1 / (balance + 50) < 1": [0, 0, 0, 0, 1],
    "pow(balance, 0.5) > 10": [0, 0, 0, 0, 1],
    "exp(balance * 1000) >= 0": [0, 0, 0, 1, 0],
    "balance * 1e308 * 10 > 1": [0, 0, 0, 0, 0],
    "least(balance, 5) > 1": [0, 0, 0, 0, 1],
    "balance BETWEEN 100 AND 1e308": [0, 0, 0, 0, 1],
    "balance::DOUBLE > 100": [0, 0, 0, 0, 1],
    "coalesce(balance, 0) >= 0": [1, 1, 1, 0, 1],
    "balance IS NULL": [1, 1, 1, 0, 0],
}


@pytest.mark.parametrize("rule", RULES)
def test_what_is_no_number_is_unknown_to_a_rule(tmp_path: Path, rule: str) -> None:
    values = " UNION ALL ".join(
        f"SELECT {i} AS customer_id, {v} AS balance" for i, v in enumerate((*NONE, "400.0"))
    )
    small.duckdb_file(tmp_path / "u.duckdb", f"CREATE TABLE t AS {values}")
    toml = f"""
[customers]
source = "u.duckdb"
table = "t"
[[offer]]
name = "a"
eligible = "{rule}"
[[channel]]
name = "shop"
kind = "inbound"
consent = false
"""
    assert _rows(tmp_path, toml).rules[:, 0].astype(int).tolist() == RULES[rule]


def test_infinite_days_are_no_features(tmp_path: Path) -> None:
    """A last guard: what the sources let through is encoded or refused, never the same number."""
    campaign = small.campaign(tmp_path)
    with database.connect(campaign) as data:
        spec = fit(campaign.features, customers.feature_relation(data, campaign), small.AT)
        found = encode(spec, _rows(tmp_path).columns, small.AT)
    assert np.isfinite(found.contexts).all()


CHANCES = [
    "random() < 0.5", "uuid() > 'a'", "gen_random_uuid() IS NOT NULL", "i < current_date - today()",
    "now() > TIMESTAMP '2020-01-01'", "i IN (SELECT i FROM t USING SAMPLE 5)",
]  # fmt: skip


@pytest.mark.parametrize("condition", CHANCES)
def test_a_query_that_cannot_be_repeated_is_refused(tmp_path: Path, condition: str) -> None:
    small.duckdb_file(tmp_path / "u.duckdb", "CREATE TABLE t AS SELECT range AS i FROM range(9)")
    query = f"SELECT i AS customer_id, 1 AS age FROM t WHERE {condition}"
    toml = small.TOML.replace('"customers.csv"', f'"u.duckdb"\nquery = "{query}"')
    with pytest.raises(ConfigError, match="must come out alike"):
        database.connect(small.campaign(tmp_path, toml))


def test_a_query_without_end_is_interrupted(tmp_path: Path) -> None:
    small.duckdb_file(
        tmp_path / "u.duckdb", "CREATE TABLE t AS SELECT range AS i FROM range(99999)"
    )
    query = "SELECT sum(hash(a.i + b.i + c.i)) AS customer_id FROM t a, t b, t c"
    toml = small.TOML.replace('"customers.csv"', f'"u.duckdb"\nquery = "{query}"')
    campaign = small.campaign(tmp_path, toml + "[limits]\nquery_seconds = 0.5\n")
    with database.connect(campaign) as data:
        for ask in (
            lambda: data.count("customers"),
            lambda: [*data.stream("FROM bandit_customers", rows=9)],
        ):
            with pytest.raises(ConfigError, match=r"limits.query_seconds = 0.5"):
                ask()


def test_today_and_ages_are_the_zone_s(tmp_path: Path) -> None:
    """At half past midnight in Berlin it is the 24th there, and the 23rd in UTC."""
    at = dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC)
    for zone, right in (("UTC", False), ("Europe/Berlin", True)):
        toml = small.TOML.replace("age >= 30", "today() = DATE '2026-11-24'")
        campaign = small.campaign(tmp_path, f'time_zone = "{zone}"\n{toml}')
        with database.connect(campaign) as data:
            catalogue = load_catalogue(campaign, data)
            (found,) = customers.stream(data, campaign, catalogue, at=at)
        assert found.rules[:, 0].tolist() == [right] * 4
