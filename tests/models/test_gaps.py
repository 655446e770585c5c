"""Weights of like baskets against the formula, solved by numpy."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.models.gaps import weights


@pytest.mark.parametrize(("people", "products"), [(30, 7), (200, 130), (5, 20)])
def test_weights_are_the_columns_of_the_closed_form(people: int, products: int) -> None:
    baskets = np.random.default_rng(products).poisson(0.7, (people, products)).astype(np.float64)
    gram, strength = baskets.T @ baskets, 20.0
    inverse = np.linalg.inv(gram + strength * np.eye(products))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    wanted = np.array([3, 0, products - 1])
    np.testing.assert_allclose(weights(gram, wanted, strength), expected[:, wanted], atol=1e-12)


def test_no_other_weights_without_a_diagonal_predict_baskets_better() -> None:
    baskets = np.random.default_rng(3).poisson(0.5, (60, 6)).astype(np.float64)
    own = weights(baskets.T @ baskets, np.array([2]), 5.0)[:, 0]

    def loss(b: np.ndarray) -> float:
        return float(((baskets[:, 2] - baskets @ b) ** 2).sum() + 5.0 * (b**2).sum())

    for j in (0, 1, 3, 4, 5):
        for step in (-1e-3, 1e-3):
            other = own.copy()
            other[j] += step
            assert loss(other) > loss(own)
