"""Logarithms of Φ on grids, and the integral that adds them up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_ndtr

from bandit.kernels._compile import entered
from bandit.kernels.linear import alike_rivals, log_steps
from bandit.kernels.stats import log_cumulative
from reference.win_probability import winning_probability as twin

_integral = entered(log_steps.integral)
REACH = 5.75


def _by_grids(centres, scales, own):
    """The integral by grids alone: −1 where it is not theirs."""
    rivals = np.delete(np.arange(len(centres)), own)
    scratch = alike_rivals.empty_scratch(len(centres))
    count, padded = len(rivals), (len(rivals) + 7) & ~7
    scratch.offset[:padded], scratch.rate[:padded] = 50.0, 0.0
    scratch.offset[:count] = (centres[own] - centres[rivals]) / scales[rivals]
    scratch.rate[:count] = scales[own] / scales[rivals]
    return _integral(count, REACH, scratch)


def test_logarithms_are_scipys():
    x = np.linspace(-11.9, 10.9, 2001)
    logs, derivatives = log_cumulative.logarithms(x)
    np.testing.assert_allclose(logs, log_ndtr(x), rtol=1e-13, atol=1e-13)
    h = 1e-4
    higher = log_cumulative.logarithms(x + h)[1]
    lower = log_cumulative.logarithms(x - h)[1]
    for n in range(log_cumulative.TERMS - 1):
        by_difference = (higher[n] - lower[n]) / (2.0 * h) / (n + 2)
        np.testing.assert_allclose(derivatives[n + 1], by_difference, atol=1e-7)


@pytest.mark.parametrize("count", [3, 20, 100, 1000, 5000])
@pytest.mark.parametrize("spread", [0.0, 0.02, 0.08])
def test_equals_the_twin_where_widths_are_nearly_equal(count, spread):
    rng = np.random.default_rng(count)
    taken = 0
    for apart in (0.0, 0.3, 1.0, 3.0):
        scales = rng.uniform(1.0 - spread, 1.0 + spread, count)
        centres = apart * rng.standard_normal(count)
        for own in (int(np.argmax(centres)), int(np.argsort(centres)[count // 2]), count - 1):
            found, expected = _by_grids(centres, scales, own), twin(centres, scales, own)
            taken += found >= 0.0
            assert found == -1.0 or abs(found - expected) < 5e-8, (apart, own, found, expected)
    assert taken >= 9


def test_a_crowd_alike_adds_up_to_no_error():
    for gap in (0.0, 2.0, 3.0, 3.7, 4.5):
        centres, scales = np.zeros(5001), np.full(5001, 1.07)
        centres[0], scales[0] = gap, 1.0
        assert abs(_by_grids(centres, scales, 0) - twin(centres, scales, 0)) < 5e-8


def test_others_are_not_theirs():
    centres = np.zeros(40)
    assert _by_grids(centres, np.geomspace(0.5, 2.0, 40), 3) == -1.0
    assert _by_grids(centres, np.r_[1.0, np.full(39, 0.05)], 0) == -1.0
    assert _by_grids(centres, np.r_[1.0, np.full(39, 30.0)], 0) == -1.0
