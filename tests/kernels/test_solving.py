"""Factors, solutions and single-row updates against LAPACK."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError
from bandit.kernels.linear import rank_one
from bandit.models.stream import Stream


def _with_condition(rng, d, condition):
    basis, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return basis @ np.diag(np.logspace(0, -np.log10(condition), d)) @ basis.T


def _posterior(precision, shift, ridge):
    gram = precision - ridge * np.eye(len(shift))
    gram = (gram + gram.T) / 2
    one = np.ones(1)
    return bandit.Posterior(gram[None], shift[None], one, one, one, ridge)


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e8])
@pytest.mark.parametrize("d", [2, 17, 64])
def test_solution_agrees_with_lapack(condition, d):
    rng = np.random.default_rng(d)
    precision = _with_condition(rng, d, condition)
    truth = rng.normal(size=d)
    ridge = 1e-3 / condition
    posterior = _posterior(precision, precision @ truth, ridge)
    expected = np.linalg.solve(posterior.precision[0], posterior.shift[0])
    error = np.abs(posterior.mean[0] - expected).max() / np.abs(expected).max()
    assert error < 1e-8


def test_ill_conditioned_action_is_named():
    rng = np.random.default_rng(3)
    good = bandit.Posterior.prior(2, 12)
    bad = _posterior(_with_condition(rng, 12, 1e14), np.ones(12), 1.0 / 1e17)
    posterior = bandit.Posterior(
        np.concatenate([good.gram + np.eye(12), bad.gram]),
        np.zeros((3, 12)), np.ones(3), np.ones(3), np.ones(3), 1e-17,
    )  # fmt: skip
    with pytest.raises(DataError, match=r"action 2 has condition number .* beyond 1e\+12"):
        _ = posterior.mean


def test_different_units_cost_nothing():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, 4)) * np.array([1e-6, 1.0, 1e3, 1e6])
    posterior = bandit.Posterior.prior(1, 4, ridge=1e-22)
    posterior = posterior.update(x, np.zeros(500, int), x @ np.array([1e6, 1.0, 1e-3, 1e-6]))
    np.testing.assert_allclose(posterior.mean[0] * [1e-6, 1.0, 1e3, 1e6], 1.0, rtol=1e-6)


def test_ten_million_single_rows_stay_positive_definite():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(100_000, 3)) * [1.0, 1e-3, 1e3]
    r = rng.normal(size=len(x))
    lower, gram = 0.01 * np.eye(3)[None], np.zeros((1, 3, 3))
    shift, sums = np.zeros((1, 3)), np.zeros((1, 3))
    for _ in range(100):
        rank_one.learn_into(
            x, np.zeros(len(x), np.int64), r, np.ones(len(x)), lower, gram, shift, sums
        )
        assert (np.diag(lower[0]) > 0.0).all()
    precision = np.tril(gram[0]) + np.tril(gram[0], -1).T + 1e-4 * np.eye(3)
    np.testing.assert_allclose(lower[0] @ lower[0].T, precision, rtol=1e-7)


@pytest.mark.parametrize("constant", [None, np.array([0.0, 0.0, 0.0, 0.0, 1.0])])
def test_a_stream_learns_what_an_update_learns(constant):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(200, 5)).astype(np.float32)
    a, r, w = rng.integers(0, 3, 200), rng.normal(size=200), rng.random(200)
    x[:, 4] = 1.0
    prior = bandit.Posterior.prior(3, 5, 2.0, constant)
    stream = Stream(prior)
    for i in range(200):
        stream.learn(x[i : i + 1], a[i : i + 1], r[i : i + 1], w[i : i + 1])
    batch = prior.update(x, a, r, w)
    np.testing.assert_allclose(stream.posterior().gram, batch.gram, rtol=1e-10, atol=1e-12)
    for action in range(3):
        np.testing.assert_allclose(stream.mean(action), batch.mean[action], rtol=1e-9, atol=1e-12)
