"""The shared part of a combination of features, against the dense formula."""

from __future__ import annotations

import numpy as np

from bandit.models.contrasts import contrast
from bandit.models.hybrid import Strengths
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior

K, D = 12, 3
OWN, INTERCEPT = 7.0, 4.0
SHARED = np.array([2.0, 3.0, 3.0, 3.0, 5.0, 5.0, 5.0, 5.0])


def test_moments_of_a_contrast_are_those_of_beta(rng) -> None:
    """``A₀ = Λ ⊗ P + Σ z zᵀ ⊗ λP D_a G_a`` with ``D_a = (G_a + λP)⁻¹``: β is ``A₀⁻¹ b₀``."""
    features = np.concatenate(
        [np.ones((K, 1)), np.repeat(np.eye(3), 4, axis=0), np.tile(np.eye(4), (3, 1))], axis=1
    )
    x = rng.normal(size=(300, D)).astype(np.float32)
    x[:, 0] = 1.0
    a, r = rng.integers(0, K, 300), rng.normal(size=300) + x[:, 1] + 2.0
    sums = Posterior.prior(K, D, constant=np.eye(D)[0]).update(x, a, r)
    posterior = PooledPosterior(sums, features, Strengths(SHARED, OWN, INTERCEPT))
    rows = np.zeros((4, 8))
    rows[:, 4:] = np.eye(4) - 0.25
    mean, covariance = contrast(posterior, rows)

    precision = np.linalg.inv(np.eye(D) + INTERCEPT * np.outer(sums.unit, sums.unit))
    a0, b0 = np.kron(np.diag(SHARED), precision), np.zeros(8 * D)
    for z, gram, shift in zip(features, sums.gram, sums.shift, strict=True):
        turn = OWN * precision @ np.linalg.inv(gram + OWN * precision)
        a0 += np.kron(np.outer(z, z), turn @ gram)
        b0 += np.kron(z, turn @ (shift - sums.baseline * gram @ sums.unit))
    wide = np.kron(rows, np.eye(D))
    beta = np.linalg.solve(a0, b0)
    np.testing.assert_allclose(mean.ravel(), wide @ beta, atol=1e-9)
    whole = wide @ np.linalg.inv(a0) @ wide.T
    for c in range(4):
        block = whole[c * D : (c + 1) * D, c * D : (c + 1) * D]
        np.testing.assert_allclose(covariance[c], block, atol=1e-9)
    np.testing.assert_allclose(mean.sum(axis=0), 0.0, atol=1e-9)
