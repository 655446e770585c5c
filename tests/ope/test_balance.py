from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.core.errors import DataError
from bandit.ope.balance import CONFOUNDED, balance, explained
from simulations.coverage.confounded import log, refused


def test_randomised_logs_pass_and_confounded_ones_fail():
    # by design one in a million; the simulation's 500 logs are in its README
    assert refused(60, confounded=False) == 0.0
    assert refused(12, confounded=True) == 1.0


def test_the_column_that_decides_is_named():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 3))
    actions = (rng.random(4000) < 1 / (1 + np.exp(-x[:, 1]))).astype(int)
    share = np.array([1 - actions.mean(), actions.mean()])[actions]
    found = balance(
        ope.Log.of(actions=actions, rewards=0.0 * share, contexts=x, propensities=share)
    )
    assert found.p < CONFOUNDED
    assert found.leading(1) == [1]
    text = explained(found, ["no contact", "mail"], ["age", "spend", "tenure"])
    assert "most by spend (" in text
    assert "age" not in text


def test_a_log_without_chance_fails():
    x = np.random.default_rng(0).normal(size=(400, 1))
    sure = ope.Log.of(
        actions=(x[:, 0] > 0).astype(int),
        rewards=np.zeros(400),
        contexts=x,
        propensities=np.ones(400),
    )
    assert balance(sure).p < CONFOUNDED


def test_a_rare_kind_of_customer_who_never_got_a_rare_action_proves_nothing():
    rng = np.random.default_rng(1)
    kind = np.zeros((5000, 1))
    kind[:30] = 1.0
    actions = (rng.random(5000) < 0.1).astype(int)
    actions[:30] = 0
    share = np.where(actions == 1, 0.1, 0.9)
    found = balance(
        ope.Log.of(actions=actions, rewards=0.0 * share, contexts=kind, propensities=share)
    )
    assert found.p > 1e-3


def test_features_that_are_sums_of_others_count_once():
    one = log(0, confounded=False)
    x = np.column_stack([one.contexts, one.contexts.sum(axis=1), np.ones(one.n)])
    wide = ope.Log.of(
        actions=one.actions,
        rewards=one.rewards,
        contexts=x,
        propensities=one.propensities,
        eligible=one.eligible,
        clusters=one.clusters,
    )
    assert balance(wide).p == pytest.approx(balance(one).p, rel=1e-4)


def test_without_propensities_there_is_nothing_to_ask():
    with pytest.raises(DataError, match="no propensities"):
        balance(ope.Log.of(actions=[0, 1], rewards=[0.0, 1.0]))
