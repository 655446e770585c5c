"""Calibration of an outcome model: what it minimises, and that dr does no harm with it."""

from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from simulations.coverage.known_truth import PLAIN, errors


def problem(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    weights, q = rng.exponential(size=n), rng.normal(size=n)
    return rng, weights, q, rng.integers(0, 3, n)


def test_it_is_the_weighted_line_of_the_other_folds():
    rng, w, q, fold = problem()
    r = 3.0 + 0.5 * q + 0.1 * rng.normal(size=len(q))
    found = ope.calibrated(r, w, q, 2.0 * q, fold)
    others = fold != fold[7]
    x = np.column_stack([np.ones(len(q)), q])[others]
    alpha, beta = np.linalg.lstsq(w[others, None] * x, w[others] * r[others], rcond=None)[0]
    assert found.q_logged[7] == pytest.approx(alpha + beta * q[7], abs=1e-3)
    assert found.q_target[7] == pytest.approx(alpha + beta * 2.0 * q[7], abs=1e-3)


def test_a_model_of_noise_or_of_the_wrong_sign_becomes_the_weighted_mean():
    rng, w, q, fold = problem()
    for r in (1.0 - q, rng.normal(size=len(q))):
        found = ope.calibrated(r, w, q, q, fold)
        mean = np.average(r[fold != 0], weights=w[fold != 0] ** 2)
        assert found.q_logged[fold == 0] == pytest.approx(mean, abs=0.02)


def test_without_any_weight_the_model_stays_as_it_came():
    _, w, q, fold = problem()
    found = ope.calibrated(q, 0.0 * w, q, q, fold)
    assert found.q_logged == pytest.approx(q)
    assert found.q_target == pytest.approx(q)


@pytest.mark.parametrize("data", ["digits", "wine", "breast cancer", "iris"])
def test_doubly_robust_does_no_harm_on_labels(data):
    """At most 1.1 times the error of the better of ips and snips; over 60 logs, 1.2 is allowed."""
    found = errors(data, logs=60, n=400)
    assert found["dr"].rmse <= 1.2 * min(found["ips"].rmse, found["snips"].rmse)
    assert found["dr"].rmse <= 1.05 * found[PLAIN].rmse
