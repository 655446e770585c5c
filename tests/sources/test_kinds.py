"""Kind × source: what must not be read otherwise, in each place where it can happen.

A cell of the table is a list of cases, each with the value that is right, or the reason why the
kind cannot happen there. docs/sources.md shows the table, and is held to it here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bandit.core.errors import BanditError
from tests.sources import places
from tests.sources.places import REFUSED, Rows, Written

DOCS = Path(__file__).parents[2] / "docs" / "sources.md"
DAY = dt.timedelta(days=1)


class Case(NamedTuple):
    """``want``: what is right, by ``pick`` of the rows read; ``says``: an error or a note."""

    rows: Rows
    want: list[Any] | None = None
    pick: Callable[[Any], Any] = lambda row: row
    how: Written = Written()
    says: str = ""


def customer(**cells: str) -> dict[str, str]:
    """A customer like the others but for these cells."""
    return {"id": "1", "n": "1", **cells}


def contact(**cells: str) -> dict[str, str]:
    return {"id": "1", "channel": "email", "offer": "a", "when": "2026-11-20", **cells}


def consent(**cells: str) -> dict[str, str]:
    return {"id": "1", "channel": "email", "granted": "true", **cells}


def event(**cells: str) -> dict[str, str]:
    base = {
        "event_id": "e1",
        "id": "1",
        "event": "sale",
        "reward": "5",
        "occurred_at": "2026-11-24",
    }
    return {**base, **cells}


def logged(number: int = 1, **cells: str) -> dict[str, str]:
    """A row of the log, different from the others by its feature."""
    return {"customer": "1", "action": "a", "reward": "1", "n": str(number), **cells}


def share(**cells: str) -> dict[str, str]:
    return {"customer": "1", "action": "a", "probability": "1", **cells}


OTHER = share(customer="0017")
LOG = [logged(1), logged(2, action="b")]


def of(name: str) -> Callable[[Any], Any]:
    """That column of a row that was read."""
    return lambda row: row if row == REFUSED else row[name]


def at(place: int) -> Callable[[Any], Any]:
    return lambda row: row if row == REFUSED else row[place]


COMMA = "SELECT * REPLACE (replace({0}, ',', '.') AS {0}) FROM source"
PARQUET = Written(files=2, kind="PARQUET")
PARTS = Written(files=2, kind="CSV")
ZONE = Written(top='time_zone = "Europe/Paris"')
GERMAN = Written(form='date_format = "%d.%m.%Y"')

ARRAYS = "arrays have no source: tests/policies/test_refused_arrays.py, tests/ope/test_log.py"
ONLY_LOG = "is no log of decisions"

KINDS = {
    1: "ids, labels and categories are text",
    2: "the key's type is the campaign's",
    3: "a query over CSV sees text",
    4: "what is named and matches nothing is told",
    5: "dates",
    6: "several files of one source",
    7: "letter case and blanks in names",
    8: "people outside the campaign",
    9: "check and the run read alike",
    10: "a log's own rules",
    11: "the same thing twice",
    12: "library arrays",
}

TABLE: dict[int, dict[str, list[Case] | str]] = {
    1: {
        "customers": [
            Case(
                [customer(c="1E1"), customer(id="2", c="10.0"), customer(id="3", c="0017")],
                ["1E1", "10.0", "0017"],
                of("c"),
            ),
        ],
        "offers": [Case([{"name": "1E1"}, {"name": "0017"}], ["1E1", "0017"], of("name"))],
        "history": [
            Case(
                [
                    contact(id="1", offer="a"),
                    contact(id="2", offer="1.0"),
                    contact(id="3", offer="1"),
                ],
                [0, -1, -1],
                at(2),
            ),
        ],
        "consents": "has no ids or labels of its own: its channels are names (kind 7)",
        "outcomes": [
            Case(
                [event(event_id=i) for i in ("1000.1", "1000.10", "0017", "17", "1E1")],
                ["0017", "1000.1", "1000.10", "17", "1E1"],
                of("event_id"),
            ),
            Case(
                [event(event_id=i) for i in ("12345678901234567890", "12345678901234567891")],
                ["12345678901234567890", "12345678901234567891"],
                of("event_id"),
            ),
        ],
        "log": [
            Case(
                [logged(1, action="1E1"), logged(2, action="10.0")],
                ["a/email", "b/email"],
                at(1),
                Written(form='actions = { "1E1" = "a", "10.0" = "b" }'),
            ),
        ],
        "targets": [
            Case(
                [share(customer="1"), share(customer="0017", action="b"), share(customer="17")],
                [[1.0, 0.0], [0.0, 1.0]],
            ),
        ],
    },
    2: {
        "customers": [
            Case(
                [customer(id="1"), customer(id="2"), customer(id="0999")],
                ["0999", "1", "2"],
                of("id"),
            ),
            Case(
                [customer(id="1"), customer(id="17.0"), customer(id="")],
                [REFUSED, 1, 17],
                lambda row: row if row == REFUSED else row["id"],
            ),
        ],
        "offers": "is about no customers",
        "history": [
            Case(
                [contact(id="2.0"), contact(id="x9"), contact(id="9223372036854775808")],
                [2, REFUSED, REFUSED],
                at(0),
            ),
        ],
        "consents": [
            Case(
                [consent(id="1"), consent(id="02", granted="true"), consent(id="x9")],
                [(1, "email"), REFUSED, REFUSED],
            ),
            Case([consent(id="1"), consent(id="01", granted="false")], [REFUSED]),
        ],
        "outcomes": [
            Case(
                [event(event_id="e1", id="3.0"), event(event_id="e2", id="x9")],
                [3, REFUSED],
                of("customer_id"),
            ),
        ],
        "log": [
            Case(
                [logged(1, customer="3.0"), logged(2, customer="x9"), logged(3, customer="")],
                [3, REFUSED, REFUSED],
                at(0),
            ),
        ],
        "targets": [Case([share(customer="1"), share(customer="17")], says="no row for '0017'")],
    },
    3: {
        "customers": [
            Case(
                [customer(n="1,5"), customer(id="2", n="2"), customer(id="3", n="x")],
                [1.5, 2.0, REFUSED],
                of("n"),
                Written(query=COMMA.format("n")),
            ),
        ],
        "offers": [
            Case(
                [{"name": "a", "value": "1,5"}, {"name": "b", "value": "2"}],
                [1.5, 2.0],
                of("value"),
                Written(query=COMMA.format("value")),
            ),
        ],
        "history": [
            Case(
                [contact(when="20/11/2026"), contact(id="2", when="soon")],
                [3.0, REFUSED],
                at(3),
                Written(
                    query="SELECT * REPLACE (CASE WHEN \"when\" LIKE '%/%' THEN"
                    ' strptime("when", \'%d/%m/%Y\')::VARCHAR ELSE "when" END AS "when")'
                    " FROM source"
                ),
            ),
        ],
        "consents": [
            Case(
                [consent(granted="J"), consent(id="2", granted="?")],
                [(1, "email"), REFUSED],
                how=Written(
                    query="SELECT * REPLACE (replace(granted, 'J', 'true') AS granted) FROM source"
                ),
            ),
        ],
        "outcomes": [
            Case(
                [event(reward="1,5"), event(event_id="e2", reward="x")],
                [1.5, REFUSED],
                of("reward"),
                Written(query=COMMA.format("reward")),
            ),
        ],
        "log": [
            Case(
                [logged(1, reward="1,5"), logged(2, reward="2"), logged(3, reward="x")],
                [1.5, 2.0, REFUSED],
                at(2),
                Written(query=COMMA.format("reward")),
            ),
        ],
        "targets": [
            Case(
                [share(probability="0,5"), share(probability="0,5", action="b"), OTHER],
                [[0.5, 0.5], [1.0, 0.0]],
                how=Written(query=COMMA.format("probability")),
            ),
        ],
    },
    4: {
        "customers": [Case([{"key": "1", "n": "1"}], says="has no column 'id'")],
        "offers": [Case([{"name": "a", "chanels": "email"}], says="did you mean 'channels'")],
        "history": [
            Case([{**contact(), "whem": "2026"} | {"when": ""} for _ in "1"], [REFUSED], at(0)),
            Case([contact(channel="letter", offer="c")], [-1], at(1), says="'letter'"),
        ],
        "consents": [
            Case(
                [consent(channel="letter"), consent(channel="fax", granted="false")],
                [],
                says="'fax'",
            ),
        ],
        "outcomes": [
            Case(
                [event()],
                how=Written(form='reward = "revenue_eur"'),
                says="no column 'revenue_eur'",
            ),
            Case([event(id="99")], [99], of("customer_id"), says="whom neither"),
        ],
        "log": [
            Case(LOG, how=Written(form='no_contact = "Control"'), says="'Control' is no action"),
            Case([logged(1, action="c"), *LOG], says="'c' means 'c/email', which is no offer"),
            Case(
                LOG,
                ["a/email", "b/email"],
                at(1),
                Written(form='actions = { x = "a" }'),
                says="maps 'x', which is no action of the log",
            ),
        ],
        "targets": [Case([share(action="c"), OTHER], says="'c' is no action of the log")],
    },
    5: {
        "customers": [
            Case(
                [
                    customer(d="2026-11-20"),
                    *(
                        customer(id=str(i), d=day)
                        for i, day in enumerate(
                            ("15/12/26", "9999-12-31", "1900-01-01", "infinity", "26-12-15"),
                            start=2,
                        )
                    ),
                    customer(id="7", d="2026-11-20 10:00:00+02:00"),
                    customer(id="8", d="2026-11-01"),
                    customer(id="9", d="2026-11-02"),
                    customer(id="10", d="2026-11-03"),
                    customer(id="11", d="2026-11-04"),
                    customer(id="12", d="2026-11-05"),
                ],
                [1, 7, 8, 9, 10, 11, 12, *[REFUSED] * 5],
                of("id"),
            ),
            Case([customer(d="20.11.2026")], [dt.datetime(2026, 11, 20)], of("d"), GERMAN),  # noqa: DTZ001  # UTC
            Case([customer(d="2026-11-20")], [dt.datetime(2026, 11, 19, 23)], of("d"), ZONE),  # noqa: DTZ001  # UTC
        ],
        "offers": [
            Case([{"name": "a", "starts": "2026-11-20"}], [dt.date(2026, 11, 20)], of("starts")),
            Case(
                [{"name": "a", "starts": "15/12/26"}], says="starts = '15/12/26': needed is a date"
            ),
            Case([{"name": "a", "ends": "9999-12-31"}], says="needed is a date"),
            Case(
                [{"name": "a", "starts": "20.11.2026"}],
                [dt.date(2026, 11, 20)],
                of("starts"),
                GERMAN,
            ),
        ],
        "history": [
            Case(
                [contact(when=day) for day in ("2026-11-20", "15/12/26", "9999-12-31", "infinity")],
                [3.0, REFUSED, REFUSED, REFUSED],
                at(3),
            ),
            Case([contact(when="20.11.2026")], [3.0], at(3), GERMAN),
        ],
        "consents": "has no dates",
        "outcomes": [
            Case(
                [
                    event(event_id=f"e{i}", occurred_at=day)
                    for i, day in enumerate(
                        ("2026-11-24", "15/12/26", "9999-12-31", "-infinity", "1900-01-01")
                    )
                ],
                ["e0", *[REFUSED] * 4],
                of("event_id"),
            ),
            Case(
                [event(occurred_at="2026-11-24")],
                [dt.datetime(2026, 11, 23, 23, tzinfo=dt.UTC)],
                of("occurred_at"),
                ZONE,
            ),
            Case(
                [event(occurred_at="24.11.2026")],
                [dt.datetime(2026, 11, 24, tzinfo=dt.UTC)],
                of("occurred_at"),
                GERMAN,
            ),
        ],
        "log": [
            Case(
                [
                    logged(i, time=day)
                    for i, day in enumerate(
                        ("2026-11-24", "2026-11-25 10:00:00", "15/12/26", "infinity")
                    )
                ],
                [1, 1, REFUSED, REFUSED],
                at(0),
            ),
            Case(
                [logged(1, time="24.11.2026"), logged(2, time="25.11.2026")], [1, 1], at(0), GERMAN
            ),
        ],
        "targets": "has no dates",
    },
    6: {
        "customers": [
            Case([customer(n="1"), customer(id="2", n="0.5")], [1.0, 0.5], of("n"), PARTS),
        ],
        "offers": [Case([{"name": "a"}, {"name": "b"}], ["a", "b"], of("name"), PARQUET)],
        "history": [Case([contact(), contact(id="2")], [1, 2], at(0), PARQUET)],
        "consents": [Case([consent(), consent(id="2")], [(1, "email"), (2, "email")], how=PARTS)],
        "outcomes": [Case([event(), event(event_id="e2")], ["e1", "e2"], of("event_id"), PARQUET)],
        "log": [Case(LOG, ["a/email", "b/email"], at(1), PARTS)],
        "targets": [Case([share(), OTHER], [[1.0, 0.0], [1.0, 0.0]], how=PARQUET)],
    },
    7: {
        "customers": [
            Case(
                [customer(b=" TRUE "), customer(id="2", b="No"), customer(id="3", b="maybe")],
                [True, False, REFUSED],
                of("b"),
            ),
        ],
        "offers": [
            Case([{"name": "a", "channels": " EMAIL ,Sms"}], [("email", "sms")], of("channels")),
        ],
        "history": [
            Case(
                [contact(channel="Email", offer=" A "), contact(id="2", channel="e\u200bmail")],
                [0, 0],
                at(1),
            ),
        ],
        "consents": [
            Case(
                [
                    consent(channel=" EMAIL\u00a0"),
                    consent(id="2", channel="E-mail", granted="no"),
                    consent(id="2", channel="sms"),
                ],
                [(1, "email")],
                says="no channel of the campaign",
            ),
        ],
        "outcomes": [
            Case(
                [event(event="Unsubscribed")],
                ["Unsubscribed"],
                of("event"),
                says="counted as no refusal",
            ),
        ],
        "log": [
            Case([logged(1, action="A"), *LOG], says="'A' means 'A/email'.*did you mean 'a/email'"),
        ],
        "targets": [Case([share(action="A"), OTHER], says="'A' is no action of the log")],
    },
    8: {
        "customers": "says who is inside",
        "offers": "is about no customers",
        "history": [
            Case([contact(id="99"), contact()], [1], at(0), says="1 of 2 contacts are of people")
        ],
        "consents": [
            Case([consent(id="99"), consent()], [(1, "email")], says="1 of 2 rows are of people")
        ],
        "outcomes": [
            Case([event(id="99")], [99], of("customer_id"), says="1 outcome is of people")
        ],
        "log": [Case([logged(1, customer="99"), *LOG], [99, 1, 1], at(0))],
        "targets": [Case([share(), OTHER, share(customer="99")], [[1.0, 0.0], [1.0, 0.0]])],
    },
    9: {
        "customers": "tests/workflows/test_check.py: refused rows and drift, told alike",
        "offers": "tests/workflows/test_check.py: one catalogue",
        "history": "tests/workflows/test_check.py: one count of refused rows",
        "consents": "tests/workflows/test_check.py: one count of refused rows",
        "outcomes": "tests/workflows/test_check.py: the examination of `learn`",
        "log": "tests/logs/test_columns.py: check, learn and simulate",
        "targets": "is read by simulate alone",
    },
    10: {
        **dict.fromkeys(
            ("customers", "offers", "history", "consents", "outcomes", "targets"), ONLY_LOG
        ),
        "log": [
            Case(
                [logged(1, eligible="a|b"), logged(2, eligible="a, b"), logged(3, eligible="[a]")],
                [["a/email", "b/email"], ["a/email", "b/email"], ["a/email"]],
                at(3),
            ),
            Case([logged(1, eligible="a|c"), logged(2, eligible="a")], says="'c' means 'c/email'"),
            Case(
                [logged(1), logged(1), logged(2, action="b")],
                ["a/email", "a/email", "b/email"],
                at(1),
                says="1 rows repeat another one exactly",
            ),
        ],
    },
    11: {
        "customers": [
            Case([customer(), customer(n="2"), customer(id="2")], [REFUSED, REFUSED, 2], of("id"))
        ],
        "offers": [Case([{"name": "a"}, {"name": "A"}], says="'A' stands twice")],
        "history": [Case([contact(), contact()], [1, 1], at(0))],
        "consents": [Case([consent(), consent(granted="no")], [])],
        "outcomes": [
            Case([event(), event()], [5.0], of("reward")),
            Case([event(version="1"), event(reward="9", version="2")], [5.0, 9.0], of("reward")),
        ],
        "log": "tests/logs/test_columns.py: rows that repeat another, a log taken in again",
        "targets": [Case([share(), share(), OTHER], [[2.0, 0.0], [1.0, 0.0]])],
    },
    12: dict.fromkeys(places.READ, ARRAYS),
}

CASES = [
    pytest.param(source, case, id=f"{kind}-{source}-{number}")
    for kind, row in TABLE.items()
    for source, cell in row.items()
    if not isinstance(cell, str)
    for number, case in enumerate(cell)
]


@pytest.mark.parametrize(("source", "case"), CASES)
def test_what_is_read_is_what_was_meant(tmp_path: Path, source: str, case: Case) -> None:
    read = places.READ[source]
    if case.want is None:
        with pytest.raises(BanditError, match=case.says):
            read(tmp_path, case.rows, case.how)
        return
    found = read(tmp_path, case.rows, case.how)
    key = lambda row: (row == REFUSED, str(row))  # noqa: E731  # rows come in any order
    assert sorted(map(case.pick, found.rows), key=key) == sorted(case.want, key=key)
    assert not case.says or any(case.says in note for note in found.notes), found.notes


@pytest.mark.parametrize("source", places.READ)
def test_files_of_other_columns_or_types_are_refused(tmp_path: Path, source: str) -> None:
    cases = TABLE[6][source]
    assert not isinstance(cases, str)
    first, second = cases[0].rows
    for change in ({**second, "more": "1"}, {**second, next(iter(second)): 1}):
        for old in tmp_path.iterdir():
            old.unlink()
        with pytest.raises(BanditError, match=r"other columns than|write both with one type"):
            places.READ[source](tmp_path, [first, change], PARQUET)


def test_the_table_is_whole() -> None:
    assert list(TABLE) == list(KINDS)
    assert all(
        list(row) == list(places.READ) or set(row) == set(places.READ) for row in TABLE.values()
    )


def rendered() -> str:
    """The table as docs/sources.md shows it: how many cases, where else, or why not."""
    lines = ["| | " + " | ".join(places.READ) + " |", "|---" * (len(places.READ) + 1) + "|"]
    for kind, name in KINDS.items():
        cells = (TABLE[kind][source] for source in places.READ)
        shown = [c if isinstance(c, str) else f"{len(c)} tried" for c in cells]
        lines.append(f"| {kind}. {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def test_the_manual_shows_the_table() -> None:
    assert rendered() in DOCS.read_text(encoding="utf-8")
