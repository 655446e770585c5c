from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.config.campaign import Campaign
from bandit.core import schema
from bandit.core.errors import ConfigError, DataError
from bandit.sources import customers, database, unusable_rows, wave_query
from bandit.sources.catalogue import load_catalogue
from bandit.sources.customers import CustomerRows
from bandit.sources.expressions import check_expression
from tests.sources import small
from tests.sources.small import AT

DAY = dt.timedelta(days=1)


def _stream(campaign: Campaign, threads: int = 1, **options) -> list[CustomerRows]:
    files = [*options.get("record_contacts", ()), *options.get("refusals", ())]
    with database.connect(campaign, threads=threads, extra_files=files) as data:
        catalogue = load_catalogue(campaign, data)
        return list(customers.stream(data, campaign, catalogue, **({"at": AT} | options)))


def _fails(campaign: Campaign, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        _stream(campaign)
    return str(caught.value)


def _events(events: customers.Events, row: int) -> list[tuple[int, int, float]]:
    part = slice(events.offsets[row], events.offsets[row + 1])
    return [
        (int(c), int(o), round(float(a), 3))
        for c, o, a in zip(
            events.channel[part], events.offer[part], events.age_days[part], strict=True
        )
    ]


def test_a_small_wave_field_by_field(tmp_path: Path) -> None:
    (rows,) = _stream(small.campaign(tmp_path))
    assert rows.ids.to_pylist() == [1, 2, 3, 4]
    assert rows.ids.type == pa.int64()
    np.testing.assert_array_equal(rows.keys, np.array([1, 2, 3, 4], np.uint64))
    assert rows.columns.schema.names == ["age", "spend", "member", "city", "joined"]
    assert rows.columns.column("age").type == pa.float64()
    assert rows.columns.column("joined").to_pylist()[0] == dt.datetime(2020, 1, 1)  # noqa: DTZ001
    np.testing.assert_array_equal(rows.rules, [[1, 1], [1, 1], [0, 1], [1, 1]])
    np.testing.assert_array_equal(rows.values, np.array([20, 1], np.float32))
    # 2 granted and refused: refused. 3 said "yes". 4 agreed to sms only. The shop needs nothing.
    np.testing.assert_array_equal(rows.consent, [[1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 1, 1]])
    assert _events(rows.contacts, 0) == [(0, 1, 0.5), (0, 0, 3.0)]
    assert _events(rows.contacts, 1) == [(-1, -1, 2.0)]
    assert _events(rows.contacts, 2) == []
    assert rows.refusals.offsets.tolist() == [0, 0, 0, 0, 0]
    assert rows.rejects == []


def test_values_by_expression(tmp_path: Path) -> None:
    toml = small.TOML.replace("value = 20", 'value = "spend * 2"')
    (rows,) = _stream(small.campaign(tmp_path, toml))
    np.testing.assert_array_equal(
        rows.values, np.array([[21, 1], [0, 1], [14.5, 1], [7, 1]], np.float32)
    )


def test_a_value_that_is_none_rejects_those_who_could_get_the_offer(tmp_path: Path) -> None:
    text = "customer_id,age,spend\n1,30,10\n2,30,\n3,20,\n4,31,1\n"
    toml = small.TOML.replace("value = 20", 'value = "spend / (age - 31)"').replace(
        'boolean = ["member"]\ncategorical = ["city"]\ndate = ["joined"]\n', ""
    )
    (rows,) = _stream(small.campaign(tmp_path, toml, customers=text))
    assert rows.ids.to_pylist() == [1, 3]
    np.testing.assert_array_equal(rows.values, np.array([[-10, 1], [0, 1]], np.float32))
    assert [(r["key"], r["column"], r["value"], r["reason"]) for r in rows.rejects] == [
        ("2", "value", "None", "the value of offer 'shoes' is no finite number"),
        ("4", "value", "None", "the value of offer 'shoes' is no finite number"),
    ]


def test_text_keys_are_hashed_and_leading_zeros_kept(tmp_path: Path) -> None:
    text = small.CUSTOMERS.replace("\n1,", "\n007,")
    consents = small.CONSENTS.replace("\n1,", "\n007,")
    (rows,) = _stream(small.campaign(tmp_path, customers=text, consents=consents))
    assert rows.ids.to_pylist() == ["007", "2", "3", "4"]
    expected = [
        int.from_bytes(hashlib.md5(i.encode()).digest()[8:], "little")  # noqa: S324
        for i in rows.ids.to_pylist()
    ]
    assert rows.keys.tolist() == expected
    assert rows.consent[0].tolist() == [True, False, True]


def test_negative_keys_are_their_own_64_bits(tmp_path: Path) -> None:
    (rows,) = _stream(small.campaign(tmp_path, customers=small.CUSTOMERS.replace("\n1,", "\n-1,")))
    assert rows.ids.to_pylist()[0] == -1
    assert int(rows.keys[0]) == 2**64 - 1


BAD_ROWS = (
    "customer_id,age,spend,city,joined,member\n"
    "1,30,10.5,Bern,2020-01-01,true\n"
    "2,old,0.0,Basel,2021-06-30,false\n"
    "3,25,7.25,Bern,2019-02-30,true\n"
    "5,25,7.25,Bern,2019-12-24,perhaps\n"
    ",66,3.5,Zug,2024-02-29,false\n"
    "6,66,3.5,Zug,2024-02-29,false\n"
    "6,67,3.5,Zug,2024-02-29,false\n"
    "7,67,3.5,Zug,2024-02-29,false\n"
    "8,67,3.5,Zug,2024-02-29,false\n"
    "9,,,,,\n"
)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_bad_rows_are_rejected_with_their_reason(tmp_path: Path, batch_size: int) -> None:
    batches = _stream(small.campaign(tmp_path, customers=BAD_ROWS), batch_size=batch_size)
    kept = [i for rows in batches for i in rows.ids.to_pylist()]
    assert kept == [1, 7, 8, 9]
    rejects = [r for rows in batches for r in rows.rejects]
    assert all(list(r) == schema.REJECTS.names for r in rejects)
    assert [tuple(r.values())[1:] for r in rejects] == [
        ("", "customer_id", "", "the key is missing; give each row its own"),
        ("2", "age", "old", "the cell is not of the feature's kind; mend or empty it"),
        ("3", "joined", "2019-02-30", "the cell is not of the feature's kind; mend or empty it"),
        ("5", "member", "perhaps", "the cell is not of the feature's kind; mend or empty it"),
        ("6", "customer_id", "6", "the key stands more than once; all its rows are out, keep one"),
        ("6", "customer_id", "6", "the key stands more than once; all its rows are out, keep one"),
    ]


def _generated(folder: Path, n: int, order: str) -> Campaign:
    small.duckdb_file(
        folder / "u.duckdb",
        "SELECT setseed(0.5)",
        f"CREATE TABLE people AS SELECT * FROM (SELECT (hash(range) >> 1)::BIGINT AS customer_id,"
        f" range % 70 AS age, range / 3.0 AS spend, 'c' || range % 5 AS city,"
        f" DATE '2020-01-01' + (range % 900)::INTEGER AS joined, range % 2 = 0 AS member"
        f" FROM range({n})) ORDER BY {order}",
        "CREATE TABLE consents AS SELECT customer_id, 'email' AS channel, age % 3 > 0 AS granted"
        f" FROM people ORDER BY {order}",
        "CREATE TABLE history AS SELECT customer_id, 'email' AS channel, 'hats' AS offer,"
        " TIMESTAMP '2026-11-20' - to_hours(age) AS contacted_at FROM people, range(2)"
        f" WHERE age % 4 = 0 ORDER BY {order}",
    )
    toml = small.TOML
    for table in ("customers", "consents", "history"):
        name = "people" if table == "customers" else table
        toml = toml.replace(f'"{table}.csv"', f'"u.duckdb"\ntable = "{name}"')
    return small.campaign(folder, toml.replace("value = 20", 'value = "spend + 1"'))


def _digest(batches: list[CustomerRows]) -> str:
    """Of all batches together, wherever their borders are."""
    digest = hashlib.sha256()
    for pick in (
        lambda r: r.keys, lambda r: r.rules, lambda r: r.values, lambda r: r.consent,
        lambda r: np.diff(r.contacts.offsets), lambda r: r.contacts.age_days,
        lambda r: r.contacts.channel, lambda r: r.contacts.offer,
    ):  # fmt: skip
        digest.update(np.concatenate([pick(r) for r in batches]).tobytes())
    columns = pa.Table.from_batches([r.columns for r in batches]).to_pylist()
    digest.update(repr(columns).encode())
    return digest.hexdigest()


def test_order_of_source_batch_size_and_threads_change_nothing(tmp_path: Path) -> None:
    found = set()
    for order in ("customer_id", "random()"):
        (folder := tmp_path / order).mkdir()
        campaign = _generated(folder, 5000, order)
        for threads, batch_size in ((1, 700), (2, 700), (2, 4096), (1, 100_000)):
            batches = _stream(campaign, threads, batch_size=batch_size)
            assert all(len(r.ids) == batch_size for r in batches[:-1])
            found.add(_digest(batches))
    assert len(found) == 1


def test_no_features_still_gives_rows(tmp_path: Path) -> None:
    toml = small.TOML.replace('numeric = ["age", "spend"]', "").replace('boolean = ["member"]', "")
    toml = toml.replace('categorical = ["city"]', "").replace('date = ["joined"]', "")
    (rows,) = _stream(small.campaign(tmp_path, toml))
    assert rows.columns.num_rows == 4


def test_without_consents_nobody_agrees(tmp_path: Path) -> None:
    toml = small.TOML.replace('[consents]\nsource = "consents.csv"\n', "")
    (rows,) = _stream(small.campaign(tmp_path, toml))
    np.testing.assert_array_equal(rows.consent, [[0, 0, 1]] * 4)


def test_a_hundred_channels(tmp_path: Path) -> None:
    channels = "".join(f'[[channel]]\nname = "c{i}"\n' for i in range(130))
    consents = "customer_id,channel,granted\n" + "".join(f"1,c{i},1\n" for i in range(0, 130, 7))
    toml = small.TOML[: small.TOML.index("[[channel]]")] + channels
    toml = toml.replace('channels = ["email"]', "")
    (rows,) = _stream(small.campaign(tmp_path, toml, consents=consents))
    np.testing.assert_array_equal(np.flatnonzero(rows.consent[0]), np.arange(0, 130, 7))
    assert not rows.consent[1:].any()


def test_a_rule_of_many_offers_is_checked_once_and_told_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def check(text: str, *rest: Any, **more: Any) -> str:
        asked.append(text)
        return check_expression(text, *rest, **more)

    monkeypatch.setattr(wave_query, "check_expression", check)
    for folder in ("right", "wrong"):
        (tmp_path / folder).mkdir()
    more = "".join(f'[[offer]]\nname = "o{i}"\neligible = "age < 60"\n' for i in range(3))
    (rows,) = _stream(small.campaign(tmp_path / "right", small.TOML + more))
    assert asked.count("age < 60") == 1
    assert (rows.rules[:, -3:] == rows.rules[:, [-1]]).all()
    told = _fails(
        small.campaign(tmp_path / "wrong", small.TOML + more.replace("<", "+")), ConfigError
    )
    assert asked.count("age + 60") == 1
    for i in range(3):
        assert f"offer 'o{i}', eligible: 'age + 60' gives BIGINT" in told


WRONG = {
    "feature": (
        'numeric = ["age", "spend"]\nboolean = ["member"]', 'numeric = ["agee", "member"]',
        ["customers.csv has no column 'agee'; did you mean 'age'?",
         "customers.csv: column 'member': 4 of 4 cells are no numbers, for example 'false'"],
    ),
    "rules": (
        'eligible = "age >= 30"\nvalue = 20', 'eligible = "age + 1"\nvalue = "city"',
        ["offer 'shoes', eligible: 'age + 1' gives BIGINT, not true or false",
         "offer 'shoes', value: 'city' gives VARCHAR, not a number"],
    ),
    "types": (
        'eligible = "age >= 30"', 'eligible = "starts_with(age, 1)"',
        ["offer 'shoes', eligible: 'starts_with(age, 1)': ", "No function matches"],
    ),
    "key": (
        'source = "customers.csv"', 'source = "customers.csv"\n'
        'query = "SELECT * REPLACE (spend::DOUBLE AS spend) FROM source"\nkey = "spend"',
        ["key column 'spend' is DOUBLE; a key is a whole number or text"],
    ),
    "no key": (
        'source = "customers.csv"', 'source = "customers.csv"\nkey = "id"',
        ["customers.csv has no column 'id'"],
    ),
    "consents": (
        'source = "consents.csv"', 'source = "consents.csv"\ngranted = "grant"',
        ["consents.csv has no column 'grant'; did you mean 'granted'?"],
    ),
    "history": (
        'source = "history.csv"', 'source = "history.csv"\ncontacted_at = "when"',
        ["history.csv has no column 'when'; known here: channel, contacted_at, "],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_configuration_refuses_before_the_first_row(tmp_path: Path, case: str) -> None:
    old, new, said = WRONG[case]
    message = _fails(small.campaign(tmp_path, small.TOML.replace(old, new)), ConfigError)
    for part in said:
        assert part in message


def test_lookup_finds_one_customer_as_the_stream_has_it(tmp_path: Path) -> None:
    campaign = small.campaign(tmp_path)
    (rows,) = _stream(campaign)
    with database.connect(campaign) as data:
        catalogue = load_catalogue(campaign, data)
        one = customers.lookup(data, campaign, catalogue, "2", at=AT)
        assert one.ids.to_pylist() == [2]
        assert one.columns.to_pylist() == rows.columns.slice(1, 1).to_pylist()
        assert _events(one.contacts, 0) == _events(rows.contacts, 1)
        np.testing.assert_array_equal(one.consent[0], rows.consent[1])
        for key, said in (("77", "no customer has the key '77'"), ("x'; --", "no whole number")):
            with pytest.raises(DataError, match=said):
                customers.lookup(data, campaign, catalogue, key, at=AT)


def _decisions(
    path: Path, rows: list[tuple[int, str | None, str | None, str, dt.datetime]]
) -> Path:
    """Of schema.decisions the columns that contact pressure reads."""
    fields = ("decision_id", "customer_id", "placement", "action", "offer", "channel", "decided_at")
    whole = schema.decisions(pa.int64(), 8, 1)
    content = [
        (f"w.{i}", c, place, 0 if o is None else 1, o, ch, when)
        for i, (c, o, ch, place, when) in enumerate(rows)
    ]
    arrays = [
        pa.array(list(column), whole.field(f).type)
        for f, column in zip(fields, zip(*content, strict=True), strict=True)
    ]
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=pa.schema([whole.field(f) for f in fields])), path
    )
    return path


def test_the_record_counts_for_pressure(tmp_path: Path) -> None:
    file = _decisions(
        tmp_path / "decisions-0.parquet",
        [
            (3, "hats", "email", "outbound", AT - 2 * DAY),
            (3, "gone", "fax", "outbound", AT - DAY),
            (3, None, None, "outbound", AT - DAY),
            (3, "hats", "shop", "shop", AT - DAY),
            (3, "hats", "email", "outbound", AT),
            (3, "hats", "email", "outbound", AT - 7 * DAY),
            (4, "shoes", "sms", "outbound", AT - 6 * DAY),
        ],
    )
    (rows,) = _stream(small.campaign(tmp_path), record_contacts=[file])
    assert _events(rows.contacts, 2) == [(0, 1, 0.0), (-1, -1, 1.0), (0, 1, 2.0)]
    assert _events(rows.contacts, 3) == [(1, 0, 6.0)]
    assert _events(rows.contacts, 0) == [(0, 1, 0.5), (0, 0, 3.0)]


def test_refusals_name_a_decision_or_a_customer(tmp_path: Path) -> None:
    record = _decisions(
        tmp_path / "decisions-0.parquet", [(3, "hats", "email", "outbound", AT - 20 * DAY)]
    )
    events = tmp_path / "outcomes.parquet"
    rows = [
        ("a", "w.0", None, "refusal", 0.0, AT - 10 * DAY),
        ("b", None, 4, "unsubscribe", 0.0, AT - 5 * DAY),
        ("c", None, 4, "purchase", 9.0, AT - 4 * DAY),
        ("d", None, 1, "complaint", 0.0, AT - 91 * DAY),
        ("e", None, 1, "complaint", 0.0, AT + DAY),
        ("f", "w.99", 2, "refusal", 0.0, AT - DAY),
        ("g", "w.98", None, "refusal", 0.0, AT - DAY),
    ]
    whole = schema.outcomes(pa.int64())
    arrays = [
        pa.array([*c], f.type)
        for f, c in zip(whole, zip(*((*row, None) for row in rows), strict=True), strict=True)
    ]
    pq.write_table(pa.Table.from_arrays(arrays, schema=whole), events)
    (found,) = _stream(small.campaign(tmp_path), record_contacts=[record], refusals=[events])
    assert [_events(found.refusals, i) for i in range(4)] == [
        [], [(-1, -1, 1.0)], [(0, 1, 10.0)], [(-1, -1, 5.0)],
    ]  # fmt: skip
    (alone,) = _stream(small.campaign(tmp_path), refusals=[events])
    assert [_events(alone.refusals, i) for i in range(4)] == [
        [], [(-1, -1, 1.0)], [], [(-1, -1, 5.0)],
    ]  # fmt: skip


def test_a_refusal_of_the_wave_s_day_counts_as_made_now(tmp_path: Path) -> None:
    events = tmp_path / "outcomes.parquet"
    whole = schema.outcomes(pa.int64())
    row = ("a", None, 2, "Unsubscribe", 0.0, AT + DAY / 2, None)
    arrays = [pa.array([cell], f.type) for f, cell in zip(whole, row, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=whole), events)
    campaign = small.campaign(tmp_path)
    (rows,) = _stream(campaign, refusals=[events])
    assert _events(rows.refusals, 1) == [(-1, -1, 0.0)]
    with database.connect(campaign, extra_files=[events]) as data:
        catalogue = load_catalogue(campaign, data)
        back = customers.lookup(data, campaign, catalogue, "2", at=AT, refusals=[events])
    assert _events(back.refusals, 0) == []


def test_a_planned_contact_counts_as_made_now(tmp_path: Path) -> None:
    history = small.HISTORY + "4,email,hats,2026-11-24T08:00:00+01:00\n"
    (rows,) = _stream(small.campaign(tmp_path, history=history))
    assert _events(rows.contacts, 3) == [(0, 1, 0.0)]


def test_times_with_a_zone_are_understood(tmp_path: Path) -> None:
    history = "customer_id,channel,offer,contacted_at\n4,email,hats,2026-11-22T06:00:00+06:00\n"
    (rows,) = _stream(small.campaign(tmp_path, history=history))
    assert _events(rows.contacts, 3) == [(0, 1, 1.0)]


def test_side_rejects_are_counted_and_streamed(tmp_path: Path) -> None:
    consents = small.CONSENTS + "99,email,true\n,email,true\n3,sms,maybe\n"
    history = small.HISTORY + "3,email,hats,yesterday\n1.5,email,hats,2026-11-20\n"
    campaign = small.campaign(tmp_path, consents=consents, history=history)
    with database.connect(campaign) as data:
        found = unusable_rows.count(data, campaign)
        batches = list(unusable_rows.stream(data, campaign))
        with pytest.raises(DataError) as caught:
            unusable_rows.hold_share(campaign, found)
    assert all(b.schema.equals(schema.REJECTS) for b in batches)
    rows = [tuple(r.values()) for b in batches for r in b.to_pylist()]
    assert rows == [
        ("consents", "", "customer_id", "", unusable_rows.NO_KEY),
        ("consents", "3", "granted", "maybe", "neither true nor false; counted as no consent"),
        ("history", "1.5", "customer_id", "1.5", unusable_rows.NO_KEY),
        ("history", "3", "contacted_at", "yesterday", "no date; write it as 2026-11-23"),
    ]
    assert sum(f.rows for f in found) == len(rows)
    first = str(caught.value).splitlines()[0]
    assert first == (
        f"{tmp_path}/consents.csv: 1 of 8 rows refused, for example granted = 'maybe': neither"
        f" true nor false; counted as no consent; {tmp_path}/consents.csv: 1 of 8 rows refused, for"
        f" example customer_id = '': {unusable_rows.NO_KEY}; more than limits.reject_share = 0.01"
        " allows: mend them or raise it"
    )
    unusable_rows.hold_share(campaign.model_copy(
        update={"limits": campaign.limits.model_copy(update={"reject_share": 0.5})}
    ), found)  # fmt: skip


def test_a_query_that_fails_on_the_way_is_a_data_error(tmp_path: Path) -> None:
    small.duckdb_file(tmp_path / "u.duckdb", "CREATE TABLE t AS SELECT range AS i FROM range(100)")
    toml = small.TOML.replace(
        '[customers]\nsource = "customers.csv"',
        '[customers]\nsource = "u.duckdb"\nquery = "SELECT i AS customer_id, 1 AS age, 1 AS spend,'
        " 'a' AS city, DATE '2020-01-01' AS joined, (CASE WHEN i = 50 THEN 'x' ELSE 'true' END)"
        '::BOOLEAN AS member FROM t"',
    )
    message = _fails(small.campaign(tmp_path, toml), DataError)
    assert "Could not convert string 'x' to BOOL" in message


def test_another_process_may_hold_the_database_open_for_reading(tmp_path: Path) -> None:
    campaign = _generated(tmp_path, 10, "customer_id")
    other = duckdb.connect(str(tmp_path / "u.duckdb"), read_only=True)
    with database.connect(campaign) as data:
        assert data.count("customers") == 10
    other.close()


@pytest.mark.parametrize("text", [False, True])
def test_without_an_order_the_same_customers_are_taken_and_refused(
    tmp_path: Path, text: bool
) -> None:
    """A key that stands twice is refused wherever its rows are, in whatever batch."""
    keys = ["7", "2", "9", "", "4", "2", "9", "1", "", "3"]
    if text:
        keys = [key and f"k{key}" for key in keys]
    rows = "".join(f"{key},{20 + n},{n}\n" for n, key in enumerate(keys))
    toml = small.TOML.replace(
        'boolean = ["member"]\ncategorical = ["city"]\ndate = ["joined"]\n', ""
    )
    asked = small.campaign(tmp_path, toml, customers=f"customer_id,age,spend\n{rows}")

    def all_of(ordered: bool) -> tuple[list[tuple[object, ...]], list[str]]:
        found = _stream(asked, batch_size=3, ordered=ordered)
        people = [
            (key, age, number)
            for one in found
            for key, age, number in zip(
                one.ids.to_pylist(), one.columns.column("age").to_pylist(), one.keys.tolist(),
                strict=True,
            )
        ]  # fmt: skip
        return sorted(people), sorted(str(sorted(r.items())) for one in found for r in one.rejects)

    assert all_of(ordered=False) == all_of(ordered=True)
    assert len(all_of(ordered=False)[0]) == 4
