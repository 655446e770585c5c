"""Policies learned from a real campaign may not claim more than random splits of it show."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit import ope
from bandit.logs.open_bandit import read_hillstrom
from bandit.ope.gate import judge

SPLITS = 6


@pytest.fixture(scope="module")
def log(shared_data):
    columns = read_hillstrom(shared_data / "hillstrom" / "hillstrom.csv.gz")._asdict()
    x = columns["contexts"]
    x = np.column_stack([(x - x.mean(axis=0)) / x.std(axis=0), np.ones(len(x))])
    return ope.Log.of(**{**columns, "contexts": x})


def cross_fitted(log, policy, folds, seed):
    """Probabilities float64[n, k], each row's from a posterior of the other folds."""
    fold = ope.fold_of(log.n, folds, seed=seed)
    target = np.empty((log.n, log.n_actions))
    for f in range(folds):
        train, test = fold != f, fold == f
        posterior = bandit.Posterior.prior(log.n_actions, log.contexts.shape[1]).update(
            log.contexts[train], log.actions[train], log.rewards[train]
        )
        target[test] = policy.probabilities(posterior, log.contexts[test])
    return target


def lift_over_mens_mail(log, target, rows=slice(None)):
    always = log.weights(np.eye(3)[np.ones(log.n, dtype=int)])[rows]
    weights = log.weights(target)[rows]
    return ope.lift(
        ope.Recipe("snips"), log.rewards[rows], weights, baseline=always, interval="student_t"
    )


@pytest.mark.parametrize(
    "policy", [bandit.LinUCB(alpha=1.0), bandit.LinTS(alpha=1.0)], ids=["LinUCB", "LinTS"]
)
def test_a_fitted_policy_claims_no_lift_that_random_splits_do_not_show(log, policy):
    target = cross_fitted(log, policy, folds=3, seed=0)
    claimed = lift_over_mens_mail(log, target)
    shown = []
    for seed in range(1, SPLITS + 1):
        judged = ope.fold_of(log.n, 2, seed=seed) == 0
        halves = cross_fitted(log, policy, folds=2, seed=seed)
        shown.append(lift_over_mens_mail(log, halves, judged).value)
    assert claimed.lower < np.mean(shown) < claimed.upper
    weights = log.weights(target)
    verdict = judge({"men's mail for all": claimed}, ope.diagnostics.weigh(weights))
    assert verdict.decision != "ship"
