"""Each bad input that a user can give: the message, the exit code, and nothing published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bandit.cli.app import main
from tests import campaigns

AT = ["--at", "2026-11-02"]


def _toml(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "campaign.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return change


def _people(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    return lambda folder: campaigns.write_customers(folder, change(campaigns.people(300)))


def _csv(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "people.csv").write_text(text)
        _toml('source = "customers.duckdb"\ntable = "customers"', 'source = "people.csv"')(folder)

    return change


CONFIGURATION = {
    "unknown key": (
        _toml("[reward]", "[reward]\nwindow_dayz = 3"),
        "unknown key 'reward.window_dayz'; did you mean 'window_days'?",
    ),
    "missing file": (
        _toml('source = "customers.duckdb"', 'source = "nowhere.duckdb"'),
        "nowhere.duckdb does not exist",
    ),
    "unknown channel": (
        _toml('channels = ["email", "home"]', 'channels = ["emial", "home"]'),
        "offer 'music' names an unknown channel 'emial'; did you mean 'email'?",
    ),
    "expression that does not parse": (
        _toml("region = 'north' or age > 40", "region = = 'north'"),
        "region = = 'north'",
    ),
    "unknown column in an expression": (
        _toml("region = 'north' or age > 40", "regoin = 'north'"),
        "did you mean 'region'?",
    ),
    "unknown feature column": (
        _toml('numeric = ["age", "spend"]', 'numeric = ["age", "spent"]'),
        "has no column 'spent'; did you mean 'spend'?",
    ),
    "a date that is none": (
        _toml('name = "fibre"', 'name = "fibre"\nstarts = "someday"'),
        "offer.1.starts = 'someday'",
    ),
    "shares that do not sum to one": (
        _toml("share = 0.4", "share = 0.5"),
        "the shares sum to 1.1; they must sum to 1",
    ),
    "a name that would be a path": (
        _toml('name = "sms"', 'name = "../sms"'),
        "a name is up to 100 letters",
    ),
}

DATA = {
    "broken CSV line": (
        _csv("customer_id,age,spend,owner,region\n1,30,1.5,true,north\n2,31\n"),
        "people.csv",
    ),
    "duplicate customer keys": (
        _people(lambda f: pl.concat([f, f.head(20)])),
        "the key stands more than once",
    ),
    "infinite feature": (
        _people(lambda f: f.with_columns(spend=pl.lit(float("inf")))),
        "spend",
    ),
    "no rows": (_people(lambda f: f.head(0)), "customers"),
}


@pytest.mark.parametrize("case", CONFIGURATION)
def test_wrong_configuration_refuses_at_once(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = CONFIGURATION[case]
    _refused(change, message, 3, tmp_path, capsys)


@pytest.mark.parametrize("case", DATA)
def test_wrong_data_publishes_nothing(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = DATA[case]
    _refused(change, message, 4, tmp_path, capsys)


def _refused(
    change: Callable[[Path], None],
    message: str,
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    change(folder)
    before = campaigns.bytes_of(folder)
    with pytest.raises(SystemExit) as stopped:
        main(["serve-batch", str(folder), *AT])
    told = capsys.readouterr()
    assert stopped.value.code == code, told.err
    assert message in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert campaigns.bytes_of(folder) == before


def test_a_few_bad_rows_are_set_apart_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    frame = campaigns.people(300)
    bad = frame.with_columns(
        age=pl.when(pl.col("customer_id") == 10).then(float("nan")).otherwise("age")
    )
    campaigns.write_customers(folder, bad)
    with pytest.raises(SystemExit) as stopped:
        main(["serve-batch", str(folder), *AT, "--wave", "w", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (stopped.value.code, told["rejected"], told["customers"]) == (0, 1, 299)
    rejects = pl.read_parquet(folder / "waves" / "w" / "rejects.parquet")
    assert rejects.row(0)[:3] == ("customers", "10", "age")


def test_json_errors_are_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["serve-batch", str(tmp_path / "nowhere"), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (stopped.value.code, told["exit_code"]) == (3, 3)
    assert "does not exist; `bandit init" in told["error"]


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["serve-batch"], ["serve-batch", "x", "--seed", "-1"], ["learn", "x", "--at", "?"]],
)
def test_wrong_usage_is_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_consents_of_unknown_customers_are_set_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    with duckdb.connect(folder / "customers.duckdb") as connection:
        connection.execute("INSERT INTO consents VALUES (999999, 'sms', true)")
    with pytest.raises(SystemExit):
        main(["serve-batch", str(folder), *AT, "--wave", "w", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["rejected"] == 0
    assert any("1 of 601 rows are of people who are not among" in note for note in told["notes"])
