"""Outcomes that are a logistic function of scores: choices, propensities and redraws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import bandit
from bandit.kernels.linear import link
from bandit.kernels.linear.linked_win_probability import (
    empty_contenders,
    linked_winning_probability,
)
from bandit.models.packed import build_model
from reference import draws
from reference.linked_win_probability import winning_probability as twin
from reference.win_probability import winning_probability as normal_twin


def _wins(kind, mean, width, value, cost, own):
    each = empty_contenders(len(mean))
    each.mean[:], each.width[:], each.value[:], each.cost[:] = mean, width, value, cost
    return linked_winning_probability(kind, len(mean), own, each)


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("seed", range(60))
def test_equals_the_twin(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 7))
    mean, width = rng.normal(-2.0, 1.0, count), np.exp(rng.normal(-0.5, 1.0, count))
    value, cost = rng.lognormal(0.0, 0.5, count), rng.choice([0.0, 0.02, 0.3], count)
    if seed % 3 == 1:
        value[0], cost[0] = 0.0, 0.0
    if seed % 4 == 2:
        width[1], value[-1] = 0.0, -1.0
    for own in range(count):
        found = _wins(link.LOGIT, mean, width, value, cost, own)
        assert found == pytest.approx(twin(mean, width, value, cost, own), abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_alike_prices_leave_the_normals(seed):
    """A monotone link with one value and one cost changes nothing; nor does no link."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 40))
    mean, width = rng.normal(size=count), np.exp(rng.normal(-1.0, 0.5, count))
    own = int(np.argmax(mean + width * rng.normal(size=count)))
    expected = normal_twin(mean, width, own)
    for kind in (link.IDENTITY, link.LOGIT):
        found = _wins(kind, mean, width, np.full(count, 3.0), np.full(count, 0.1), own)
        assert found == pytest.approx(expected, abs=2e-7)


class _Logistic:
    """A posterior of a logistic model, as far as policies see it."""

    def __init__(self, seed: int, k: int = 6, d: int = 5) -> None:
        rng = np.random.default_rng(seed)
        inverse = 0.3 * np.tril(rng.normal(size=(k, d, d)))
        inverse[:, range(d), range(d)] = 0.5
        self.mean, self.inverse, self.n_actions, self.n_features = (
            rng.normal(-0.5, 0.5, (k, d)), inverse, k, d,
        )  # fmt: skip
        self.model = build_model(self.mean, inverse, np.eye(d), np.full(k, 10.0), link.LOGIT)

    def moments(self, x):
        turned = np.einsum("aij,nj->nai", self.inverse, x.astype(np.float64))
        return x.astype(np.float64) @ self.mean.T, np.sqrt((turned**2).sum(axis=2))


def test_choices_are_those_of_the_formula(rng):
    posterior, x = _Logistic(1), rng.normal(size=(200, 5)).astype(np.float32)
    value, cost = rng.lognormal(size=(200, 6)), np.full(6, 0.2)
    mean, width = posterior.moments(x)
    z = draws.normals(3, 0, range(200), 6, 0, 8)
    given = {"values": value, "costs": cost}
    for policy, score in (
        (bandit.Greedy(), mean),
        (bandit.LinUCB(0.7), mean + 0.7 * width),
        (bandit.LinTS(0.7), mean + 0.7 * width * z),
    ):
        choice = policy.choose(posterior, x, **given, seed=3)
        np.testing.assert_array_equal(choice.action, (value * expit(score) - cost).argmax(axis=1))
    np.testing.assert_allclose(bandit.Greedy().scores(posterior, x), expit(mean), atol=1e-12)


def test_redraws_agree_and_all_sum_to_one(rng):
    posterior, x = _Logistic(2), rng.normal(size=(1, 5)).astype(np.float32)
    eligible = np.array([[True, True, False, True, True, True]])
    given = {"values": rng.lognormal(size=6), "costs": np.array([0.0, 0.1, 0.0, 0.2, 0.0, 0.1])}
    policy, n = bandit.LinTS(0.8), 40_000
    choice = policy.choose(
        posterior, np.repeat(x, n, axis=0), eligible=np.repeat(eligible, n, axis=0), **given
    )
    p = policy.probabilities(posterior, x, eligible=eligible, **given)[0]
    share = np.bincount(choice.action, minlength=6) / n
    assert (np.abs(share - p) < 4.5 * np.sqrt(np.maximum(p * (1 - p), 1e-6) / n)).all()
    np.testing.assert_allclose(choice.propensity, p[choice.action], atol=1e-6)
    assert p[2] == 0.0
    assert p.sum() == pytest.approx(1.0)
    weights = rng.normal(size=6)
    np.testing.assert_allclose(
        policy.expectation(posterior, x, weights, eligible=eligible, **given),
        p @ weights,
        atol=1e-6,
    )
