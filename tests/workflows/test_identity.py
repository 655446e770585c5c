"""One identity: ids of other sources, customers who became one, through every command."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from bandit.core.errors import ConfigError, DataError
from bandit.results.serve import WaveSummary
from bandit.workflows.inspect.customer import customer as page
from bandit.workflows.inspect.explain import explain
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests.campaigns import MONDAY, decisions
from tests.lives import Live, picks

TOML = """
name = "one"
[customers]
source = "customers.csv"
[identity]
source = "ids.csv"
[features]
numeric = ["x"]
[consents]
source = "consents.csv"
{consents}
[history]
source = "history.csv"
{history}
[outcomes]
{outcomes}
[reward]
unit = "EUR"
window_days = 3.0
[pressure]
{pressure}
[limits]
reject_share = 1.0
[policy]
holdout = 0.0
exploration = 0.0
share = [{{ policy = "rules", share = 1.0 }}]
[[offer]]
name = "a"
[[offer]]
name = "b"
[[channel]]
name = "email"
"""
PEOPLE = [f"c{i:02d}" for i in range(20)]


def write(
    folder: Path,
    ids: Sequence[Sequence[str]] = (),
    *,
    people: Sequence[str] = PEOPLE,
    consents: Sequence[Sequence[str]] | None = None,
    contacts: Sequence[Sequence[str]] = (),
    id_of: str | None = None,
    pressure: str = "",
) -> Path:
    """A campaign in which everybody who has agreed gets offer a by e-mail."""
    folder.mkdir(exist_ok=True)
    said = "" if id_of is None else f'id = "{id_of}"'
    sections = dict.fromkeys(("consents", "history", "outcomes"), said)
    (folder / "campaign.toml").write_text(TOML.format(pressure=pressure, **sections))
    table(
        folder / "customers.csv",
        ["customer_id", "x"],
        [(p, str(i % 7)) for i, p in enumerate(people)],
    )
    table(folder / "ids.csv", ["customer_id", "id", "kind", "valid_from"], ids)
    agreed = [(p, "email", "true") for p in people] if consents is None else consents
    table(folder / "consents.csv", ["customer_id", "channel", "granted"], agreed)
    names = ["customer_id", "channel", "offer", "contacted_at"]
    table(folder / "history.csv", names, contacts)
    return folder


def table(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")


def serve(folder: Path, wave: str = "w", days: int = 0) -> WaveSummary:
    return serve_batch(folder, wave=wave, at=MONDAY + dt.timedelta(days=days))


def contacted(folder: Path, wave: str = "w") -> set[str]:
    made = decisions(folder, wave).filter(pl.col("action") > 0)
    return set(made["customer_id"].cast(pl.String))


LOYALTY = [(f"c{i:02d}", f"L{i}", "loyalty", "2026-01-01") for i in range(19)]


def test_consents_and_contacts_by_other_ids_are_the_customers(tmp_path: Path) -> None:
    write(
        tmp_path,
        LOYALTY,
        id_of="loyalty",
        consents=[(f"L{i}", "email", "false" if i == 3 else "true") for i in range(20)],
        contacts=[("L5", "email", "b", "2026-11-01"), ("L77", "email", "b", "2026-11-01")],
        pressure="per_days = 7\nmax_contacts = 1",
    )
    told = serve(tmp_path)
    assert contacted(tmp_path) == set(PEOPLE) - {"c03", "c05", "c19"}
    said = [note for note in told.notes if "'loyalty'" in note]
    assert any("19 of 20 ids" in note and "'L19'" in note for note in said), told.notes
    assert any("1 of 2 ids" in note and "'L77'" in note for note in said), told.notes


def test_ids_are_told_where_none_of_them_is_anybodys(tmp_path: Path) -> None:
    """A map whose rows are of later, or have no date: everybody is out of reach, and is told so."""
    since = ["2027-01-01", "", "someday"]
    ids = [(who, id_, kind, since[i % 3]) for i, (who, id_, kind, _) in enumerate(LOYALTY)]
    agreed = [(f"L{i}", "email", "true") for i in range(19)]
    write(tmp_path, ids, id_of="loyalty", consents=agreed)
    told = serve(tmp_path).notes
    assert contacted(tmp_path) == set()
    assert any("0 of 19 ids 'loyalty' are in the map (0.0%)" in note for note in told), told


def test_a_refusal_counts_however_its_id_is_written(tmp_path: Path) -> None:
    agreed = [(f"L{i}", "email", "true") for i in range(19)]
    written = ["l3", "L4\u200b", "L5", " L6 "]
    refused = [(id_, "email", "false") for id_ in written]
    write(tmp_path, LOYALTY, id_of="loyalty", consents=[*agreed, *refused])
    serve(tmp_path)
    assert contacted(tmp_path) == set(PEOPLE) - {"c03", "c04", "c05", "c06", "c19"}


def test_a_refusal_counts_however_the_map_writes_the_customer(tmp_path: Path) -> None:
    agreed = [(f"L{i}", "email", "true") for i in range(19)]
    named = ["c03 ", "C04", "\u00a0c05", "c06\u200b"]
    unnamed = ["c07 ", "C08", "\u00a0c09", "c10\u200b"]
    kinds = [*((who, "loyalty") for who in named), *((who, "") for who in unnamed)]
    ids = [(who, f"L{90 + i}", kind, "2026-01-01") for i, (who, kind) in enumerate(kinds)]
    refused = [(id_, "email", "false") for _, id_, _, _ in ids]
    write(tmp_path, [*LOYALTY, *ids], id_of="loyalty", consents=[*agreed, *refused])
    serve(tmp_path)
    assert contacted(tmp_path) == set(PEOPLE) - {*(f"c{i:02d}" for i in range(3, 11)), "c19"}


@pytest.mark.parametrize("place", ["id", "customer"])
def test_a_refusal_counts_however_the_map_writes_a_whole_number(tmp_path: Path, place: str) -> None:
    written = {"003": 3, "4\u200b": 4, "5.0": 5, "+6": 6, "\u00a07": 7}
    people = [str(i) for i in [*range(20), *range(73, 78)]]
    pairs = [(text, str(70 + number)) for text, number in written.items()]
    links = [pair if place == "customer" else pair[::-1] for pair in pairs]
    agreed = [(p, "email", "true") for p in people]
    refusing = [str(number + 70 * (place == "customer")) for number in written.values()]
    write(
        tmp_path,
        [(*link, "customer", "2026-01-01") for link in links],
        people=people,
        consents=[*agreed, *((who, "email", "false") for who in refusing)],
    )
    serve(tmp_path)
    both = {str(number + more) for number in written.values() for more in (0, 70)}
    assert contacted(tmp_path) == set(people) - both


def test_a_merge_in_another_writing_merges_nobody_and_refuses_all(tmp_path: Path) -> None:
    merges = [("c01", "X09"), ("C02 ", "c03"), ("x09", "c04")]
    agreed = [(p, "email", "true") for p in PEOPLE]
    refused = [("c03", "email", "false"), ("c04", "email", "false")]
    write(
        tmp_path,
        [(*merge, "customer", "2026-01-01") for merge in merges],
        consents=[*agreed, *refused],
    )
    serve(tmp_path)
    assert contacted(tmp_path) == set(PEOPLE) - {"c01", "c02", "c03", "c04"}


def test_an_id_that_moved_is_whoever_had_it_then_and_refuses_both(tmp_path: Path) -> None:
    moved = [*LOYALTY, ("c07", "L3", "loyalty", "2026-10-01")]
    agreed = [(f"L{i}", "email", "true") for i in range(19) if i != 3]
    write(
        tmp_path, moved, id_of="loyalty",
        consents=[*agreed, ("L3", "email", "false")],
    )  # fmt: skip
    serve(tmp_path)
    assert contacted(tmp_path) == set(PEOPLE) - {"c03", "c07", "c19"}
    granted = [*agreed, ("L3", "email", "true")]
    write(
        tmp_path / "b", moved, id_of="loyalty", consents=granted,
        contacts=[("L3", "email", "b", "2026-09-30"), ("L3", "email", "b", "2026-10-02")],
        pressure='per_days = 60\nmax_contacts = 1',
    )  # fmt: skip
    serve(tmp_path / "b")
    # c03 gave the grant away with the id; of the contacts one was theirs.
    assert contacted(tmp_path / "b") == set(PEOPLE) - {"c03", "c07", "c19"}


MERGE = [("c01", "c02", "customer", "2026-11-04")]


def test_a_merge_counts_contacts_of_both_from_its_day_on(tmp_path: Path) -> None:
    write(tmp_path, MERGE, pressure="per_days = 7\nmax_contacts = 2")
    serve(tmp_path, "mon", 0)
    assert {"c01", "c02"} <= contacted(tmp_path, "mon")
    # On Tuesday they are two: each had one contact of two.
    serve(tmp_path, "tue", 1)
    assert {"c01", "c02"} <= contacted(tmp_path, "tue")
    told = serve(tmp_path, "wed", 2)
    made = decisions(tmp_path, "wed")
    assert "c02" not in set(made["customer_id"].cast(pl.String))
    assert contacted(tmp_path, "wed") == set()
    assert any("1 customer became others" in note for note in told.notes), told.notes


def test_the_union_presses_where_neither_alone_would(tmp_path: Path) -> None:
    rows = [("c01", "email", "b", "2026-11-01"), ("c02", "email", "b", "2026-11-01")]
    ids = [("c01", "c02", "customer", "2026-11-01")]
    limits = "per_days = 7\nmax_contacts = 2"
    write(tmp_path / "one", ids, contacts=rows, pressure=limits)
    write(tmp_path / "two", [], contacts=rows, pressure=limits)
    serve(tmp_path / "one")
    serve(tmp_path / "two")
    assert "c01" not in contacted(tmp_path / "one")
    assert {"c01", "c02"} <= contacted(tmp_path / "two")


def test_a_refusal_of_either_refuses_both_however_sure_the_merge_is(tmp_path: Path) -> None:
    """A merge, one taken back, one in doubt, a circle and one without a date; each thrice."""
    links, refused, both = list[tuple[str, ...]](), list[tuple[str, ...]](), set[str]()
    for i in range(15):
        old, new, other = (f"c{10 * place + i:03d}" for place in (10, 20, 30))
        links += [
            [(old, new, "customer", "2026-11-04")],
            [(old, new, "customer", "2026-11-01"), (new, new, "customer", "2026-11-02")],
            [(old, new, "customer", "2026-11-01"), (other, new, "customer", "2026-11-01")],
            [(old, new, "customer", "2026-11-01"), (new, old, "customer", "2026-11-01")],
            [(old, new, "customer", "")],
        ][i % 5]
        refused.append(([old, f" {new.upper()}", new][i // 5], "email", "false"))
        both |= {old, new}
    people = [f"c{i:03d}" for i in range(400)]
    write(
        tmp_path,
        links,
        people=people,
        consents=[*((p, "email", "true") for p in people), *refused],
    )
    serve(tmp_path, days=3)
    doubted = {f"c{300 + i:03d}" for i in range(15)}
    assert not both & contacted(tmp_path)
    assert set(people) - both - doubted <= contacted(tmp_path)


def test_a_wave_reads_the_map_as_it_was_valid_then(tmp_path: Path) -> None:
    refused = [(p, "email", "false" if p == "c02" else "true") for p in PEOPLE]
    for name, links in (("before", []), ("after", MERGE)):
        write(tmp_path / name, links, consents=refused)
        serve(tmp_path / name)
    one, other = (
        (tmp_path / name / "waves" / "w" / "decisions-0000.parquet").read_bytes()
        for name in ("before", "after")
    )
    assert one == other
    # And what was decided is explained alike once the merge counts.
    serve(tmp_path / "after", "later", 5)
    told = explain(tmp_path / "after", customer="c01", wave="w")
    assert (told.slots[0].offer, told.slots[0].channel) == ("a", "email")
    assert any("the same decisions" in note for note in told.notes), told.notes
    assert not any("another eligible set" in note for note in told.notes), told.notes


def test_rows_of_the_map_that_cannot_be_followed_are_refused_by_row(tmp_path: Path) -> None:
    rows = [
        ("c01", "L1", "loyalty", "2026-01-01"),
        ("", "L2", "loyalty", "2026-01-01"),
        ("c03", "", "loyalty", "2026-01-01"),
        ("c04", "L4", "", "2026-01-01"),
        ("c05", "L5", "loyalty", "soon"),
        ("c06", "L6", "loyalty", "2026-01-01"),
        ("c07", "L6", "loyalty", "2026-01-01"),
        ("c08", "c09", "customer", "2026-01-01"),
        ("c09", "c08", "customer", "2026-01-01"),
    ]
    write(tmp_path, rows)
    serve(tmp_path)
    found = pl.read_parquet(tmp_path / "waves" / "w" / "rejects.parquet")
    assert set(found["table"]) == {"identity"}
    assert found.height == 8
    reasons = found["reason"].str.split(";").list.first().to_list()
    assert reasons.count("one id of two customers from one moment on") == 2
    assert reasons.count("customers became each other in a circle") == 2
    warned = "\n".join(check(tmp_path, at=MONDAY).warnings)
    assert "row 5, date = 'soon': no date" in warned
    strict = (tmp_path / "campaign.toml").read_text().replace("reject_share = 1.0", "")
    (tmp_path / "campaign.toml").write_text(strict)
    with pytest.raises(DataError, match=r"ids.csv.*row 8"):
        serve(tmp_path, "x")


def test_check_says_how_many_ids_match_and_a_kind_that_is_none_is_named(tmp_path: Path) -> None:
    write(tmp_path, LOYALTY, id_of="loyalty", consents=[("L1", "email", "1"), ("X", "email", "1")])
    told = check(tmp_path, at=MONDAY)
    first = told.identity[0]
    assert (first.kind, first.ids, first.matched, first.example) == ("loyalty", 2, 1, "X")
    assert any("1 of 2 ids 'loyalty' are in the map (50.0%)" in w for w in told.warnings)
    write(tmp_path, LOYALTY, id_of="loyalti")
    with pytest.raises(DataError, match="did you mean 'loyalty'"):
        check(tmp_path, at=MONDAY)
    text = (tmp_path / "campaign.toml").read_text()
    (tmp_path / "campaign.toml").write_text(text.replace('[identity]\nsource = "ids.csv"\n', ""))
    with pytest.raises(ConfigError, match=r"no \[identity\] says whose"):
        check(tmp_path, at=MONDAY)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("customer_id", [["c01"]], "needed is text or a whole number"),
        ("id", [{"a": 1}], "needed is text or a whole number"),
        ("valid_from", [20260101], "needed is a date"),
        ("kind", ["loyalti"], "did you mean 'loyalti'"),
    ],
)
def test_a_map_of_other_types_is_refused_by_column(
    tmp_path: Path, column: str, values: list[object], said: str
) -> None:
    write(tmp_path, LOYALTY, id_of="loyalty")
    one = {"customer_id": ["c01"], "id": ["L1"], "kind": ["loyalty"], "valid_from": ["2026-01-01"]}
    pl.DataFrame({**one, column: values}).write_parquet(tmp_path / "ids.parquet")
    text = (tmp_path / "campaign.toml").read_text().replace("ids.csv", "ids.parquet")
    (tmp_path / "campaign.toml").write_text(text)
    with pytest.raises((ConfigError, DataError), match=said):
        check(tmp_path, at=MONDAY)


def outcome(event: str, customer: str, day: int) -> dict[str, object]:
    when = MONDAY + dt.timedelta(days=day, hours=12)
    return {"event_id": event, "customer_id": customer, "event": "sale", "reward": 10.0,
            "occurred_at": when.isoformat()}  # fmt: skip


def deliver(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "sales.csv"
    pl.DataFrame(rows).write_csv(path)
    return path


def test_outcomes_of_an_old_id_teach_decisions_of_the_new_one_and_the_reverse(
    tmp_path: Path,
) -> None:
    write(tmp_path, MERGE)
    serve(tmp_path, "mon", 0)
    serve(tmp_path, "fri", 4)
    sales = [
        outcome("1", "c02", 0),  # its own decision of Monday
        outcome("2", "c02", 5),  # the old key after the merge: c01's decision of Friday
        outcome("3", "c05", 5),
    ]
    told = learn(tmp_path, outcomes=deliver(tmp_path, *sales), at=MONDAY + dt.timedelta(days=9))
    assert (told.events, told.outside_window) == (3, 0)
    assert not any("neither the customers" in note for note in told.notes), told.notes
    seen = page(tmp_path, customer="c01", at=MONDAY + dt.timedelta(days=9))
    assert [m.kind for m in seen.timeline].count("outcome") == 2
    assert [m.kind for m in seen.timeline].count("contact") == 3
    assert "by [identity] the same person is, or was, c02" in seen.notes
    assert page(tmp_path, customer="c02", at=MONDAY + dt.timedelta(days=9)).open == seen.open


def test_an_event_counts_once_where_both_keys_were_decided_for(tmp_path: Path) -> None:
    write(tmp_path, [*MERGE, ("c01", "c00", "customer", "2026-11-05")])
    serve(tmp_path, "mon", 0)
    sales = [outcome("1", "c00", 1), outcome("2", "c02", 1), outcome("3", "gone", 1)]
    path = deliver(tmp_path, *sales)
    ids = [*MERGE, ("c01", "gone", "customer", "2026-11-05")]
    table(tmp_path / "ids.csv", ["customer_id", "id", "kind", "valid_from"], ids)
    told = learn(tmp_path, outcomes=path, at=MONDAY + dt.timedelta(days=9))
    assert (told.events, told.outside_window) == (3, 0)


def test_outcomes_by_other_ids_are_taken_in_and_strangers_are_said(tmp_path: Path) -> None:
    write(tmp_path, [*LOYALTY, *MERGE], id_of="loyalty", consents=[("L1", "email", "1")])
    serve(tmp_path, "mon", 0)
    sales = [outcome("1", "L2", 1), outcome("2", "L1", 1), outcome("3", "X", 1)]
    told = learn(tmp_path, outcomes=deliver(tmp_path, *sales), at=MONDAY + dt.timedelta(days=9))
    assert (told.events, told.delivered, told.rejected) == (2, 2, 0)
    assert any("1 outcome of ids 'loyalty'" in note and "'X'" in note for note in told.notes)
    stored = pl.read_parquet(tmp_path / "outcomes" / "*" / "events.parquet")
    assert sorted(stored["customer_id"]) == ["c01", "c02"]


def test_a_refusal_among_outcomes_counts_however_its_id_is_written(tmp_path: Path) -> None:
    agreed = [(f"L{i}", "email", "true") for i in range(19)]
    write(tmp_path, LOYALTY, id_of="loyalty", consents=agreed, pressure="refusal_days = 60.0")
    serve(tmp_path, "mon")
    written = ["l3", "L4", "\u00a0L5", "L6\u200b"]
    said = [(str(i), id_, "unsubscribe", "2026-11-03") for i, id_ in enumerate(written)]
    names = ["event_id", "customer_id", "event", "occurred_at"]
    table(tmp_path / "said.csv", names, [*said, ("sale", "L1", "sale", "2026-11-03")])
    learn(tmp_path, outcomes=tmp_path / "said.csv", at=MONDAY + dt.timedelta(days=9))
    serve(tmp_path, "next", 10)
    assert contacted(tmp_path, "next") == set(PEOPLE) - {"c03", "c04", "c05", "c06", "c19"}


DOUBT = {
    "two at once": [("c03", "D0", "loyalty", "2026-01-01"), ("c04", "D0", "loyalty", "2026-01-01")],
    "moved before": [
        ("c05", "D1", "loyalty", "2026-01-01"),
        ("c06", "D1", "loyalty", "2026-06-01"),
    ],
    "moved after": [("c07", "D2", "loyalty", "2026-01-01"), ("c08", "D2", "loyalty", "2026-11-05")],
    "no date": [("c09", "D3", "loyalty", "2026-01-01"), ("c10", "D3", "loyalty", "")],
    "no kind": [("c11", "D4", "loyalty", "2026-01-01"), ("c12", "D4", "", "2026-01-01")],
}


def test_a_refusal_by_an_id_of_two_refuses_both_and_teaches_nothing(tmp_path: Path) -> None:
    agreed = [(f"L{i}", "email", "true") for i in range(19)]
    links = [link for pair in DOUBT.values() for link in pair]
    write(
        tmp_path, [*LOYALTY, *links], id_of="loyalty", consents=agreed,
        pressure="refusal_days = 60.0",
    )  # fmt: skip
    serve(tmp_path, "mon")
    names = ["event_id", "customer_id", "event", "occurred_at"]
    said = [(str(i), f"D{i}", "unsubscribe", "2026-11-03") for i in range(len(DOUBT))]
    table(tmp_path / "said.csv", names, [*said, ("sale", "L1", "sale", "2026-11-03")])
    for _ in range(2):
        told = learn(tmp_path, outcomes=tmp_path / "said.csv", at=MONDAY + dt.timedelta(days=9))
    assert any("whomever it can mean" in note for note in told.notes), told.notes
    assert told.events <= 1 + len(DOUBT)
    serve(tmp_path, "next", 10)
    refused = {link[0] for link in links}
    assert contacted(tmp_path, "next") == set(PEOPLE) - refused - {"c19"}
    gone = [pair[0][0] for pair in DOUBT.values()]
    assert forget(tmp_path, customers=gone).outcomes == len(DOUBT)
    serve(tmp_path, "after", 10)
    assert contacted(tmp_path, "after") == set(PEOPLE) - refused - {"c19"}


def test_forget_and_export_follow_all_keys_of_a_person(tmp_path: Path) -> None:
    doubt = [("c11", "c12", "customer", "2026-11-01"), ("c13", "c12", "customer", "2026-11-01")]
    write(tmp_path, [*MERGE, *doubt])
    serve(tmp_path, "mon", 0)
    serve(tmp_path, "fri", 4)
    learn(
        tmp_path, outcomes=deliver(tmp_path, outcome("1", "c02", 0)),
        at=MONDAY + dt.timedelta(days=9),
    )  # fmt: skip
    held = export_customer(tmp_path, customer="c02")
    assert {row["customer_id"] for row in held.decisions} == {"c01", "c02"}
    assert len(held.outcomes) == 1
    gone = forget(tmp_path, customers=["c01"])
    assert set(gone.customers) == {"c01", "c02"}
    assert any("went too: c02" in note for note in gone.notes), gone.notes
    assert any("ids.csv" in source for source in gone.still_in), gone.still_in
    left = set(decisions(tmp_path, "mon")["customer_id"].cast(pl.String))
    assert left == set(PEOPLE) - {"c01", "c02"}
    assert not export_customer(tmp_path, customer="c02").decisions
    # What is in doubt is nobody else's ground to be forgotten.
    assert forget(tmp_path, customers=["c11"]).customers == ["c11"]
    with pytest.raises(DataError, match="holds nothing"):
        forget(tmp_path, customers=["c02"])


def test_numbers_elsewhere_are_not_taken_for_numbers_of_ours(tmp_path: Path) -> None:
    people = [str(i) for i in range(1, 21)]
    ids = [(str(i), str(21 - i), "loyalty", "2026-01-01") for i in range(1, 21)]
    write(
        tmp_path, [*ids, ("2", "1", "customer", "2026-11-01")], people=people, id_of="loyalty",
        consents=[(str(i), "email", "false" if i == 20 else "true") for i in range(1, 21)],
    )  # fmt: skip
    serve(tmp_path)
    # Loyalty 20 is customer 1, who became 2.
    assert contacted(tmp_path) == {str(i) for i in range(3, 21)}
    assert set(forget(tmp_path, customers=["2"]).customers) == {"1", "2"}
    assert set(map(str, decisions(tmp_path, "w")["customer_id"])) == set(people) - {"1", "2"}


def test_live_an_old_key_is_recognised_and_who_refused_stays_refused(tmp_path: Path) -> None:
    write(tmp_path, [("c01", "c02", "customer", "2026-11-01")])
    with ExitStack() as stack:
        live = Live(tmp_path, stack)
        answer = live.ask("c02", "outbound")
        assert answer.customer == "c01"
        assert picks(answer)
        again = live.ask("c01", "outbound")
        assert [p.decision_id for p in picks(again)] == [p.decision_id for p in picks(answer)]
        live.desk.refuse(live.desk.situation.person("c02").key, None)
        live.write()
        assert not picks(live.ask("c01", "outbound"))
    with ExitStack() as stack:
        assert not picks(Live(tmp_path, stack).ask("c02", "outbound"))


def test_live_a_refusal_counts_however_its_key_is_written(tmp_path: Path) -> None:
    merged = {"c01": " c02", "c04": "C05", "c06": "c07\u200b"}
    old = [written.strip(" \u200b").lower() for written in merged.values()]
    ids = [(new, was, "customer", "2026-11-01") for new, was in zip(merged, old, strict=True)]
    write(tmp_path, ids)
    with ExitStack() as stack:
        live = Live(tmp_path, stack)
        for new, written in merged.items():
            assert picks(live.ask(new, "outbound"))
            live.desk.refuse(live.desk.situation.person(written).key, None)
        live.write()
        assert not any(picks(live.ask(new, "outbound")) for new in merged)
        assert picks(live.ask("c03", "outbound"))
    with ExitStack() as stack:
        again = Live(tmp_path, stack)
        assert not any(picks(again.ask(was, "outbound")) for was in old)
    serve(tmp_path, "tue", 1)
    assert not set(merged) & contacted(tmp_path, "tue")


def test_live_a_refusal_of_before_the_merge_holds_after_it(tmp_path: Path) -> None:
    write(tmp_path, [])
    with ExitStack() as stack:
        live = Live(tmp_path, stack)
        live.desk.refuse("c02", "email")
        live.write()
    write(tmp_path, [("c01", "c02", "customer", "2026-11-01")])
    with ExitStack() as stack:
        live = Live(tmp_path, stack)
        assert not picks(live.ask("c01", "outbound"))
        assert picks(live.ask("c03", "outbound"))
    serve(tmp_path, "tue", 1)
    assert "c01" not in contacted(tmp_path, "tue")


class OptingOut:
    """A progress under which a key opts out after the wave was decided, before its lists."""

    def __init__(self, folder: Path, key: str) -> None:
        self._path, self._key = folder / "consents.csv", key

    def step(self, text: str, total: int | None = None) -> None:
        del total
        if text.startswith("reading consents again"):
            self._path.write_text(f"{self._path.read_text()}{self._key},email,false\n")

    def advance(self, count: int) -> None:
        """Nobody opts out within a step."""


@pytest.mark.parametrize("key", ["c01", "c02"])
def test_who_opts_out_by_any_key_before_the_lists_is_on_none(tmp_path: Path, key: str) -> None:
    write(tmp_path, [("c01", "c02", "customer", "2026-11-01")])
    serve_batch(tmp_path, wave="w", at=MONDAY, progress=OptingOut(tmp_path, key))
    assert "c01" in contacted(tmp_path)
    listed = pl.read_csv(tmp_path / "exports" / "w" / "email.csv")["customer_id"].to_list()
    assert sorted(listed) == sorted(set(PEOPLE) - {"c01", "c02"})


def test_a_customer_who_stands_for_nobody_is_told_and_costs_no_square(tmp_path: Path) -> None:
    crowd = [f"x{i}" for i in range(3_000)]
    links = [("c00", key, "customer", "2026-10-01") for key in crowd]
    agreed = [(p, "email", "true") for p in PEOPLE]
    refused = [(key, "email", "false") for key in crowd]
    write(tmp_path, links, consents=[*agreed, *refused])
    told = serve(tmp_path)
    assert contacted(tmp_path) == set(PEOPLE) - {"c00"}
    assert any("3,001 customers are linked as one person" in note for note in told.notes)


def test_the_same_bytes_for_any_order_of_the_map(tmp_path: Path) -> None:
    rows = [*LOYALTY, *MERGE, ("c04", "c03", "customer", "2026-10-01")]
    agreed = [(f"L{i}", "email", "true") for i in range(19)]
    made = []
    for name, order in (("a", rows), ("b", rows[::-1])):
        write(tmp_path / name, order, id_of="loyalty", consents=agreed)
        serve(tmp_path / name, days=5)
        folder = tmp_path / name / "waves" / "w"
        made.append({p.name: p.read_bytes() for p in folder.glob("*.parquet")})
        assert json.loads((folder / "manifest.json").read_text())["wave"] == "w"
    assert made[0] == made[1]


def test_a_variable_is_of_the_events_of_all_keys_of_a_person(tmp_path: Path) -> None:
    write(tmp_path, [*LOYALTY, *MERGE])
    table(
        tmp_path / "sales.csv",
        ["customer_id", "at"],
        [("L1", "2026-11-01"), ("L2", "2026-11-01"), ("L2", "2026-11-02"), ("L5", "2026-11-01")],
    )
    more = """
[[source]]
name = "sales"
source = "sales.csv"
at = "at"
id = "loyalty"
[variables]
bought = { function = "count" }
"""
    text = (tmp_path / "campaign.toml").read_text()
    (tmp_path / "campaign.toml").write_text(text + more)
    serve(tmp_path, days=5)
    known = pl.read_parquet(tmp_path / "waves" / "w" / "variables.parquet")
    found = dict(known.select("customer_id", "bought").iter_rows())
    assert (found["c01"], found["c05"], found["c03"]) == (3, 1, 0)
    assert "c02" not in found
    assert check(tmp_path, at=MONDAY + dt.timedelta(days=6), leakage=True).remade is not None
