"""Every estimator on every log, and what the gate says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bandit import ope
from bandit.core.types import Float64
from bandit.ope.diagnostics import diagnose
from bandit.ope.gate import Verdict, judge
from bandit.ope.tuning import tune
from simulations.open_bandit.environment import (
    CAMPAIGNS,
    Experiment,
    bts_to_uniform,
    load,
    random_to_bts,
)

GRID = [1.0, 3.0, 10.0, 30.0, 100.0, 1000.0]
SHRINKAGES = [0.01, 0.03, 0.1, 0.3]


class Row(NamedTuple):
    """One estimator on one log; ``truth`` is the mean click of the policy's own log."""

    question: str
    recipe: str
    estimate: ope.Estimate
    truth: float
    truth_error: float


class Gate(NamedTuple):
    """What the gate says of one question."""

    question: str
    effective_sample_size: float
    mean_weight: float
    verdict: Verdict


def recipes(experiment: Experiment, q_logged: Float64, q_target: Float64) -> list[ope.Recipe]:
    """Fixed ones, and those whose parameter SLOPE chooses."""
    arrays = (experiment.log.rewards, experiment.weights)
    model: dict[str, Any] = {"q_logged": q_logged, "q_target": q_target}
    fixed = [ope.Recipe(name) for name in ("ips", "snips", "dm", "dr", "sndr")]
    tuned = [
        tune("switch_dr", GRID, *arrays, **model),
        tune("dros", GRID, *arrays, **model),
        tune("sg_ips", SHRINKAGES, *arrays),
        tune("sg_dr", SHRINKAGES, *arrays, **model),
    ]
    return fixed + tuned


def judge_one(question: str, experiment: Experiment, own: ope.Log) -> tuple[list[Row], Gate]:
    log, weights = experiment.log, experiment.weights
    q = ope.cross_fit(ope.Ridge(10.0), log.contexts, log.actions, log.rewards, log.n_actions)
    q_logged = q[np.arange(log.n), log.actions]
    q_target = np.sum(q * experiment.target_rows, axis=1)
    error = own.rewards.std(ddof=1) / np.sqrt(own.n)
    rows = []
    for recipe in recipes(experiment, q_logged, q_target):
        moments = ope.Moments.start(["target"], [recipe], tick_rows=1, groups=4096).add(
            log.rewards,
            weights[:, None],
            q_logged=q_logged,
            q_target=q_target[:, None],
        )
        found = moments.estimate("target", recipe)
        rows.append(Row(question, recipe.label, found, own.rewards.mean(), error))
    lift = ope.lift(ope.Recipe("snips"), log.rewards, weights)
    overlap = diagnose(log, experiment.target_rows)
    verdict = judge({"the logging policy": lift}, overlap)
    return rows, Gate(question, overlap.effective_sample_size, overlap.mean_weight, verdict)


def run(folder: Path) -> tuple[list[Row], list[Gate]]:
    rows, gates = [], []
    for campaign in CAMPAIGNS:
        for question, experiment, own in (
            (f"random/{campaign} -> bts", random_to_bts(folder, campaign), "bts"),
            (f"bts/{campaign} -> uniform", bts_to_uniform(folder, campaign), "random"),
        ):
            found, gate = judge_one(question, experiment, load(folder, own, campaign))
            rows += found
            gates.append(gate)
    return rows, gates
