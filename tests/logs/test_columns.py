"""One set of rules for [log]: what learn, simulate and check say of the same table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bandit.core.errors import ConfigError, DataError
from bandit.core.types import SILENT
from bandit.record import snapshots
from bandit.record import waves as record
from bandit.record.decisions import Decisions
from bandit.workflows.judge import job
from bandit.workflows.judge.simulate import read, simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve import serving_model
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests import campaigns
from tests.campaigns import MONDAY

N = 240
LATER = MONDAY + dt.timedelta(days=90)
LOG = """
[log]
source = "log.csv"
action = "offer"
channel = "email"
reward = "won"
propensity = {{ fibre = 0.5, cable = 0.5 }}
{more}
"""


def _campaign(folder: Path, more: str = "", missing: int = 0) -> Path:
    campaigns.write(folder, customers=N, more=LOG.format(more=more))
    rows = campaigns.people(N).with_columns(
        offer=pl.Series(["fibre", "cable"] * (N // 2)),
        won=pl.Series([None] * missing + [float(i % 5) for i in range(N - missing)]),
        may=pl.Series(["[fibre, cable]", "[cable]"] * (N // 2)),
    )
    rows.write_csv(folder / "log.csv")
    return folder


def _all_three(folder: Path) -> list[Callable[[], object]]:
    return [
        lambda: check(folder, at=MONDAY),
        lambda: learn(folder, log=True, at=LATER),
        lambda: simulate(folder, log=True, at=LATER),
    ]


@pytest.mark.parametrize("key", ["eligible", "position", "cluster", "time", "customer"])
def test_all_three_refuse_a_misspelt_column(tmp_path: Path, key: str) -> None:
    folder = _campaign(tmp_path / "c", f'{key} = "mai"')
    for command in _all_three(folder):
        with pytest.raises(ConfigError, match="'mai'"):
            command()


def test_learning_stores_the_eligible_sets_that_simulating_judges_on(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c", 'eligible = "may"')
    learn(folder, log=True, at=LATER)
    wave = next(iter(record.waves(folder)))
    stored = [
        {wave.actions[a] for a in some.nonzero()[0]}
        for rows in Decisions(folder, wave).rows("eligible")
        for some in rows.eligible
    ]
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    names = judged.catalogue.names
    assert stored == [{names[a] for a in some.nonzero()[0]} for some in judged.log.eligible]
    assert stored[:2] == [{"fibre/email", "cable/email"}, {"cable/email"}]


def test_a_log_that_names_no_customer_belongs_to_nobody(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c")
    assert learn(folder, log=True, at=LATER).decisions == N
    wave = next(iter(record.waves(folder)))
    rows = list(Decisions(folder, wave).rows("customer_id", "decision_id"))
    assert sum(r.customers.null_count for r in rows) == N
    assert len({i for r in rows for i in r.ids.to_pylist()}) == N
    someone = str(campaigns.people(N)["customer_id"][0])  # 3: a row of the log, too
    assert someone == "3"
    with pytest.raises(DataError, match="the record holds nothing of"):
        forget(folder, customers=[someone])
    assert learn(folder, at=LATER).decisions == N


def test_rows_without_a_reward_are_counted(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c", missing=2)
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    assert judged.n == N - 2
    assert "2 of 240 rows of the log are refused: won: no finite number" in judged.notes[0]


BROKEN = {
    "reward": {"won": None},
    "infinite": {"won": float("inf")},
    "beyond": {"won": 1e13},
    "action": {"offer": None},
    "propensity": {"p": 0.0},
    "no propensity": {"p": None},
    "eligible": {"may": "[cable]"},
    "customer": {"who": None},
    "another's key": {"who": "A17"},
    "time": {"moment": None},
    "misread": {"moment": "soon"},
    "position": {"place": 1.5},
    "feature": {"spend": float("nan")},
    "two at once": {"spend": float("nan"), "p": 2.0},
}
"""Cells of one row: of such a row nothing is learned, and it is not judged."""
PLAIN = {"reward", "action", "no propensity", "time", "two at once"}
"""One of each kind."""


@pytest.mark.parametrize(
    "cells",
    [
        {},
        *(
            pytest.param(cells, id=name, marks=() if name in PLAIN else pytest.mark.long)
            for name, cells in BROKEN.items()
        ),
    ],
)
def test_learning_simulating_and_checking_refuse_the_same_rows(
    tmp_path: Path, cells: dict[str, Any]
) -> None:
    names = 'customer = "who"\ntime = "moment"\neligible = "may"\nposition = "place"\n'
    text = LOG.format(more=names).replace("{ fibre = 0.5, cable = 0.5 }", '"p"')
    folder = campaigns.write(tmp_path / "c", customers=N, more=text)
    rows = campaigns.people(N).with_columns(
        who=pl.col("customer_id").cast(pl.String),
        moment=pl.lit("2026-11-02 10:00:00"),
        offer=pl.Series(["fibre", "cable"] * (N // 2)),
        won=pl.Series([float(i % 5) for i in range(N)]),
        p=pl.lit(0.5),
        place=pl.lit(1.0),
        may=pl.lit("[fibre, cable]"),
    )
    third = pl.col("customer_id") == 17
    rows = rows.with_columns(
        pl.when(third).then(pl.lit(v, rows.schema[c])).otherwise(c).alias(c)
        for c, v in cells.items()
    )
    rows.drop("customer_id").write_csv(folder / "log.csv")
    note = [w for w in check(folder, at=MONDAY).warnings if "rows of the log are refused" in w]
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    assert judged.n == N - len(note) == N - bool(cells)
    assert [n for n in judged.notes if "are refused" in n] == note
    told = learn(folder, log=True, at=LATER)
    assert told.decisions == N - bool(cells)
    assert f"took in the log: {N - bool(cells)} decisions, {int(bool(cells))} refused" in told.notes


def test_a_log_with_more_refused_rows_than_allowed_is_used_by_nobody(tmp_path: Path) -> None:
    folder = _campaign(tmp_path / "c", missing=20)
    for command in _all_three(folder):
        with pytest.raises(DataError, match="won = 'nan': no finite number") as error:
            command()
        assert "of 240 rows are refused, more than limits.reject_share" in str(error.value)


def _logged(folder: Path, rows: pl.DataFrame, more: str = "") -> Path:
    campaigns.write(folder, customers=N, more=LOG.format(more=more))
    rows.write_csv(folder / "log.csv")
    return folder


def _rows(**columns: Sequence[object]) -> pl.DataFrame:
    return campaigns.people(N).with_columns(
        offer=pl.Series(["fibre", "cable"] * (N // 2)),
        won=pl.Series([float(i % 5) for i in range(N)]),
        **{name: pl.Series(cells) for name, cells in columns.items()},
    )


def _sets(folder: Path) -> list[set[str]]:
    wave = next(iter(record.waves(folder)))
    return [
        {wave.actions[a] for a in some.nonzero()[0]}
        for rows in Decisions(folder, wave).rows("eligible")
        for some in rows.eligible
    ]


@pytest.mark.parametrize(
    "cells",
    [["fibre|cable", "cable"], ["fibre, cable", " cable "], ['["fibre", "cable"]', "[cable]"]],
)
def test_eligible_may_be_text(tmp_path: Path, cells: list[str]) -> None:
    rows = _rows(may=cells * (N // 2))
    folder = _logged(tmp_path / "c", rows, 'eligible = "may"\ncustomer = "customer_id"')
    learn(folder, log=True, at=LATER)
    assert _sets(folder)[:2] == [{"fibre/email", "cable/email"}, {"cable/email"}]
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    assert judged.log.eligible[:2].sum(axis=1).tolist() == [2, 1]


def test_what_is_eligible_and_no_action_is_refused(tmp_path: Path) -> None:
    folder = _logged(
        tmp_path / "c", _rows(may=["fibre|kable", "cable"] * (N // 2)), 'eligible = "may"'
    )
    for command in _all_three(folder):
        with pytest.raises(ConfigError, match=r"'kable' means 'kable/email'.*'cable/email'"):
            command()


def test_no_contact_under_another_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    rows = _rows().with_columns(pl.col("offer").replace("cable", "control"))
    folder = _logged(tmp_path / "c", rows, 'no_contact = "Control"')
    (folder / "campaign.toml").write_text(
        (folder / "campaign.toml").read_text().replace("{ fibre = 0.5, cable = 0.5 }", "0.5")
    )
    for command in _all_three(folder):
        with pytest.raises(
            ConfigError, match="'Control' is no action of the log; did you mean 'control'"
        ):
            command()


def test_rows_that_repeat_another_are_counted(tmp_path: Path) -> None:
    rows = _rows()
    folder = _logged(tmp_path / "c", pl.concat([rows, rows.head(3)]), 'customer = "customer_id"')
    notes = [
        *check(folder, at=MONDAY).warnings,
        *learn(folder, log=True, at=LATER).notes,
        *read(job.load(folder), log=True, at=LATER, progress=SILENT).notes,
    ]
    assert sum("3 rows repeat another one exactly" in note for note in notes) == 3


ODD = {
    "won": ("1_000", "'1_000'"), "customer_id": ("x9", "'x9'"), "age": ("41 years", "'41 years'"),
    "at": ("15/12/26", "'15/12/26'"),
}  # fmt: skip


@pytest.mark.parametrize("column", ODD)
def test_a_cell_of_a_log_that_is_misread_is_a_refused_row(tmp_path: Path, column: str) -> None:
    cell, said = ODD[column]
    rows = _rows(at=["2026-10-01"] * N).with_columns(pl.col(column).cast(pl.String))
    rows[7, column] = cell
    folder = _logged(tmp_path / "c", rows, 'customer = "customer_id"\ntime = "at"')
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    assert judged.n == N - 1
    assert "1 of 240 rows of the log are refused" in judged.notes[0]
    assert learn(folder, log=True, at=LATER).decisions == N - 1
    wave = next(iter(record.waves(folder)))
    (reject,) = pl.read_parquet(wave.folder / "rejects.parquet").to_dicts()
    assert (reject["column"], repr(reject["value"])) == (column, said)


def test_a_log_is_written_as_its_settings_say(tmp_path: Path) -> None:
    rows = _rows(at=["01.10.2026"] * N, may=["fibre|cable"] * N)
    rows = rows.with_columns(
        pl.col("age", "spend", "won").cast(pl.String).str.replace(".", ",", literal=True)
    )
    more = 'time = "at"\ndecimal = ","\ndate_format = "%d.%m.%Y"'
    folder = _logged(tmp_path / "c", rows, more)
    judged = read(job.load(folder), log=True, at=LATER, progress=SILENT)
    assert judged.rewards.sum() == sum(i % 5 for i in range(N))
    assert learn(folder, log=True, at=LATER).decisions == N
    assert next(iter(record.waves(folder))).at == dt.datetime(2026, 10, 1, tzinfo=dt.UTC)


def test_a_log_is_taken_in_once(tmp_path: Path) -> None:
    folder = _logged(tmp_path / "c", _rows(), 'customer = "customer_id"')
    first = learn(folder, log=True, at=LATER)
    again = learn(folder, log=True, at=LATER)
    assert (again.decisions, again.snapshot) == (N, first.snapshot)
    assert again.notes[0] == "the log was taken in already, and nothing of it has changed"
    _rows().head(N - 2).write_csv(folder / "log.csv")
    with pytest.raises(DataError, match=r"not the log that was taken in as.*--without-log"):
        learn(folder, log=True, at=LATER)
    instead = learn(folder, log=True, without_log=True, at=LATER)
    assert (instead.decisions, instead.new) == (N - 2, True)
    assert instead.notes[0] == "took the log back: 240 decisions left the record"


def test_a_log_that_is_taken_back_teaches_nothing(tmp_path: Path) -> None:
    folder = _logged(tmp_path / "c", _rows(), 'customer = "customer_id"')
    learn(folder, log=True, at=LATER)
    taken = snapshots.latest(folder, "campaign.toml")
    assert taken is not None
    back = learn(folder, without_log=True, at=LATER)
    assert (back.decisions, back.new, back.waves) == (0, True, [])
    assert not list((folder / "waves").iterdir())
    found = snapshots.latest(folder, "campaign.toml")
    assert found is not None
    assert found.version == back.snapshot
    sums = serving_model.sums_of(found)
    assert (sums.n_actions, float(sums.count.sum())) == (len(taken.actions), 0.0)
    assert serve_batch(folder, at=LATER).customers == N
    with pytest.raises(DataError, match="nothing to take back"):
        learn(folder, without_log=True, at=LATER)


def test_what_waves_taught_stays_when_a_log_is_taken_back(tmp_path: Path) -> None:
    both, alone = tmp_path / "both", tmp_path / "alone"
    for folder in (both, alone):
        _logged(folder, _rows(), 'customer = "customer_id"')
        serve_batch(folder, at=MONDAY)
    learn(both, log=True, no_events=True, at=LATER)
    learn(both, without_log=True, no_events=True, at=LATER)
    learn(alone, no_events=True, at=LATER)
    found = [snapshots.latest(folder, "campaign.toml") for folder in (both, alone)]
    sums = [serving_model.sums_of(s) for s in found if s is not None]
    assert sums[0].count.tolist() == sums[1].count.tolist()
    assert (sums[0].gram == sums[1].gram).all()
