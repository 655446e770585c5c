"""Whether lists may leave, asked of this minute; and lists for insiders, which are no lists."""

from __future__ import annotations

import csv
import json
import shutil

import duckdb
import polars as pl
import pytest

from bandit.cli.app import main
from bandit.core.errors import ConfigError, DataError, UsageError
from bandit.record import exports, manifest
from bandit.workflows.experiment import send_test as test_lists
from bandit.workflows.experiment.check_list import check_list
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.send_test import send_test
from bandit.workflows.experiment.start import start
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.trials import written
from tests.workflows.test_experiment import PRESSURE, day, first_slots

ADDRESSES = """
[addresses.email]
column = "mail"
form = "email"
[insiders]
customers = [3, 10, 17]
"""
WAVE = "2026-11-09"


def people(folder, mails):
    frame = campaigns.people(400).with_columns(mail=pl.Series(mails))
    campaigns.write_customers(folder, frame)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = campaigns.write(tmp_path_factory.mktemp("x") / "c", pressure=PRESSURE, more=ADDRESSES)
    people(folder, [f"a{i}@b.example" for i in range(400)])
    written(folder)
    start(folder, name="spring", at=day(9))
    serve_batch(folder, at=day(9))
    return folder


@pytest.fixture
def folder(served, tmp_path):
    return shutil.copytree(served, tmp_path / "c")


def listed(folder, channel):
    return pl.read_csv(folder / "exports" / WAVE / f"{channel}.csv")


def rewritten(folder, channel, rows):
    """A list that was exchanged with its manifest: a fault of whoever wrote it, not of the disk."""
    lists = folder / "exports" / WAVE
    rows.write_csv(lists / f"{channel}.csv")
    content = manifest.read(lists)
    manifest.write(lists, {k: v for k, v in content.items() if k not in {"files", "sha256"}})


def faults(folder, **more):
    found = check_list(folder, at=day(9), **more)
    assert found.passed == (not found.faults)
    return {fault.check: fault for fault in found.faults}


def test_lists_as_they_were_written_may_leave(served):
    found = check_list(served, name="spring", at=day(9))
    assert found.passed
    assert found.faults == []
    assert found.lists == {c: len(listed(served, c)) for c in ("email", "sms", "home")}
    assert found.digest == check_list(served, at=day(9)).digest
    assert "address malformed" in found.checks
    assert found.ratio is not None


def test_rows_and_record_are_the_same_set(folder):
    rows = listed(folder, "email")
    rewritten(folder, "email", rows[1:])
    assert faults(folder)["contacts that are on no list"].examples == [rows["decision_id"][0]]
    rewritten(folder, "email", pl.concat([rows, rows[:2]]))
    assert faults(folder)["duplicates"].count == 2
    strange = rows[:1].with_columns(decision_id=pl.lit("nobody"))
    rewritten(folder, "email", pl.concat([rows, strange]))
    assert faults(folder)["rows that the record does not have"].examples == ["nobody"]
    swapped = rows.with_columns(customer_id=pl.col("customer_id").shift(1).fill_null(99))
    rewritten(folder, "email", swapped)
    assert faults(folder)["rows that the record does not have"].count == len(rows)
    rewritten(folder, "email", rows.with_columns(offer=pl.lit(None, pl.String)))
    assert faults(folder)["empty fields"].count == len(rows)


def test_consent_of_this_minute_counts(folder):
    who = listed(folder, "email")["customer_id"][0]
    with duckdb.connect(folder / "customers.duckdb") as connection:
        connection.execute(
            "UPDATE consents SET granted = false WHERE customer_id = ? AND channel = 'email'", [who]
        )
    found = faults(folder)
    assert list(found) == ["no consent now"]
    assert found["no consent now"].count == int(
        (listed(folder, "email")["customer_id"] == who).sum()
    )


def test_pressure_and_customers_of_this_minute_count(folder):
    rows = listed(folder, "email")
    who = rows["customer_id"][0]
    with duckdb.connect(folder / "customers.duckdb") as connection:
        connection.execute(
            "CREATE TABLE history AS SELECT ?::BIGINT AS customer_id, 'email' AS channel,"
            " 'cable' AS offer, TIMESTAMP '2026-11-08' AS contacted_at",
            [who],
        )
        gone = rows["customer_id"][1]
        connection.execute("DELETE FROM customers WHERE customer_id = ?", [gone])
    toml = folder / "campaign.toml"
    toml.write_text(
        toml.read_text() + '[history]\nsource = "customers.duckdb"\ntable = "history"\n'
    )
    found = faults(folder)
    assert set(found) == {"contact pressure now", "no customer any more"}
    decided = campaigns.decisions(folder, WAVE).filter(pl.col("action") > 0)
    out = decided.filter(pl.col("placement") == "outbound")
    assert found["contact pressure now"].count == out.filter(pl.col("customer_id") == who).height
    assert (
        found["no customer any more"].count == decided.filter(pl.col("customer_id") == gone).height
    )


@pytest.mark.parametrize(
    ("mail", "check"),
    [(None, "missing"), ("  ", "missing"), ("a.example", "malformed"), ("a@b@c.de", "malformed"),
     ("a b@c.de", "malformed"), ("a@b", "malformed")],
)  # fmt: skip
def test_addresses_are_there_and_look_like_some(folder, mail, check):
    who = listed(folder, "email")["customer_id"][0]
    mails = [f"a{i}@b.example" for i in range(400)]
    mails[(who - 3) // 7] = mail
    people(folder, mails)
    assert list(faults(folder)) == [f"address {check}"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("addresses.email", "addresses.emial", r"\[addresses.emial\]: no such channel; did you mean"),
     ('"mail"', '"mial"', "did you mean 'mail'")],
)  # fmt: skip
def test_an_address_that_is_nowhere_is_told(folder, old, new, told):
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=told):
        check_list(folder, at=day(9))


def test_what_somebody_changed_is_wrong_data(folder):
    path = folder / "exports" / WAVE / "email.csv"
    path.write_text(path.read_text().replace("cable", "cabel"))
    with pytest.raises(DataError, match=r"email.csv is damaged"):
        check_list(folder, at=day(9))
    shutil.rmtree(folder / exports.EXPORTS)
    with pytest.raises(DataError, match="holds no lists to check"):
        check_list(folder, at=day(9))
    with pytest.raises(UsageError, match="no wave 'w7'"):
        check_list(folder, wave="w7", at=day(9))


def test_the_command_says_no_with_six(folder, capsys):
    rewritten(folder, "email", listed(folder, "email")[1:])
    with pytest.raises(SystemExit) as ended:
        main(["experiment", "check-list", str(folder), "spring", "--at", "2026-11-09", "--json"])
    assert ended.value.code == 6
    assert json.loads(capsys.readouterr().out)["passed"] is False
    with pytest.raises(SystemExit) as ended:
        main(["experiment", "check-list", str(folder), "--at", "2026-11-09"])
    assert ended.value.code == 6
    assert "must not leave: contacts that are on no list" in capsys.readouterr().out


def test_insiders_get_a_test_and_the_record_nothing(folder):
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    reading = read(folder, name="spring", at=day(17)).to_json()
    found = send_test(folder, name="spring", at=day(9))
    assert found.folder == folder / exports.TESTS / "spring"
    rows = [
        row
        for path in sorted(found.folder.glob("*.csv"))
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    ]
    assert {row["test"] for row in rows} == {"test"}
    assert {row["customer_id"] for row in rows} <= {"3", "10", "17"}
    assert found.arms["peace"] == 0
    assert sum(found.arms.values()) == sum(found.lists.values()) == len(rows) > 0
    only = {(row["offer"], path) for row, path in ((r, r["arm"]) for r in rows) if path == "only"}
    assert {offer for offer, _ in only} <= {"music", "fibre"}
    assert {p: p.read_bytes() for p in before} == before
    assert read(folder, name="spring", at=day(17)).to_json() == reading
    learned = learn(folder, at=day(17), no_events=True)
    assert learned.decisions > 0
    first = first_slots(folder, WAVE)["customer_id"][0]
    theirs = folder / exports.TESTS / "unit" / "test_ours.csv"
    theirs.parent.mkdir()
    theirs.write_text("a,b\n1,2\n")
    forget(folder, customers=[str(first)])
    assert [p for p in (folder / exports.TESTS).rglob("*") if p.is_file()] == [theirs]
    with pytest.raises(DataError, match="no lists of a test"):
        test_lists._write(theirs.parent, {}, ["email"])
    assert theirs.read_text() == "a,b\n1,2\n"
    shutil.rmtree(theirs.parent.parent)


def test_an_insider_who_refused_by_an_event_gets_no_test(folder):
    path = folder / "campaign.toml"
    path.write_text(path.read_text().replace("quiet_days = 10", "refusal_days = 60.0"))
    said = folder / "said.csv"
    rows = "".join(f"r{key},,{key},unsubscribe,2026-11-09\n" for key in (3, 10))
    said.write_text(f"event_id,decision_id,customer_id,event,occurred_at\n{rows}")
    learn(folder, outcomes=said, at=day(10))
    send_test(folder, name="spring", at=day(10))
    left = {
        row["customer_id"]
        for channel in ("email", "sms")
        for row in csv.DictReader(
            (folder / "tests" / "spring" / f"{channel}.csv").read_text().splitlines()
        )
    }
    assert left == {"17"}


def test_a_test_needs_insiders(tmp_path):
    folder = campaigns.write(tmp_path / "c", customers=20)
    written(folder)
    with pytest.raises(ConfigError, match=r"no \[insiders\]"):
        send_test(folder, name="spring", at=day(9))
