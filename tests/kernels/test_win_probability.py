"""Winning probabilities against their twin, over instances that are hard on an integral."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.kernels._compile import entered
from bandit.kernels.linear import win_probability_table
from reference import win_instances
from reference.win_probability import winning_probability as twin
from tests.kernels.wins import normal_wins

_shares_into = entered(win_probability_table.shares_into)
CLAIM = 1e-7
"""What the kernel's docstring says; a millionth is asked for."""


@pytest.mark.parametrize("seed", range(4))
def test_equals_the_twin(seed):
    for kind, centres, scales, own in win_instances.instances(600, 40, seed):
        found, expected = normal_wins(centres, scales, own), twin(centres, scales, own)
        assert abs(found - expected) < CLAIM, (kind, len(centres), found, expected)


@pytest.mark.parametrize("kind", win_instances.KINDS)
@pytest.mark.parametrize("count", [300, 3000])
def test_many_contenders(kind, count):
    centres, scales, own = win_instances.instance(kind, count, np.random.default_rng(count))
    assert abs(normal_wins(centres, scales, own) - twin(centres, scales, own)) < 1e-6


def _all(centres, scales):
    k = len(centres)
    shares = np.zeros(k)
    _shares_into(
        np.copy(centres), np.copy(scales), k, shares, np.zeros(k, np.int64),
        np.zeros(8 * k + 8), np.zeros(8 * k + 8),
    )  # fmt: skip
    return shares


@pytest.mark.parametrize("seed", range(3))
def test_all_at_once_are_those_one_by_one(seed):
    for kind, centres, scales, _ in win_instances.instances(120, 30, 100 + seed):
        one_by_one = [normal_wins(centres, scales, own) for own in range(len(centres))]
        np.testing.assert_allclose(_all(centres, scales), one_by_one, atol=CLAIM, err_msg=kind)
        assert sum(one_by_one) == pytest.approx(1.0, abs=len(centres) * 2e-8)


def test_redraws_agree():
    rng, draws = np.random.default_rng(5), 200_000
    for kind, centres, scales, own in win_instances.instances(36, 12, 7):
        drawn = centres + scales * rng.normal(size=(draws, len(centres)))
        share = (np.argmax(drawn, axis=1) == own).mean()
        p = normal_wins(centres, scales, own)
        assert abs(p - share) < 4.5 * np.sqrt(max(p * (1.0 - p), 1e-5) / draws), kind


def test_one_new_beside_actions_of_ten_million_rows():
    """The old arm that leads loses to the new one every other time, less what the others take."""
    rng = np.random.default_rng(3)
    centres, scales = 0.01 * rng.normal(size=20), np.full(20, 0.2 / np.sqrt(1e7))
    scales[7], centres[7] = 1.0, 0.0
    for own in (7, int(np.argmax(centres))):
        assert normal_wins(centres, scales, own) == pytest.approx(
            twin(centres, scales, own), abs=CLAIM
        )


def test_where_units_are_does_not_matter():
    centres, scales = np.array([0.3, 0.1, -0.2, 0.25]), np.array([0.2, 0.3, 0.5, 0.1])
    expected = normal_wins(centres, scales, 1)
    for unit in (1e-140, 1e-9, 1e9, 1e140):
        assert normal_wins(unit * centres, unit * scales, 1) == pytest.approx(expected, abs=1e-12)
