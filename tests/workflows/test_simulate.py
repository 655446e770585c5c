"""Candidates judged on small logs whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from bandit import cli
from bandit.errors import ConfigError, DataError
from tests.workflows.simulate_logs import MEANS, judged, row, toy, write

__all__ = ["judged"]

CONSTANTS = """
business_as_usual = "red for all"
[[simulate.candidate]]
policy = "constant"
action = "blue"
[[simulate.candidate]]
policy = "constant"
action = "red"
name = "red for all"
[[simulate.candidate]]
policy = "no_contact"
"""


def test_constants_are_worth_their_arms(judged):
    frame = toy()
    shares = {a: float((frame["action"] == a).mean()) for a in MEANS}
    exact = frame.with_columns(p=pl.col("action").replace_strict(shares))
    result = judged(exact, simulate=CONSTANTS)
    for name, arm in (("always blue", "blue"), ("red for all", "red"), ("no_contact", "none")):
        mean = frame.filter(pl.col("action") == arm)["reward"].mean()
        estimates = row(result, name).estimates
        assert estimates["snips"].value == pytest.approx(mean, abs=1e-12)
        assert estimates["ips"].value == pytest.approx(mean, abs=1e-12)
    assert result.causal
    assert (result.rows, result.customers, result.actions) == (3000, 1500, 3)


def test_what_is_better_ships_and_what_is_worse_is_held(judged):
    result = judged(toy(), simulate=CONSTANTS)
    blue, none = row(result, "always blue"), row(result, "no_contact")
    assert result.gate.candidate == "always blue"
    assert result.gate.ships
    assert blue.decision == "ship"
    assert blue.lift.lower > 0.0
    assert none.decision == "hold"
    assert row(result, "red for all").lift is None


def test_a_learner_finds_the_better_action_on_customers_it_has_not_seen(judged):
    result = judged(toy())
    greedy = row(result, "greedy")
    assert [r.name for r in result.candidates] == [
        "lin_ts", "lin_ucb", "greedy", "uniform", "no_contact",
    ]  # fmt: skip
    assert greedy.shares["blue"] > 0.9
    assert greedy.value.lower < MEANS["blue"] + 0.075 < greedy.value.upper
    assert {s.column for s in result.segments} == {"city"}


def test_two_halves_of_a_customer_are_one_cluster(judged):
    """Every row twice: the interval must not shrink, as the clusters are the same."""
    frame = toy(1000)
    options = 'interval = "student_t"\n' + CONSTANTS
    once = row(judged(frame, simulate=options), "always blue").value
    twice = row(judged(pl.concat([frame, frame]), simulate=options), "always blue").value
    width = once.upper - once.lower
    assert twice.upper - twice.lower == pytest.approx(width, rel=0.03)


@pytest.mark.parametrize(
    "propensity",
    ["propensity = { none = 0.5, red = 0.3, blue = 0.2 }", 'propensity = "p"'],
)
def test_a_propensity_may_be_a_column_or_shares(judged, propensity):
    toml = (
        'name = "toy"\n[log]\nsource = "log.parquet"\naction = "action"\nreward = "reward"\n'
        'no_contact = "none"\n' + propensity + "\n[simulate]\n@log@@simulate@"
    )
    result = judged(toy(), simulate=CONSTANTS, toml=toml)
    assert row(result, "always blue").max_weight == pytest.approx(5.0)


def test_a_log_without_propensities_makes_no_causal_claim(judged):
    toml = (
        'name = "toy"\n[log]\nsource = "log.parquet"\naction = "action"\nreward = "reward"\n'
        'no_contact = "none"\n[simulate]\n@log@@simulate@'
    )
    result = judged(toy(), simulate=CONSTANTS, toml=toml)
    assert not result.causal
    assert not result.gate.ships
    assert all(r.lift is None and r.over_logged is None for r in result.candidates)
    assert any("no causal claim" in note for note in result.notes)


def test_a_sweep_is_judged_at_once(judged):
    one = '[[simulate.candidate]]\npolicy = "greedy"\n'
    many = '[[simulate.candidate]]\npolicy = "greedy"\nridge = [1.0, 10.0, 1000.0]\n'
    options = 'interval = "betting"\n'
    alone = judged(toy(), simulate=options + one).candidates[0].over_logged
    result = judged(toy(), simulate=options + many)
    assert result.candidates[0].name == "greedy ridge=1"
    assert result.at_once == 3
    swept = result.candidates[0].over_logged
    assert swept.upper - swept.lower > alone.upper - alone.lower


def test_other_kinds_of_candidates(judged, tmp_path):
    pl.DataFrame({"action": ["red", "blue"], "probability": [0.25, 0.75]}).write_parquet(
        tmp_path / "given.parquet"
    )
    result = judged(
        toy(600),
        simulate="""
estimators = ["sndr", "switch_dr", "dros", "sg_ips", "dm"]
[[simulate.candidate]]
policy = "table"
source = "given.parquet"
name = "given"
[[simulate.candidate]]
policy = "mixture"
holdout = 0.1
exploration = 0.05
share = [{ policy = "lin_ts", share = 0.5 }, { policy = "rules", share = 0.5 }]
[[simulate.candidate]]
policy = "mabwiser"
learning = "lin_ucb"
[[simulate.candidate]]
policy = "epsilon_greedy"
epsilon = 0.2
[[simulate.candidate]]
policy = "beta_ts"
[[simulate.candidate]]
policy = "rules"
order = ["blue", "red"]
""",
    )
    assert row(result, "given").shares == pytest.approx({"blue": 0.75, "red": 0.25})
    assert row(result, "rules").shares == {"blue": 1.0}
    assert row(result, "mixture").shares["none"] > 0.1
    for found in result.candidates:
        assert sum(found.shares.values()) == pytest.approx(1.0)
        assert found.mean_weight == pytest.approx(1.0, abs=0.15)


def test_the_eligible_set_of_each_row_is_kept(judged):
    frame = toy(400)
    may = [["none", "red", "blue"] if c == "north" else ["none", "red"] for c in frame["city"]]
    frame = frame.with_columns(may=pl.Series(may))
    kept = frame.filter((pl.col("city") == "north") | (pl.col("action") != "blue"))
    result = judged(kept, log='eligible = "may"', simulate=CONSTANTS)
    north = float((kept["city"] == "north").mean())
    assert row(result, "always blue").shares == pytest.approx({"blue": north, "none": 1 - north})


def test_a_policy_of_actions_never_logged_is_refused(judged):
    frame = toy().filter(pl.col("action") != "blue")
    shares = "propensity = { none = 0.5, red = 0.3, blue = 0.2 }"
    toml = (
        'name = "toy"\n[log]\nsource = "log.parquet"\naction = "action"\nreward = "reward"\n'
        'no_contact = "none"\n' + shares + "\n[simulate]\n@simulate@"
    )
    result = judged(frame, simulate=CONSTANTS, toml=toml)
    blue = row(result, "always blue")
    assert blue.decision == "hold"
    assert "never logged" in blue.reason


def test_weights_that_do_not_average_to_one_are_refused(judged):
    wrong = toy().with_columns(p=pl.lit(0.9))
    blue = row(judged(wrong, simulate=CONSTANTS), "always blue")
    assert blue.decision == "hold"
    assert "propensities are not those of this log" in blue.reason


BAD = {
    "zero": (pl.when(pl.col("customer") == 7).then(0.0).otherwise(pl.col("p")).alias("p"),
             "propensity must lie in (0, 1], row 14 has 0.0; was the action eligible?"),
    "above": (pl.when(pl.col("customer") == 7).then(1.5).otherwise(pl.col("p")).alias("p"),
              "propensity must lie in (0, 1], row 14 has 1.5"),
    "missing": (pl.when(pl.col("customer") == 7).then(None).otherwise(pl.col("p")).alias("p"),
                "propensity must lie in (0, 1], row 14 has nan; it is missing"),
    "nan": (pl.when(pl.col("customer") == 7).then(np.nan).otherwise(pl.col("reward"))
            .alias("reward"), "reward must be a finite number, row 14 has nan"),
    "unnamed": (pl.when(pl.col("customer") == 7).then(None).otherwise(pl.col("action"))
                .alias("action"), "action must be named in every row, row 14 has None"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(BAD))
def test_bad_rows_are_told_by_number(judged, kind):
    change, message = BAD[kind]
    with pytest.raises(DataError) as error:
        judged(toy(200).with_columns(change), simulate=CONSTANTS)
    assert message in str(error.value)


def test_an_action_outside_its_eligible_set(judged):
    frame = toy(50).with_columns(may=pl.Series([["none", "red"]] * 50))
    with pytest.raises(DataError, match="not in its eligible set"):
        judged(frame, log='eligible = "may"', simulate=CONSTANTS)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_log_of_next_to_nothing(judged, rows):
    with pytest.raises((DataError, ConfigError), match=r"no rows|cannot be made|at least 2"):
        judged(toy(50).head(rows), toml=NO_FEATURES)


NO_FEATURES = (
    'name = "toy"\n[log]\nsource = "log.parquet"\naction = "action"\nreward = "reward"\n'
    'propensity = "p"\nno_contact = "none"\n[simulate]\n@simulate@'
)


@pytest.mark.parametrize(
    ("simulate", "message"),
    [
        ('[[simulate.candidate]]\npolicy = "uniform"\nalpha = 2.0', "has no option 'alpha'"),
        ('[[simulate.candidate]]\npolicy = "constant"', "needs 'action'"),
        ('[[simulate.candidate]]\npolicy = "greedy"\n' * 2, "two candidates are called 'greedy'"),
        ('gate = "nobody"', "simulate.gate = 'nobody' is no candidate"),
        ('segments = ["towns"]', "'towns', which is no feature column"),
        ('estimatorz = ["dr"]', "did you mean 'estimators'"),
    ],
)
def test_a_wrong_section_is_told(judged, simulate, message):
    with pytest.raises(ConfigError) as error:
        judged(toy(100), simulate=simulate)
    assert message in str(error.value)


def test_an_unknown_action_names_those_there_are(judged):
    with pytest.raises(DataError, match="'green' is no action of this log; it has none, blue, red"):
        judged(toy(100), simulate='[[simulate.candidate]]\npolicy = "constant"\naction = "green"\n')


@pytest.mark.parametrize(("gated", "code"), [("always blue", 0), ("no_contact", 6)])
def test_the_gate_is_an_exit_code_and_one_json_object(judged, tmp_path, capsys, gated, code):
    del judged
    folder = write(tmp_path, toy(), simulate=f'gate = "{gated}"\n' + CONSTANTS)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["simulate", str(folder), "--gate", "--json"])
    assert stopped.value.code == code
    found = json.loads(capsys.readouterr().out)
    assert found["gate"]["candidate"] == gated
    assert any("no report was written" in note for note in found["notes"])
