"""Expected weights in one integral: the sum over everybody's own probability, or left to that."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.kernels._compile import entered
from bandit.kernels.linear import alike_rivals, mean_weight
from reference import win_instances
from reference.win_probability import winning_probability as twin

_expected_weight = entered(mean_weight.expected_weight)
CLAIM = 1e-7
"""Of the largest weight; a millionth is asked for."""


def found(centres, scales, weights):
    scratch = alike_rivals.empty_scratch(len(centres))
    scratch.centres[: len(centres)] = centres
    scratch.scales[: len(centres)] = scales
    weights = np.ascontiguousarray(weights, np.float64)
    return _expected_weight(len(centres), weights, float(weights.max()), scratch)


def expected(centres, scales, weights):
    return sum(
        weights[a] * twin(centres, scales, a) for a in np.flatnonzero(weights) if weights[a] > 0.0
    )


def drawn_weights(count, rng):
    """Nearly all none, all alike but for a few, anything: large and tiny."""
    kind, most = rng.integers(4), 10.0 ** rng.uniform(-5.0, 0.0)
    weights = np.zeros(count)
    if kind == 0:
        weights[rng.integers(count, size=3)] = rng.random(3)
    elif kind == 1:
        weights[:] = 1.0 - (rng.random(count) < 0.2) * rng.random(count)
    elif kind == 2:
        weights = rng.random(count) ** 4
    else:
        weights[rng.integers(count)] = 1.0
    weights[rng.integers(count)] += 0.1
    return most * weights / weights.max()


@pytest.mark.parametrize("seed", range(3))
def test_is_the_sum_of_the_twins(seed):
    rng, known = np.random.default_rng(200 + seed), 0
    for kind, centres, scales, _ in win_instances.instances(100, 30, 300 + seed):
        weights = drawn_weights(len(centres), rng)
        mean = found(centres, scales, weights)
        if mean >= 0.0:
            known += 1
            assert abs(mean - expected(centres, scales, weights)) < CLAIM, (kind, len(centres))
    assert known > 20


@pytest.mark.parametrize("count", [2, 9, 100, 550, 3000])
def test_alike_contenders_are_never_left(count):
    """As a wave has them: one price list, widths within a fifth, five of them given up in part."""
    rng = np.random.default_rng(count)
    for most in (1e-6, 1e-3, 0.03, 1.0) if count < 1000 else (1.0,):
        centres, scales = rng.normal(size=count), rng.uniform(0.95, 1.05, count)
        weights = np.zeros(count)
        weights[rng.integers(count, size=5)] = most * rng.uniform(0.5, 1.0, 5)
        mean = found(centres, scales, weights)
        assert mean >= 0.0
        assert abs(mean - expected(centres, scales, weights)) < CLAIM


def test_certain_and_broken_contenders_are_left_to_others():
    centres, weights = np.array([0.0, 0.1, 0.2]), np.array([0.0, 1.0, 0.5])
    assert found(centres, np.array([1.0, 0.0, 1.0]), weights) == -1.0
    assert found(centres, np.array([1.0, np.nan, 1.0]), weights) == -1.0
    assert found(np.array([0.0, np.inf, 0.0]), np.ones(3), weights) == -1.0
    assert found(centres, np.zeros(3), weights) == -1.0
