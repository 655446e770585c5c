"""Hard caps hold whatever was planned, and the keep probability is the one that is told."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit import allocation
from bandit.core.errors import DataError


def hashes(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_quotas_never_pass_a_cap(seed: int) -> None:
    r = np.random.default_rng(seed)
    k, m = int(r.integers(1, 9)), int(r.integers(1, 6))
    usage = (r.random((k, m)) < 0.6) * np.round(r.uniform(0.1, 3, (k, m)), 2)
    planned = r.integers(0, 200, k)
    limits = np.round(planned @ usage * r.uniform(0, 1.5, m), r.integers(0, 3))
    quotas = allocation.plan_quotas(planned, usage, limits)
    assert (quotas.quota @ usage <= limits * (1 + 1e-9)).all()
    assert ((quotas.quota >= 0) & (quotas.quota <= planned)).all()
    used = planned > 0
    assert (quotas.keep[used] == quotas.quota[used] / planned[used]).all()
    assert (quotas.keep[~used] == 1).all()
    for a in np.flatnonzero(quotas.quota < planned):
        # Nothing that would still fit was given up.
        assert (quotas.quota @ usage + usage[a] > limits * (1 - 1e-9)).any()


def test_a_budget_is_met_by_what_costs() -> None:
    # 30,000 e-mails, 700 letters, 500 calls of one offer with 800 EUR; e-mails are 60 of 2,190.
    usage = np.array([[0.0], [0.002], [0.9], [3.0]])
    quotas = allocation.plan_quotas([5000, 30_000, 700, 500], usage, [800.0])
    assert quotas.keep[1] > 0.99
    assert 0 < quotas.keep[3] < quotas.keep[2] < quotas.keep[1]
    assert 797.0 < (quotas.quota @ usage)[0] <= 800.0


def test_fair_over_channel_and_offer() -> None:
    # Two offers on one channel of 100; the first offer's own budget is 20.
    usage = np.array([[1, 1, 0], [1, 0, 1]], float)
    quotas = allocation.plan_quotas([60, 90], usage, [100, 20, np.inf])
    assert quotas.quota.tolist() == [20, 80]


def test_all_kept_where_everything_fits() -> None:
    quotas = allocation.plan_quotas([5, 7], np.eye(2), [5, 8])
    assert quotas.keep.tolist() == [1.0, 1.0]
    actions = np.repeat([0, 1], [5, 7])
    assert allocation.kept(actions, hashes(12, 0), quotas).all()


def test_kept_counts_are_the_quotas() -> None:
    actions = np.random.default_rng(1).integers(0, 4, 1000)
    planned = np.bincount(actions, minlength=4)
    usage = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    quotas = allocation.plan_quotas(planned, usage, [300, 200])
    stays = allocation.kept(actions, hashes(1000, 2), quotas)
    assert np.bincount(actions[stays], minlength=4).tolist() == quotas.quota.tolist()
    assert quotas.keep[0] == 1.0


def test_equal_hashes_never_pass_a_cap() -> None:
    quotas = allocation.plan_quotas([10], np.ones((1, 1)), [4])
    assert allocation.kept(np.zeros(10, int), np.full(10, 9, np.uint64), quotas).sum() <= 4


def test_keep_is_the_inclusion_probability() -> None:
    actions = np.repeat([1, 2], [30, 50])
    usage = np.array([[0.0], [1.0], [1.0]])
    quotas = allocation.plan_quotas(np.bincount(actions), usage, [60])
    draws = 4000
    times = np.zeros(80)
    for seed in range(draws):
        times += allocation.kept(actions, hashes(80, seed), quotas)
    expected = quotas.keep[actions]
    error = np.sqrt(expected * (1 - expected) / draws)
    # The largest of 80 standard normals passes 4.4 once in a thousand runs.
    assert (np.abs(times / draws - expected) < 4.4 * error).all()


def test_contact_probability_given_the_others_is_exact_by_enumeration() -> None:
    """ADR 0001: P(i gets a | plans of the others) = π_i(a)·K/N with N counted as if i plans a."""
    policy = np.array([[0.3, 0.7], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    usage, limits = np.array([[0.0], [1.0]]), [2]
    gets = np.zeros(4)
    promised = np.zeros(4)
    for plan in product((0, 1), repeat=4):
        taken = np.array(plan)
        chance = policy[np.arange(4), taken].prod()
        quotas = allocation.plan_quotas(np.bincount(taken, minlength=2), usage, limits)
        gets += chance * (taken == 1) * quotas.keep[1]
        for i in range(4):
            told = np.array([*taken[:i], 1, *taken[i + 1 :]])
            counts = np.bincount(told, minlength=2)
            keep = allocation.plan_quotas(counts, usage, limits).keep[1]
            promised[i] += chance * policy[i, 1] * keep
    np.testing.assert_allclose(gets, promised, rtol=1e-12)


def test_inverse_propensity_weights_have_mean_one_by_enumeration() -> None:
    policy = np.array([[0.3, 0.7], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    usage, limits = np.array([[0.0], [1.0]]), [2]
    weight = np.zeros(4)
    for plan in product((0, 1), repeat=4):
        taken = np.array(plan)
        chance = policy[np.arange(4), taken].prod()
        keep = allocation.plan_quotas(np.bincount(taken, minlength=2), usage, limits).keep[1]
        if keep > 0:
            stays = (taken == 1) * keep
            weight += chance * stays / (policy[:, 1] * keep)
    np.testing.assert_allclose(weight, 1.0, rtol=1e-12)


def test_no_contact_gains_what_thinning_takes() -> None:
    probabilities = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    keep = np.array([1.0, 0.5, 0.8])
    gained = allocation.no_contact_probability(probabilities, keep)
    np.testing.assert_allclose(gained, [0.2 + 0.15 + 0.1, 1.0])
    np.testing.assert_allclose(gained + (probabilities[:, 1:] * keep[1:]).sum(axis=1), 1.0)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(DataError, match="do not fit"):
        allocation.plan_quotas([1, 2], np.eye(3), [1, 1, 1])
    with pytest.raises(DataError, match="zero or more"):
        allocation.plan_quotas([1, -2], np.eye(2), [1, 1])
    quotas = allocation.plan_quotas([10], np.ones((1, 1)), [4])
    with pytest.raises(DataError, match="hash of every planned contact"):
        allocation.thresholds([hashes(3, 0)], quotas)
