from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.core.errors import DataError
from bandit.ope.balance import CONFOUNDED, balance, explained
from bandit.ope.over_represented import Taken
from bandit.stats.quantiles import chi_square_tail
from bandit.stats.units import first_seen
from simulations.coverage.confounded import log, refused, sharp


def test_randomised_logs_pass_and_confounded_ones_fail():
    # by design one in a million; the simulation's 500 logs are in its README
    assert refused(60, confounded=False) == 0.0
    assert refused(12, confounded=True) == 1.0


def test_rows_of_tiny_propensities_that_have_not_come_yet_are_no_imbalance():
    found = [balance(sharp(seed, confounded=False)) for seed in range(20)]
    worst = [one.worst for one in found if one.worst is not None]
    assert min(one.p for one in found) > CONFOUNDED
    # χ² alone refused one in ten of them
    assert min(chi_square_tail(one.chi_square, one.freedom) for one in worst) < 1e-50
    assert refused(6, confounded=True, drawn=sharp) == 1.0


def test_who_got_too_much_equals_its_twin():
    one = sharp(3, confounded=True)
    able = np.flatnonzero(one.actions % 3 > 0)
    inverse = np.where(one.actions[able] == 1, 1.0 / one.propensities[able], 0.0)
    place, count = first_seen(one.clusters[able])
    kinds = np.random.default_rng(0).random((len(able), 2))
    z = []
    for kind in (*kinds.T, *(1.0 - kinds.T)):
        by_customer = dict.fromkeys(range(count), 0.0)
        chance = 0.0
        for who, weight, share in zip(place.tolist(), inverse, kind, strict=True):
            by_customer[who] += (weight - 1.0) * share
            chance += weight * (weight - 1.0) * share**2 if weight > 0.0 else 0.0
        parts = np.array(list(by_customer.values()))
        z.append(parts.sum() / np.sqrt(max((parts**2).sum(), chance)))
    assert Taken(able, inverse, place, count).largest_z(kinds) == pytest.approx(max(*z, 0.0))


def test_a_kind_that_is_hardly_sixty_rows_and_got_all_at_nine_in_ten_is_no_wonder():
    # of 60 rows at 0.9 all come about twice in a thousand; no weight of who did not, no variance
    taken = Taken(np.arange(60), np.full(60, 1 / 0.9), np.arange(60), 60)
    assert 1.0 < taken.largest_z(np.ones((60, 1))) < 3.0


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
