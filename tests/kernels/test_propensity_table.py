"""All winning probabilities at once against the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.linear import win_probability_table as rivals_table
from tests.kernels.wins import normal_wins


def _table(means, widths, eligible, values, costs, alpha=1.0):
    out = np.zeros(means.shape)
    mask = eligible.view(np.uint8)
    rivals_table.probabilities_into(
        0, len(means), means, widths, alpha, mask, worth.DENSE, values, costs, out
    )
    return out


def _twin(means, widths, eligible, values, costs, alpha=1.0):
    """∫ f_a(t) Π F_b(t) dt on panels that end at every contender's deviations, from the formula.

    Actions without spread: the best of them (the first, if they are alike) wins unless one with
    spread lands above it.
    """
    out = np.zeros(means.shape)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    for i in range(len(means)):
        on = np.flatnonzero(eligible[i])
        value, cost = values[i % len(values), on], costs[i % len(costs), on]
        centre, scale = value * means[i, on] - cost, np.abs(value) * alpha * widths[i, on]
        sure, loose = np.flatnonzero(scale == 0.0), np.flatnonzero(scale > 0.0)
        floor = centre[sure].max() if sure.size else -np.inf
        if sure.size:
            best = sure[np.argmax(centre[sure])]
            out[i, on[best]] = stats.norm.cdf((floor - centre[loose]) / scale[loose]).prod()
        bends = (centre[loose] + scale[loose] * np.arange(-9.0, 9.01, 0.5)[:, None]).ravel()
        if not loose.size:
            continue
        edges = np.unique(np.append(bends[bends > floor], floor if sure.size else bends.min()))
        half = np.diff(edges)[:, None] / 2
        t = (edges[:-1, None] + half * (1 + nodes)).ravel()
        z = (t[:, None] - centre[loose]) / scale[loose]
        below = stats.norm.cdf(z)
        for c, a in enumerate(loose):
            others = np.delete(below, c, axis=1).prod(axis=1)
            height = stats.norm.pdf(z[:, c]) / scale[a]
            out[i, on[a]] = ((half * weights).ravel() * height * others).sum()
    return out


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(1, 30),
    spread=st.sampled_from([0.0, 0.5, 2.0, 5.0]),
    apart=st.sampled_from([0.0, 1.0, 30.0]),
    certain=st.sampled_from([0.0, 0.2, 1.0]),
)
def test_equals_the_formula(seed, k, spread, apart, certain):
    rng = np.random.default_rng(seed)
    n = 4
    means, widths = apart * rng.normal(size=(n, k)), np.exp(spread * rng.normal(size=(n, k)))
    widths[rng.random((n, k)) < certain] = 0.0
    eligible = rng.random((n, k)) < 0.7
    eligible[:, 0] = True
    values, costs = rng.normal(size=(1, k)), rng.normal(size=(n, k))
    found = _table(means, widths, eligible, values, costs)
    expected = _twin(means, widths, eligible, values, costs)
    np.testing.assert_allclose(found, expected, atol=1e-8)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    assert (found[~eligible] == 0.0).all()


@pytest.mark.parametrize("k", [3, 100])
def test_alike_share_evenly(k):
    ones = np.ones((1, k))
    found = _table(0.0 * ones, 0.3 * ones, ones.astype(bool), ones, 0.0 * ones)
    np.testing.assert_allclose(found, 1.0 / k, atol=1e-12)


def test_a_certain_rival_far_below_changes_nothing():
    """An action of value 0 has no spread; it must not spoil the others' probabilities."""
    centres, scales = np.array([0.75, -1.69, -1.57, 0.43]), np.array([0.05, 2.0, 0.0, 0.38])
    with_it = [normal_wins(centres, scales, c) for c in range(4)]
    without = [0, 1, 3]
    alone = [normal_wins(centres[without], scales[without], c) for c in range(3)]
    np.testing.assert_allclose([with_it[c] for c in without], alone, atol=1e-8)
    assert with_it[2] < 1e-9
    assert sum(with_it) == pytest.approx(1.0, abs=1e-7)
