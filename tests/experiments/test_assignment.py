from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandit import experiments
from bandit.core.errors import ConfigError, DataError

MILLION = np.arange(1_000_000)


def test_membership_is_a_function_of_the_key_whatever_the_order():
    keys = np.random.default_rng(0).permutation(50_000)
    place = np.argsort(keys)
    assert np.array_equal(
        experiments.buckets(keys, "mails")[place], experiments.buckets(keys[place], "mails")
    )
    whole = experiments.arms(keys, "spring", [0.5, 0.5])
    assert np.array_equal(whole[100:200], experiments.arms(keys[100:200], "spring", [0.5, 0.5]))


def test_buckets_are_even_and_layers_independent():
    one, other = (experiments.buckets(MILLION, name) for name in ("mails", "prices"))
    assert (one.min(), one.max()) == (0, 9999)
    assert stats.chisquare(np.bincount(one, minlength=10_000)).pvalue > 0.001
    table = np.zeros((20, 20))
    np.add.at(table, (one // 500, other // 500), 1)
    assert stats.chi2_contingency(table).pvalue > 0.001
    assert not np.array_equal(one, experiments.buckets(MILLION, "mails", seed=1))


def test_arms_are_independent_of_buckets_and_of_the_experiment_before():
    bucket = experiments.buckets(MILLION, "mails")
    arm = experiments.arms(MILLION, "spring", [0.6, 0.3, 0.1])
    later = experiments.arms(MILLION, "summer", [0.6, 0.3, 0.1])
    for other in (bucket // 500, later):
        table = np.zeros((3, 20))
        np.add.at(table, (arm, other), 1)
        table = table[:, table.sum(axis=0) > 0]
        assert stats.chi2_contingency(table).pvalue > 0.001
    assert experiments.sample_ratio(np.bincount(arm), [0.6, 0.3, 0.1]) > 0.001


def test_text_keys_and_numbers_have_buckets():
    assert len(set(experiments.buckets(["a", "b", "c", "d"], "mails").tolist())) > 1
    small, big = np.array([1, 2], np.int32), np.array([1, 2], np.uint64)
    assert np.array_equal(experiments.buckets(small, "x"), experiments.buckets(big, "x"))


def test_what_is_no_key_or_share_is_refused():
    with pytest.raises(DataError, match="keys must be whole numbers or text, they are float64"):
        experiments.buckets([1.0, 2.0], "x")
    with pytest.raises(ConfigError, match="sum to 1"):
        experiments.arms([1, 2], "x", [0.5, 0.4])
