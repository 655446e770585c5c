"""Contenders of the same moments taken as one: the same probabilities, whoever is alike."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.kernels._compile import entered
from bandit.kernels.linear import win_probability
from bandit.kernels.linear.alike import alike_into, table_size
from reference import win_instances
from reference.win_probability import winning_probability as twin

_winning_probability = entered(win_probability.winning_probability)
_alike_into = entered(alike_into)


def _folded(centres, scales, like, own):
    scratch = win_probability.empty_scratch(len(centres))
    scratch.centres[: len(centres)], scratch.scales[: len(centres)] = centres, scales
    scratch.like[: len(like)] = like
    return float(_winning_probability(len(centres), own, scratch, True))


def _repeated(kind, distinct, count, rng):
    """Contenders of whom many are alike, in any order; own is one of them."""
    centres, scales, own = win_instances.instance(kind, distinct, rng)
    like = rng.permutation(np.concatenate([np.arange(distinct), rng.integers(0, distinct, count)]))
    place = int(rng.choice(np.flatnonzero(like == own)))
    return centres[like], scales[like], like, place


@pytest.mark.parametrize("kind", win_instances.KINDS)
def test_equals_the_twin(kind):
    rng = np.random.default_rng(len(kind))
    for distinct, count in ((1, 1), (1, 2), (1, 40), (2, 9), (3, 3), (5, 60), (12, 20), (40, 900)):
        for _ in range(6 if count < 900 else 1):
            centres, scales, like, own = _repeated(kind, distinct, count, rng)
            found, expected = _folded(centres, scales, like, own), twin(centres, scales, own)
            assert abs(found - expected) < 1e-7, (distinct, count, found, expected)


def _alike(kinds, values, costs):
    k = len(kinds)
    alike, table = np.full(k, -1, np.int64), np.empty(table_size(k), np.int64)
    told = _alike_into(
        np.asarray(kinds, np.int32), np.atleast_2d(values), np.atleast_2d(costs), alike, table
    )
    return told, alike


@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
def test_the_first_of_the_same_kind_value_and_cost(unit):
    rng = np.random.default_rng(1)
    for k in (1, 2, 30, 1000):
        kinds = rng.integers(0, 3, k)
        values, costs = unit * rng.integers(1, 9, k), unit * rng.choice([0.0, 0.04, 0.9], k)
        told, alike = _alike(kinds, values, costs)
        firsts: dict[tuple[float, ...], int] = {}
        pairs = zip(kinds, values, costs, strict=True)
        expected = [firsts.setdefault(each, a) for a, each in enumerate(pairs)]
        assert told
        assert alike.tolist() == expected


def test_no_numbers_are_like_nobody_and_prices_of_each_customer_are_left():
    _, alike = _alike([0, 0, 0, 0], [np.nan, np.nan, np.inf, np.inf], [0.0, 0.0, 0.0, 0.0])
    assert alike.tolist() == [0, 1, 2, 2]
    assert not _alike([0, 0], np.ones((3, 2)), np.zeros(2))[0]
    assert not _alike([], np.ones(2), np.zeros(2))[0]
