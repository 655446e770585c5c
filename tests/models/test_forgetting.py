"""Which half-life would have foretold the waves: from sums, against the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.models.forgetting import CLEAR, HALF_LIVES, NEWEST, WORTH, Gains, Told, gains, suggested
from bandit.models.hybrid import Strengths
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior

K, D = 6, 3
FEATURES = np.concatenate(
    [np.ones((K, 1)), np.repeat(np.eye(2), 3, axis=0), np.tile(np.eye(3), (2, 1))], axis=1
)
STRENGTHS = Strengths(np.array([5.0, 9.0, 9.0, 7.0, 7.0, 7.0]), 30.0, 3.0, noise=0.25)


def _sums(x, a, r):
    return Posterior.prior(K, D, constant=np.eye(D)[0]).update(x, a, r)


def _rows(rng, n, slope):
    x = rng.normal(size=(n, D)).astype(np.float32)
    x[:, 0] = 1.0
    a = rng.integers(0, K, n)
    return x, a, 1.0 + slope * x[:, 1] + 0.5 * rng.normal(size=n)


def _waves(rng, slopes, n=500):
    rows = [_rows(rng, n, slope) for slope in slopes]
    told = [Told(14.0 * t, 14.0 * t + 14.0, _sums(*part)) for t, part in enumerate(rows)]
    return rows, told


def test_gains_are_those_of_the_rows(rng) -> None:
    """Each wave's rows one by one under what the known ones taught, weighed by their age."""
    rows, told = _waves(rng, (1.0, 0.4, -0.2, -0.8))
    found = gains(told, FEATURES, STRENGTHS)
    assert found.over.shape == (len(HALF_LIVES), 3)
    for place, wave in enumerate((1, 2, 3)):
        x, a, r = rows[wave]
        squares = {}
        for half_life in (None, *HALF_LIVES):
            taught = Posterior.prior(K, D, constant=np.eye(D)[0])
            for t in range(wave):
                keep = 1.0 if half_life is None else 0.5 ** (14.0 * (wave - t) / half_life)
                taught = taught.merge(told[t].sums.decay(keep))
            theta = PooledPosterior(taught, FEATURES, STRENGTHS).mean
            squares[half_life] = ((r - np.einsum("nd,nd->n", x, theta[a])) ** 2).sum()
        for row, half_life in enumerate(HALF_LIVES):
            expected = 0.5 * (squares[None] - squares[half_life]) / 0.25
            assert found.over[row, place] == pytest.approx(expected, abs=1e-6)
        alike = ((r - np.concatenate([rows[t][2] for t in range(wave)]).mean()) ** 2).sum()
        expected = 0.5 * (alike - squares[None]) / 0.25
        assert found.foretold[place] == pytest.approx(expected, abs=1e-6)


def test_a_wave_is_foretold_by_what_was_known_when_it_began(rng) -> None:
    """Where windows close later, the newest wave before teaches nothing yet."""
    _, told = _waves(rng, (1.0, 1.0, 1.0))
    late = [wave._replace(known=wave.at + 20.0) for wave in told]
    assert gains(late, FEATURES, STRENGTHS).foretold.size == 1
    alone = gains([late[0], late[2]], FEATURES, STRENGTHS)
    np.testing.assert_array_equal(gains(late, FEATURES, STRENGTHS).over, alone.over)


def test_tastes_that_turn_are_forgotten_and_steady_ones_are_not() -> None:
    """20 campaigns each: a half-life is suggested where slopes turn, none where they stay."""
    turned = steady = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        _, told = _waves(rng, np.linspace(1.0, -1.0, 8))
        turned += suggested(gains(told, FEATURES, STRENGTHS)) is not None
        _, told = _waves(rng, np.full(8, 0.5))
        steady += suggested(gains(told, FEATURES, STRENGTHS)) is None
    assert (turned, steady) == (20, 20)


def test_only_what_is_clear_is_suggested() -> None:
    """The likeliest half-life, where it wins by `CLEAR` and by `WORTH`; never otherwise."""
    over, foretold = np.zeros((len(HALF_LIVES), NEWEST)), np.zeros(NEWEST)
    over[2, :2] = 0.6 * CLEAR
    assert suggested(Gains(over, foretold, over)) == HALF_LIVES[2]
    assert suggested(Gains(0.5 * over, foretold, over)) is None
    assert suggested(Gains(over, foretold + 2.0 * CLEAR / WORTH / NEWEST, over)) is None
    assert suggested(Gains(over, foretold, 0.5 * over)) is None


def test_what_one_wave_before_taught_too_boldly_is_no_matter_of_time(rng) -> None:
    """Of one wave forgetting means to know less: that may foretell better, and says nothing."""
    bold = STRENGTHS._replace(noise=1e-3 * STRENGTHS.noise)
    _, told = _waves(rng, (1.0, -1.0))
    found = gains(told, FEATURES, bold)
    assert found.over.sum(axis=1).max() > CLEAR
    assert not found.timed.any()
    assert suggested(found) is None
