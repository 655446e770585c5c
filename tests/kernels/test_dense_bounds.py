"""A choice whose widths are bounded in 16-bit integers is that of float64, in any batch."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.core.types import Float64
from bandit.kernels._compile import entered
from bandit.kernels.linear import dense_bounds, dense_widths

N, NONE = 96, np.zeros((0, 1))


def _posterior(rng: np.random.Generator, d: int, k: int, seen: int) -> bandit.Posterior:
    rows = seen * k
    x = rng.standard_normal((rows, d)) * np.geomspace(0.3, 30.0, d)
    noise = 0.2 * rng.standard_normal(rows)
    return bandit.Posterior.prior(k, d).update(x, np.arange(rows) % k, noise)


def _contexts(rng: np.random.Generator, d: int) -> np.ndarray:
    return (rng.standard_normal((N, d)) * np.geomspace(0.3, 30.0, d)).astype(np.float32)


def _widths(posterior: bandit.Posterior, x: np.ndarray) -> Float64:
    turned = np.einsum("aij,nj->nai", posterior.inverse_factor, x.astype(np.float64))
    return np.asarray(np.sqrt((turned**2).sum(axis=2)))


@pytest.mark.parametrize(("d", "k", "seen"), [(33, 40, 100), (7, 50, 12), (16, 20, 3)])
def test_widths_lie_within_their_bounds(d: int, k: int, seen: int) -> None:
    rng = np.random.default_rng(0)
    posterior, x = _posterior(rng, d, k, seen), _contexts(rng, d)
    dense = posterior.model[0].dense
    room = dense_widths.empty_room(dense, d, 6)
    entered(dense_bounds.fill_rows)(x, NONE, np.arange(6), 6, dense, room)
    enclose, exact = entered(dense_bounds.enclose_widths), _widths(posterior, x)[:6]
    for r in range(6):
        enclose(r, dense, room)
        least, most = room.floors[dense.column], room.widths[dense.column]
        assert (least <= exact[r]).all()
        assert (exact[r] <= most).all()
        # A product is off by a thousandth of |E|, and |E| is a few times what a width is.
        assert np.median(most - least) < 0.02 * np.median(exact[r])


@pytest.mark.parametrize(("d", "k", "seen"), [(33, 40, 100), (7, 50, 12), (16, 130, 40)])
def test_choices_are_those_of_float64_in_any_batch(d: int, k: int, seen: int) -> None:
    rng = np.random.default_rng(0)
    posterior, x = _posterior(rng, d, k, seen), _contexts(rng, d)
    values, costs = rng.uniform(-1.0, 2.0, (N, k)), rng.uniform(0.0, 0.1, k)
    widths = _widths(posterior, x)
    bounds = x.astype(np.float64) @ posterior.mean.T + 1.5 * widths
    policy = bandit.LinUCB(1.5)
    choice = policy.choose(posterior, x, values=values, costs=costs)
    best = (values * bounds - costs).argmax(axis=1)
    assert (choice.action == best).all()
    for size in (1, 3, 7):
        parts = [
            policy.choose(posterior, x[i : i + size], values=values[i : i + size], costs=costs)
            for i in range(0, N, size)
        ]
        assert (np.concatenate([part.action for part in parts]) == best).all()
        # To the bit: whichever product found it, a winner is settled in float64.
        assert (np.concatenate([part.score for part in parts]) == choice.score).all()
