"""Constant mails, the rule and learned policies on one log; learned ones on 20 random splits too."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit import Greedy, LinTS, LinUCB, Posterior, ope
from bandit.core.types import Float64
from bandit.ope import Estimate, Log
from bandit.policies.policy import Policy
from simulations.hillstrom import environment as env

FOLDS, SPLITS, RIDGE = 3, 20, 1.0
LEARNERS = ("LinUCB 1", "LinTS 1", "greedy")


class Row(NamedTuple):
    """A policy on the whole log: value by three estimators, paired lift over men's mail for all."""

    name: str
    ips: Estimate
    snips: Estimate
    dr: Estimate
    lift: Estimate
    mails: Float64  # share of each arm


class Splits(NamedTuple):
    """A learner's lift on 20 random halves that it has not learned from, float64[splits]."""

    name: str
    claimed: Estimate
    lifts: Float64


def policy(name: str, noise: float) -> Policy:
    """Exploration counts in the noise of the reward, as in campaign.toml."""
    if name.startswith("LinUCB"):
        return LinUCB(alpha=noise)
    return LinTS(alpha=noise) if name.startswith("LinTS") else Greedy()


def learned(log: Log, name: str, folds: int, seed: int) -> Float64:
    """Probabilities float64[n, 3], each customer's from a posterior of the other folds."""
    fold, noise = ope.fold_of(log.n, folds, seed=seed), float(log.rewards.std())
    out = np.empty((log.n, log.n_actions))
    for f in range(folds):
        train, test = fold != f, fold == f
        prior = Posterior.prior(log.n_actions, log.contexts.shape[1], ridge=RIDGE)
        posterior = prior.update(log.contexts[train], log.actions[train], log.rewards[train])
        out[test] = policy(name, noise).probabilities(posterior, log.contexts[test])
    return out


def judge(log: Log, q: Float64, name: str, target: Float64) -> Row:
    r, w = log.rewards, log.weights(target)
    q_logged, q_target = q[np.arange(log.n), log.actions], (q * target).sum(axis=1)
    return Row(
        name,
        ope.ips(r, w),
        ope.snips(r, w),
        ope.dr(r, w, q_logged, q_target),
        lift(log, q, target),
        target.mean(axis=0),
    )


def lift(log: Log, q: Float64, target: Float64, rows: slice | Float64 = slice(None)) -> Estimate:
    """Doubly robust, over men's mail for all."""
    always = env.constant(log, env.MENS)
    return ope.lift(
        ope.Recipe("dr"),
        log.rewards[rows],
        log.weights(target)[rows],
        baseline=log.weights(always)[rows],
        q_logged=q[np.arange(log.n), log.actions][rows],
        q_target=(q * target).sum(axis=1)[rows],
        q_baseline=q[:, env.MENS][rows],
    )


def outcome_model(log: Log, seed: int = 0) -> Float64:
    return ope.cross_fit(
        ope.Ridge(100.0), log.contexts, log.actions, log.rewards, log.n_actions, FOLDS, seed=seed
    )


def run(log: Log) -> tuple[list[Row], list[Splits]]:
    q = outcome_model(log)
    targets = {f"{arm} for all": env.constant(log, a) for a, arm in enumerate(env.ARMS)}
    targets["the rule"] = env.rule(log)
    targets |= {name: learned(log, name, FOLDS, seed=0) for name in LEARNERS}
    rows = [judge(log, q, name, target) for name, target in targets.items()]
    claims = {row.name: row.lift for row in rows}
    splits = []
    for name in LEARNERS:
        lifts = []
        for seed in range(1, SPLITS + 1):
            half = ope.fold_of(log.n, 2, seed=seed) == 0
            lifts.append(lift(log, q, learned(log, name, 2, seed), half).value)
        splits.append(Splits(name, claims[name], np.array(lifts)))
    return rows, splits
