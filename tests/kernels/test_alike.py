"""Contenders of the same moments taken as one: the same probabilities, whoever is alike."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.kernels._compile import entered
from bandit.kernels.linear import alike_rivals, win_probability
from bandit.kernels.linear.alike import alike_into, table_size
from reference import win_instances
from reference.win_probability import winning_probability as twin
from tests.kernels.wins import normal_wins

_winning_probability = entered(win_probability.winning_probability)
_alike_into = entered(alike_into)


def _folded(centres, scales, like, own):
    scratch = alike_rivals.empty_scratch(len(centres))
    scratch.centres[: len(centres)], scratch.scales[: len(centres)] = centres, scales
    scratch.like[: len(like)] = like
    return float(_winning_probability(len(centres), own, scratch, True))


def _repeated(kind, distinct, count, rng):
    """Contenders of whom many are alike, in any order; own is one of them."""
    centres, scales, own = win_instances.instance(kind, distinct, rng)
    like = rng.permutation(np.concatenate([np.arange(distinct), rng.integers(0, distinct, count)]))
    place = int(rng.choice(np.flatnonzero(like == own)))
    return centres[like], scales[like], like, place


REPEATED = (1, 1), (1, 2), (1, 40), (2, 9), (3, 3), (5, 60), (12, 20), (30, 9), (40, 900)
"""How many are different, and how many more are like one of them."""


@pytest.mark.parametrize("kind", win_instances.KINDS)
def test_equals_the_twin(kind):
    rng = np.random.default_rng(len(kind))
    for distinct, count in REPEATED:
        for _ in range(6 if count < 900 else 1):
            centres, scales, like, own = _repeated(kind, distinct, count, rng)
            found, expected = _folded(centres, scales, like, own), twin(centres, scales, own)
            assert abs(found - expected) < 1e-7, (distinct, count, found, expected)


@pytest.mark.parametrize("count", [900, 5000])
@pytest.mark.parametrize("width", [0.55, 0.63, 0.75, 2.0])
@pytest.mark.parametrize("centre", [-2.7, -2.2, 0.0])
def test_what_thousands_alike_are_off_by_does_not_add_up(centre, width, count):
    """Nor what fills a vector up beside one that is there 4,096 times."""
    centres, scales = np.full(count + 1, centre), np.full(count + 1, width)
    centres[0], scales[0] = 0.0, 1.0
    like = np.append(1, np.zeros(count, np.int64))
    expected = twin(centres, scales, 0)
    for probability in (_folded(centres, scales, like, 0), normal_wins(centres, scales, 0)):
        assert abs(probability - expected) < 1e-7, (probability, expected)


def test_few_of_whom_are_alike_and_more_than_levels_can_say_are_all_counted():
    """Scratch that was used before: what an earlier row left counts for nobody."""
    scratch = alike_rivals.empty_scratch(70_000)
    for count, kinds in ((70_000, 3), (70_000, 1), (30, 25), (30, 4), (30, 29), (70_000, 60_000)):
        scratch.centres[:count], scratch.scales[:count] = 0.0, 1.0
        scratch.like[:count] = np.arange(count) % kinds
        assert abs(_winning_probability(count, 7, scratch, True) - 1.0 / count) < 1e-7


def _alike(kinds, values, costs, row=0):
    k = len(kinds)
    alike, table = np.full(k, -1, np.int64), np.empty(table_size(k), np.int64)
    _alike_into(
        np.asarray(kinds, np.int32), np.atleast_2d(values), np.atleast_2d(costs), row, alike, table
    )
    return alike


@pytest.mark.parametrize("unit", [1e-310, 1e-150, 1.0, 1e150])
def test_the_first_of_the_same_kind_value_and_cost(unit):
    """Also where values or costs are a customer's own."""
    rng = np.random.default_rng(1)
    for k in (1, 2, 30, 1000):
        kinds = rng.integers(0, 3, k)
        values, costs = unit * rng.integers(1, 9, k), unit * rng.choice([0.0, 0.04, 0.9], k)
        firsts: dict[tuple[float, ...], int] = {}
        pairs = zip(kinds, values, costs, strict=True)
        expected = [firsts.setdefault(each, a) for a, each in enumerate(pairs)]
        assert _alike(kinds, values, costs).tolist() == expected
        own = np.vstack([np.arange(k), values])
        assert _alike(kinds, own, costs, 1).tolist() == expected
        assert _alike(kinds, own, np.vstack([own[0], costs]), 1).tolist() == expected


def test_no_numbers_are_like_nobody():
    alike = _alike([0, 0, 0, 0], [np.nan, np.nan, np.inf, np.inf], [0.0, 0.0, 0.0, 0.0])
    assert alike.tolist() == [0, 1, 2, 2]
