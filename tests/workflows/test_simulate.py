"""Candidates judged on small logs whose truth is known."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.cli import app as cli
from bandit.core.errors import ConfigError, DataError
from bandit.workflows.judge.simulate import simulate
from tests.workflows.simulate_logs import MEANS, TOML, judged, row, toy, write

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


@pytest.mark.parametrize(("silence", "decision"), [(0.1, "ship"), (0.9, "hold")])
def test_sending_to_all_must_beat_leaving_all_in_peace(judged, silence, decision):
    """Blue is better than red and than the log; whether contacts pay is asked unbidden."""
    rng = np.random.default_rng(5)
    shares, means = (
        {"none": 0.1, "red": 0.6, "blue": 0.3},
        {"none": silence, "red": 0.2, "blue": 0.6},
    )
    action = rng.choice(list(shares), size=4000, p=list(shares.values()))
    frame = pl.DataFrame(
        {
            "customer": np.arange(4000),
            "action": action,
            "reward": (rng.random(4000) < [means[a] for a in action]).astype(float),
            "p": [shares[a] for a in action],
            "age": rng.normal(40.0, 10.0, 4000),
            "city": rng.choice(["north", "south"], size=4000),
        }
    )
    asked = """
business_as_usual = "red for all"
[[simulate.candidate]]
policy = "constant"
action = "blue"
[[simulate.candidate]]
policy = "constant"
action = "red"
name = "red for all"
"""
    result = judged(frame, simulate=asked)
    blue = row(result, "always blue")
    assert (blue.lift.lower > 0.0, blue.over_logged.lower > 0.0) == (True, True)
    assert blue.decision == decision
    assert ("no_contact" in blue.reason) == (decision == "hold")


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


def test_a_log_whose_actions_hang_on_the_features_never_ships(judged):
    """The south got blue, with the shares that came out for propensities: nothing may ship."""
    frame = toy()
    south = (frame["city"] == "south").to_numpy()
    action = np.where(south & (np.arange(3000) % 3 > 0), "blue", frame["action"].to_numpy())
    names, count = np.unique(action, return_counts=True)
    share = dict(zip(names.tolist(), (count / 3000).tolist(), strict=True))
    frame = frame.with_columns(action=action, p=np.array([share[a] for a in action.tolist()]))
    found = judged(frame, simulate=CONSTANTS)
    assert not found.causal
    assert {row.decision for row in found.candidates} == {"hold"}
    assert "the features explain who got" in found.gate.reason
    assert "city=south" in found.gate.reason


def test_few_effective_rows_of_a_bounded_reward_may_decide(judged):
    """Blue sells ten times as well and was tried on 4 %: 40 effective rows, and no doubt."""
    rng = np.random.default_rng(4)
    action = np.where(rng.random(1000) < 0.04, "blue", "none")
    frame = toy(1000).with_columns(
        customer=np.arange(1000),
        action=action,
        p=np.where(action == "blue", 0.04, 0.96),
        reward=(rng.random(1000) < np.where(action == "blue", 0.6, 0.03)).astype(float),
    )
    alone = CONSTANTS.split("[[simulate.candidate]]")[1]
    found = judged(frame, simulate="[[simulate.candidate]]" + alone)
    assert row(found, "always blue").effective_sample_size < 100.0
    assert found.gate.ships, found.gate.reason
    spend = frame.with_columns(reward=3.0 * pl.col("reward"))
    assert not judged(spend, simulate="[[simulate.candidate]]" + alone).gate.ships


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
    shares = "propensity = { none = 0.6249, red = 0.375, blue = 0.0001 }"
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


SOME = pl.col("customer").is_in([7, 8])
"""Rows 14 to 17: of 200, more than limits.reject_share allows."""


def replaced(column, value):
    return pl.when(SOME).then(value).otherwise(pl.col(column)).alias(column)


BAD_ROWS = {
    "zero": replaced("p", 0.0),
    "above": replaced("p", 1.5),
    "missing": replaced("p", None),
    "nan": replaced("reward", np.nan),
    "unnamed": replaced("action", None),
}
SAID = {
    "zero": "row 14: p = '0.0': a propensity lies in (0, 1]; was it eligible?",
    "above": "row 14: p = '1.5': a propensity lies in (0, 1]; was it eligible?",
    "missing": "row 14: p = 'nan': a propensity lies in (0, 1]; was it eligible?",
    "nan": "row 14: reward = 'nan': no finite number; what did not happen is 0",
    "unnamed": "row 14: action = 'None': name what was done in every row, also for no contact",
    "outside": "row 4: may = 'blue': not among what might have been done",
    "no share": "[log] propensity has no share for 'blue', which stands in the log; add it",
    "shares": "[log] propensity: the shares sum to 1.2; they are probabilities of one decision and"
    " sum to 1",
    "never": "candidate 'always blue': nobody in this log might have got 'blue', so that nothing"
    " can be known of it; drop the candidate",
    "no rows": " has no rows; is it the right table?",
    "one row": " has one row, on which nothing can be judged; log more decisions",
    "one customer": "the log is of one row or cluster: what is judged on it cannot be learned from"
    " others",
    "dateless": "[log] time: no date stands in column 'at'",
}
"""Each fault of a log and what is said of it; docs/simulate.md quotes them."""


def fault_of(judged, frame, **sections):
    with pytest.raises((DataError, ConfigError)) as error:
        judged(frame, **sections)
    return str(error.value)


@pytest.mark.parametrize("kind", list(BAD_ROWS))
def test_bad_rows_are_told_by_number(judged, kind):
    frame = toy(200).with_columns(BAD_ROWS[kind])
    said = fault_of(judged, frame, simulate=CONSTANTS)
    assert SAID[kind] in said
    assert "4 of 200 rows are refused, more than limits.reject_share = 0.01 allows" in said


def test_an_action_outside_its_eligible_set(judged):
    frame = toy(50).with_columns(may=pl.Series([["none", "red"]] * 50))
    said = fault_of(judged, frame, log='eligible = "may"', simulate=CONSTANTS)
    assert SAID["outside"] in said


@pytest.mark.parametrize(
    ("kind", "shares"),
    [
        ("no share", "{ none = 0.5, red = 0.3 }"),
        ("shares", "{ none = 0.5, red = 0.3, blue = 0.4 }"),
        ("never", "{ none = 0.6, red = 0.4, blue = 0.0 }"),
    ],
)
def test_shares_that_cannot_be(judged, kind, shares):
    frame = toy(300)
    if kind == "never":
        frame = frame.filter(pl.col("action") != "blue")
    toml = TOML.replace('propensity = "p"', f"propensity = {shares}")
    assert fault_of(judged, frame, simulate=CONSTANTS, toml=toml) == SAID[kind]


@pytest.mark.parametrize(("rows", "kind"), [(0, "no rows"), (1, "one row"), (2, "one customer")])
def test_a_log_of_next_to_nothing(judged, rows, kind):
    toml = TOML.replace('numeric = ["age"]\ncategorical = ["city"]', "")
    assert SAID[kind] in fault_of(judged, toy(50).head(rows), toml=toml)


def test_a_time_that_is_none(judged):
    frame = toy(100).with_columns(at=pl.lit(None, dtype=pl.Datetime))
    assert fault_of(judged, frame, log='time = "at"') == SAID["dateless"]


def test_a_log_is_put_in_the_order_of_its_time(judged):
    start = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - a column without a zone
    late_first = toy(600).with_columns(
        at=pl.Series([start + dt.timedelta(hours=600 - i) for i in range(600)])
    )
    result = judged(late_first, log='time = "at"', simulate=CONSTANTS)
    assert result.periods[0].reward.value == pytest.approx(late_first["reward"].tail(60).mean())


@pytest.mark.parametrize("kind", list(SAID))
def test_the_manual_quotes_what_is_said(kind):
    manual = Path(__file__).parents[2].joinpath("docs", "simulate.md").read_text(encoding="utf-8")
    assert SAID[kind] in manual


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


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, ".".join(["a"] * 9_000) + " = 1"])
def test_a_simulation_toml_that_is_nested_too_deeply_is_refused(tmp_path, text):
    (tmp_path / "simulation.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"simulation.toml"):
        simulate(tmp_path)
