"""Keyed draws: the twin's bits, the right distribution, no correlation in any direction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandit.kernels import keyed_random
from bandit.kernels._compile import entered, serial
from bandit.kernels.linear import draws as drawn
from bandit.kernels.linear import thompson_candidates as sampled
from bandit.kernels.linear.contenders import Bounds
from bandit.kernels.linear.int16_bounds import Rounded
from bandit.kernels.stats.normal import normal
from reference import draws

_draw_into = entered(drawn.draw_into)
_winners_into = entered(sampled.winners_into)


@serial
def _normal(word):
    return normal(word)


def normals(seed=0, wave=0, keys=4000, draw=0, columns=64, purpose=8):
    parts = (np.uint64(part) for part in (seed, wave, draw, purpose))
    stream = np.uint64(keyed_random.stream_key(*parts))
    ids = np.arange(keys, dtype=np.uint64)
    size = (columns + 63) // 64
    everyone = np.full(keys * size, (1 << columns) - 1 if columns < 64 else -1, np.int64)
    listed = drawn.empty_draws(keys, columns)
    _draw_into(stream, ids, 0, keys, size, everyone, listed, True)
    return listed.normal[: keys * columns].reshape(keys, columns)


def test_no_draw_lies_beyond_the_most():
    words = np.array([0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1], np.uint64) << np.uint64(32)
    found = [abs(float(_normal(word))) for word in words]
    assert max(found) < sampled.MOST
    assert max(found) == pytest.approx(stats.norm.isf(2.0**-33), rel=1e-3)


def test_draws_equal_the_twin():
    fast = normals(seed=2**63 + 5, wave=3, keys=20, draw=2)
    slow = draws.normals(2**63 + 5, 3, range(20), 64, 2, 8)
    # What counts is the probability below the draw.
    np.testing.assert_allclose(stats.norm.cdf(fast), stats.norm.cdf(slow), atol=1.5e-7)


def test_kolmogorov_smirnov():
    sample = normals(seed=11).ravel()
    assert stats.kstest(sample.astype(float), "norm").pvalue > 1e-3


@pytest.mark.parametrize("other", [{"seed": 1}, {"wave": 1}, {"draw": 1}, {"purpose": 7}])
def test_streams_do_not_correlate(other):
    first, second = normals().ravel(), normals(**other).ravel()
    # Under independence r is normal with standard error 1/√n.
    assert abs(np.corrcoef(first, second)[0, 1]) < 4.5 / np.sqrt(first.size)


def test_actions_and_customers_do_not_correlate():
    table = normals(seed=5)
    n, k = table.shape
    across = np.corrcoef(table.T)[np.triu_indices(k, 1)] * np.sqrt(n)
    assert np.abs(across).max() < 5.5
    assert abs(across.std() - 1.0) < 5.0 / np.sqrt(2.0 * across.size)
    shifted = np.corrcoef(table[:-1].ravel(), table[1:].ravel())[0, 1]
    assert abs(shifted) < 4.5 / np.sqrt(table.size)


def test_uniforms_are_open_and_even():
    out = np.empty(200_000)
    keyed_random.uniforms_into(np.uint64(99), np.arange(out.size, dtype=np.uint64), out)
    assert out.min() > 0.0
    assert out.max() < 1.0
    assert stats.kstest(out, "uniform").pvalue > 1e-3


@pytest.mark.long  # it compiles
@pytest.mark.parametrize("whose", [0, 1, 2])
@pytest.mark.parametrize("priced", [False, True])
def test_a_crowded_row_keeps_whom_its_candidates_one_by_one_keep(whose, priced):
    """The same candidates among few columns, all worked on, and among many, each looked up."""
    rng = np.random.default_rng(whose)
    rows, k, many = 7, 61, 640
    eligible = rng.random((rows, k)) < np.array([[0.3], [0.5], [0.7], [0.9], [0.5], [0.5], [0.5]])
    eligible[:, -1] = False  # never all of the first
    columns = {name: rng.standard_normal(many).astype(np.float32) for name in ("values", "costs")}
    width = np.abs(rng.standard_normal(many)).astype(np.float32)
    means = rng.standard_normal((rows, many)).astype(np.float32)
    means[4, 3], means[5, 5] = np.nan, np.inf
    most = np.array([1.0, 2.0, 0.1, 0.0, 1.0, 1.0, np.inf], np.float32)
    found = []
    for size in (64, many):
        words = size >> 6
        alive = np.zeros(rows * words, np.int64)
        for r in range(rows):
            alive[r * words] = sum(1 << int(a) for a in np.flatnonzero(eligible[r]))
        listed = drawn.empty_draws(rows, size)
        _draw_into(
            np.uint64(3), np.arange(rows, dtype=np.uint64), 0, rows, words, alive, listed, True
        )
        spread = [np.ascontiguousarray(w[:size]) for w in (width, width, width, 0.9 * width)]
        error = np.full(size, np.float32(1e-3))
        values, costs = (np.ascontiguousarray(columns[n][:size]) for n in ("values", "costs"))
        bounds = Bounds(*spread, error, values, costs, np.zeros(2, np.int64), 1e-4)
        ones = np.ones(rows, np.float32)
        rounded = Rounded(np.zeros(0, np.int16), ones, ones, 0.9 * most, most)
        threshold = np.empty(rows, np.float32)
        table = np.ascontiguousarray(means[:, :size])
        _winners_into(
            table.ravel(), size, rows, rounded, bounds, priced, listed, whose, threshold, alive
        )
        count = listed.first[rows]
        kept = alive.reshape(rows, words)
        found.append((kept[:, 0], listed.high[:count].copy(), threshold))
        assert not kept[:, 1:].any()
    for few, other in zip(*found, strict=True):
        np.testing.assert_array_equal(few, other)
    assert (found[0][0] != 0).all()
