"""Candidates over all slots of a wave: weights are those of what customers got together."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil

import numpy as np
import polars as pl
import pytest

from bandit.config.simulation import Simulate
from bandit.record import waves as record
from bandit.results.figures import Interval
from bandit.results.judge import WholeWave
from bandit.workflows.experiment.start import start
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.judge.whole_wave import held_by_whole
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.journeys import twin
from tests.trials import declared, written

LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
WORTH = {"fibre/email": 3.0, "fibre/sms": 1.0, "cable/email": 1.5, "cable/sms": 4.0,
         "music/email": 2.0, "fibre/home": 0.5, "cable/home": 1.0, "music/home": 0.7}  # fmt: skip
CANDIDATES = """
[simulate]
[[simulate.candidate]]
policy = "uniform"
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "mixture"
name = "half and half"
share = [{ policy = "rules", share = 0.5 }, { policy = "uniform", share = 0.5 }]
[[simulate.candidate]]
policy = "constant"
name = "only fibre"
action = "fibre/email"
"""


def bought(folder, wave):
    """Each contact and each shown rank brings what it is worth, on its own decision."""
    rows = campaigns.decisions(folder, wave).filter(pl.col("action") > 0)
    return [
        {
            "event_id": f"e{i}",
            "decision_id": row["decision_id"],
            "customer_id": row["customer_id"],
            "event": "sale",
            "reward": WORTH[f"{row['offer']}/{row['channel']}"],
            "occurred_at": "2026-11-04T12:00:00Z",
        }
        for i, row in enumerate(rows.iter_rows(named=True))
    ]


def net(folder, wave):
    """What each customer brought with all rows of a wave, less their costs: ids and float64[n]."""
    rows = campaigns.decisions(folder, wave).with_columns(
        pl.when(pl.col("action") > 0)
        .then(
            (pl.col("offer") + "/" + pl.col("channel")).replace_strict(WORTH, default=0.0)
            * pl.col("value")
            - pl.col("cost")
        )
        .otherwise(0.0)
        .alias("net")
    )
    return rows.group_by("customer_id").agg(pl.col("net").sum(), pl.col("group").first())


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    folder = campaigns.write(
        tmp_path_factory.mktemp("whole") / "campaign", customers=4_000, more=CANDIDATES
    )
    serve_batch(folder, at=campaigns.MONDAY, wave="first")
    learn(
        folder,
        outcomes=campaigns.outcomes(folder.parent / "sales.csv", bought(folder, "first")),
        at=LATER,
    )
    return folder


@pytest.fixture(scope="module")
def told(campaign):
    return {one.name: one for one in simulate(campaign, at=LATER).whole}


def alone(campaign, tmp_path, share):
    """What a policy brings a customer where it serves all of them."""
    folder = tmp_path / "alone"
    shutil.copytree(campaign, folder, ignore=shutil.ignore_patterns("waves", "snapshots", "index*",
                    "outcomes", "statistics", "exports", "experiments", "layers.json"))  # fmt: skip
    toml = (folder / "campaign.toml").read_text()
    begin = toml.index("[policy]")
    end = toml.index("[[channel]]")
    policy = f"[policy]\nholdout = 0.0\nexploration = 0.0\nshare = [{share}]\n"
    (folder / "campaign.toml").write_text(toml[:begin] + policy + toml[end:])
    serve_batch(folder, at=campaigns.MONDAY, wave="first")
    return net(folder, "first")["net"].to_numpy()


@pytest.mark.parametrize("policy", ["uniform", "rules"])
def test_the_value_is_that_of_the_policy_serving_everybody(campaign, told, tmp_path, policy):
    truth = alone(campaign, tmp_path, f'{{ policy = "{policy}", share = 1.0 }}')
    found = told[policy].value
    error = truth.std() / np.sqrt(len(truth))
    assert found.lower - 2.0 * error < truth.mean() < found.upper + 2.0 * error
    assert found.upper - found.lower < 0.25 * truth.mean()


def test_weights_have_mean_one(told):
    for one in told.values():
        assert abs(one.mean_weight - 1.0) < 4.0 * one.mean_weight_error, one.name
        assert one.rows > 3_000


def test_a_mixture_of_two_lies_half_way(told):
    halves = (told["uniform"].value.value + told["rules"].value.value) / 2.0
    found = told["half and half"].value
    assert found.lower < halves < found.upper


def test_the_rules_weights_are_found_again_in_the_files(campaign, told):
    hold_weights(told["rules"], by_hand(campaign, "first"))


def hold_weights(found, weights):
    """How many customers there are, and what their weights come to."""
    assert found.rows == len(weights)
    assert found.mean_weight == pytest.approx(weights.mean(), rel=1e-9)
    ess = weights.sum() ** 2 / (weights**2).sum()
    assert found.effective_sample_size == pytest.approx(ess, rel=1e-9)


def by_hand(campaign, wave, holdout=0.1):
    """Weights of the rules over all slots, of customers who are neither held out nor withheld of.

    A customer's rows multiply; 0 where one of them is not what the rules would do.
    """
    rows = campaigns.decisions(campaign, wave).sort("customer_id", maintain_order=True)
    kept = next(w for w in twin.waves(campaign) if w.name == wave)
    lost = set(kept.rows.filter(pl.col("withheld"))["customer_id"])
    rows = rows.filter(
        (pl.col("group").first().over("customer_id") != "holdout")
        & ~pl.col("customer_id").is_in(list(lost))
    )
    order = {"fibre": 1, "cable": 2, "music": 3}
    by = rows.with_columns(pl.col("propensity").product().over("customer_id").alias("p"))
    quiet = pl.col("action").max().over("customer_id") == 0
    by = by.with_columns(((pl.col("p") - holdout * quiet) / (1.0 - holdout)).alias("p"))
    followed = dict.fromkeys(by["customer_id"].unique(), True)
    names = actions(campaign)
    for row in by.iter_rows(named=True):
        allowed = [a for a in range(len(names)) if row["eligible"][a // 8] >> (a % 8) & 1]
        contacts = [a for a in allowed if a > 0]
        best = min(contacts, key=lambda a: (order[names[a][0]], a)) if contacts else 0
        followed[row["customer_id"]] &= row["action"] == best
    whole = by.group_by("customer_id").agg(pl.col("p").first())
    return np.array([followed[c] / p for c, p in whole.iter_rows()])


def served(folder, more="", **asked):
    """A campaign whose first wave is learned from."""
    campaigns.write(folder, customers=2_000, more=CANDIDATES + more)
    summary = serve_batch(folder, at=campaigns.MONDAY, wave="first", **asked)
    sales = campaigns.outcomes(folder.parent / "sales.csv", bought(folder, "first"))
    learn(folder, outcomes=sales, at=LATER)
    return summary


def test_who_lost_a_contact_is_not_in_it(tmp_path):
    folder = tmp_path / "c"
    leaving = campaigns.OptingOut(folder, "customer_id % 4 = 1")
    assert served(folder, progress=leaving).withheld > 100
    found = {one.name: one for one in simulate(folder, at=LATER).whole}["rules"]
    weights = by_hand(folder, "first")
    hold_weights(found, weights)
    everybody = campaigns.decisions(folder, "first").filter(pl.col("group") != "holdout")
    assert len(weights) < everybody["customer_id"].n_unique()


ARMS = declared(
    {"today": (0.5, "current"), "rules": (0.5, "rules")}, start="2026-11-02", share=0.6, waves=4
)


def test_who_is_in_an_experiment_is_weighed_by_what_the_arms_do_together(tmp_path):
    folder = tmp_path / "c"
    campaigns.write(folder, customers=2_000, more=CANDIDATES)
    written(folder, ARMS, "arms")
    start(folder, name="arms", at=campaigns.MONDAY)
    served(folder)
    groups = campaigns.decisions(folder, "first")["group"].unique()
    assert {"arms:today", "arms:rules"} < set(groups)
    found = {one.name: one for one in simulate(folder, at=LATER).whole}
    hold_weights(found["rules"], by_hand(folder, "first"))
    for one in found.values():
        assert abs(one.mean_weight - 1.0) < 4.0 * one.mean_weight_error, one.name
    truth = alone(folder, tmp_path, '{ policy = "rules", share = 1.0 }')
    error = truth.std() / np.sqrt(len(truth))
    value = found["rules"].value
    assert value.lower - 2.0 * error < truth.mean() < value.upper + 2.0 * error


def actions(campaign):
    """(offer, channel) of each action as the wave numbers them."""
    return [(None, None), *record.waves(campaign)[0].actions.pairs]


def test_one_action_for_all_says_nothing_of_a_second_slot(told):
    assert "only fibre" not in told


def test_one_slot_has_no_whole(tmp_path):
    folder = campaigns.write(tmp_path / "c", customers=300, pressure="slots = 1", more=CANDIDATES)
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace("ranks = 2", "ranks = 1"))
    text = toml.read_text()
    begin, end = text.index('[[channel]]\nname = "home"'), text.index("[[offer]]")
    toml.write_text((text[:begin] + text[end:]).replace(', "home"]', "]"))
    serve_batch(folder, at=campaigns.MONDAY, wave="first")
    sales = campaigns.outcomes(tmp_path / "sales.csv", bought(folder, "first"))
    learn(folder, outcomes=sales, at=LATER)
    assert simulate(folder, at=LATER).whole == []


@pytest.mark.parametrize(("upper", "decision"), [(-0.1, "hold"), (0.1, "ship")])
def test_what_ships_by_first_slots_and_loses_with_all_is_held(campaign, upper, decision):
    row = simulate(campaign, at=LATER).candidates[0]
    ships = dataclasses.replace(row, decision="ship", reason="it beats rules")
    lift = Interval(-0.2, -0.3, upper)
    whole = WholeWave(row.name, 100, lift, lift, 90.0, 1.0, 0.01, None)
    (held,) = held_by_whole([ships], [whole], Simulate())
    assert held.decision == decision
