"""Waves as the product serves them, with two arms of which one wants twice as much of a capacity.

One offer may be called to 30 % of the customers, the other to 60 %, and calls are capped at 20 % of
all. The control makes the first, the treatment the second, so that from one pool the treatment gets
two calls where the control gets one.

Each run draws customers anew, assigns them by its own seed, finds prices, draws lots and compares
the arms, all by the functions of `bandit serve-batch`. What is asked is what either policy would
bring for everybody, under the whole cap: waves of as many customers, the whole crowd in turn, in
which both arms have it.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from bandit import experiments
from bandit.config import campaign_file
from bandit.config.experiment import PROPORTIONAL, SHARED, Experiment
from bandit.core import spill
from bandit.core.types import SILENT, Array, Float64
from bandit.experiments import Comparison
from bandit.features.drift import Drift
from bandit.record.manifests import Served
from bandit.record.rejects import Rejects
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve import experiments as in_waves
from bandit.workflows.serve import limits, pricing, reading
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.hard_caps import Planned
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.prepare import Prepared, joined
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.spool import Spool
from bandit.workflows.serve.wave import Run, Wave

CAP, COST, BASE = 0.2, 0.25, 2.0
MONDAY = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
LATER = MONDAY + dt.timedelta(days=28)
RENEWAL, UPGRADE = ("renewal/call",), ("upgrade/call",)
TWICE = "the other offer"
"""The case in which the treatment takes what it can get: twice as much."""
CASES = {TWICE: (RENEWAL, UPGRADE)}
CAMPAIGN = """
name = "calls"
seed = 5
[customers]
source = "customers.parquet"
[features]
numeric = ["x", "z"]
[reward]
unit = "EUR"
window_days = 7.0
[policy]
exploration = {exploration}
share = [{{ policy = "lin_ts", share = 1.0 }}]
[[channel]]
name = "call"
cost = 0.25
consent = false
{capacity}
[[offer]]
name = "renewal"
eligible = "ending"
[[offer]]
name = "upgrade"
eligible = "open"
"""


class Setting(NamedTuple):
    """A crowd made ready for a wave that learned; ``gain`` float64[n, k] of an action, less cost."""

    wave: Wave
    crowd: Prepared
    gain: Float64
    caps: Limits


class Outcome(NamedTuple):
    """What came of one experiment; ``called`` shares of the control and the treatment."""

    found: Comparison
    called: tuple[float, float]


class Row(NamedTuple):
    """Share of runs whose interval holds the truth, and means over the runs."""

    case: str
    capacity: str
    truth: float
    covered: float
    effect: float
    called: tuple[float, float]


def setting(folder: Path, count: int) -> Setting:
    """Serve one wave at random, learn from it, and make everybody ready for the next."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([7, count])
    people = pl.DataFrame({
        "customer_id": np.arange(count), "x": rng.normal(size=count), "z": rng.normal(size=count),
        "ending": rng.random(count) < 0.3, "open": rng.random(count) < 0.6,
    })  # fmt: skip
    people.write_parquet(folder / "customers.parquet")
    toml = folder / "campaign.toml"
    toml.write_text(CAMPAIGN.format(exploration=1.0, capacity=""))
    serve_batch(folder, wave="first", at=MONDAY)
    rows = pl.read_parquet(folder / "waves" / "first" / "decisions-*.parquet").sort("customer_id")
    action = rows["action"].to_numpy()
    gain = _gains(people)
    reward = BASE + rng.normal(size=count) + gain[np.arange(count), action] + COST * (action > 0)
    pl.DataFrame({
        "event_id": [f"e{i}" for i in range(count)], "decision_id": rows["decision_id"],
        "event": ["sale"] * count, "reward": reward, "occurred_at": ["2026-03-03"] * count,
    }).write_parquet(folder / "outcomes.parquet")  # fmt: skip
    learn(folder, outcomes=folder / "outcomes.parquet", at=LATER)
    toml.write_text(CAMPAIGN.format(exploration=0.02, capacity=f"capacity = {round(CAP * count)}"))
    campaign = campaign_file.load(folder)
    past = ContactHistory.of(campaign, LATER, "next")
    with (
        database.connect(campaign, extra_files=past.files) as data,
        Rejects(folder / "refused.parquet") as refused,
    ):
        catalogue = load_catalogue(campaign, data)
        start = serving_model(campaign, data, None, LATER)
        run = Run(campaign, "next", LATER, campaign.seed)
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        crowd = joined(list(reading.prepared(wave, data, past, refused, Drift(start.spec))))
        caps = limits.of(campaign, catalogue, wave.plan)
    return Setting(wave, crowd, gain, caps)


def _gains(people: pl.DataFrame) -> Float64:
    """No contact, renewal, upgrade: what a call adds, less what it costs."""
    x, z = people["x"].to_numpy(), people["z"].to_numpy()
    return np.stack([np.zeros(len(x)), 2.0 + 0.6 * x - COST, 1.8 + 0.6 * z - COST], axis=1)


def experiment(
    control: str | tuple[str, ...], treatment: str | tuple[str, ...], capacity: str
) -> Experiment:
    """Everybody, half and half."""
    arms = [
        {"name": name, "share": 0.5, "policy": policy, "capacity": capacity}
        for name, policy in (("control", control), ("treatment", treatment))
    ]
    metric = {"name": "net", "role": "primary", "value": "net", "minimum_effect": 0.1}
    return Experiment.model_validate({
        "hypothesis": "the second offer brings more", "layer": "calls", "share": 1.0,
        "start": LATER.date(), "waves": 1, "cooldown_days": 0, "arm": tuple(arms), "metric": (metric,),
    })  # fmt: skip


def assigned(
    given: Setting, asked: Experiment, batch: Prepared, seed: int
) -> tuple[Wave, Prepared]:
    """A wave of these customers, all of them in the experiment, at no prices yet."""
    one = Served(
        name="calls", digest="", seed=seed, ranges=((0, experiments.BUCKETS),), known=asked.splits,
        experiment=asked,
    )  # fmt: skip
    run = given.wave.run._replace(seed=seed, experiments=(one,))
    wave = Wave.of(run, given.wave.catalogue, given.wave.start, given.wave.customer_type)
    which = np.zeros(len(batch.keys), np.int16)
    population = in_waves.populations((one,), which, batch.keys)
    return wave, batch._replace(experiment=which, population=population)


def served(given: Setting, asked: Experiment, batch: Prepared, seed: int) -> tuple[Array, Array]:
    """Action of each customer and the arm that the key was drawn for, of one wave."""
    wave, batch = assigned(given, asked, batch, seed)
    caps = given.caps._replace(most=np.array([np.floor(CAP * len(batch.keys))]))
    with ExitStack() as stack:
        spool = Spool(spill.new(stack), [batch])
        parts = limits.split(caps, spool.customers_of(1 + len(wave.plan.apart)))
        priced = pricing.each(wave, parts, spool, SILENT)
    wave = wave.at_prices(np.stack([p.costs for p in priced]))
    planned = Planned(wave, limited=True)
    planned.add(list(fill(wave, batch)), batch)
    (taken,) = fill(wave, batch, rule=planned.thinning(parts))
    return taken.choice.action, experiments.arms(batch.keys, "calls", asked.shares, seed=seed)


def truth(given: Setting, case: str, n: int) -> float:
    """What the treatment for all brings more than the control for all, a customer."""
    parts = np.arange(len(given.gain)) // n
    means = []
    for policy in CASES[case]:
        both = experiment(policy, policy, SHARED)
        brought = []
        for part in range(len(given.gain) // n):
            some = parts == part
            action, _ = served(given, both, given.crowd.only(some), part)
            brought.append(given.gain[some][np.arange(n), action].mean())
        means.append(np.mean(brought))
    return float(means[1] - means[0])


def once(given: Setting, case: str, capacity: str, n: int, seed: int) -> Outcome:
    """One experiment on ``n`` customers of the crowd."""
    rng = np.random.default_rng([8, seed])
    some = np.zeros(len(given.gain), np.bool_)
    some[rng.choice(len(some), n, replace=False)] = True
    batch = given.crowd.only(some)
    action, arm = served(given, experiment(*CASES[case], capacity), batch, seed)
    value = BASE + rng.normal(size=n) + given.gain[some][np.arange(n), action]
    called = (float((action[arm == 0] > 0).mean()), float((action[arm == 1] > 0).mean()))
    return Outcome(experiments.compare(value, arm == 1), called)


def rows(runs: int, n: int, count: int) -> list[Row]:
    """Each case, with one pool and split in proportion."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        given = setting(Path(folder) / "calls", count)
        for case in CASES:
            target = truth(given, case, n)
            for capacity in (SHARED, PROPORTIONAL):
                many = [once(given, case, capacity, n, seed) for seed in range(1, runs + 1)]
                covered = [one.found.lower <= target <= one.found.upper for one in many]
                effect = float(np.mean([one.found.effect for one in many]))
                called = np.mean([one.called for one in many], axis=0)
                found.append(
                    Row(case, capacity, target, float(np.mean(covered)), effect, tuple(called))
                )
    return found
