"""Sums of several kinds and the money they make: each kind alone, and their sum redrawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import bandit
from bandit.core.errors import ConfigError
from bandit.core.types import Array, Float64
from bandit.models import kinds
from bandit.models.kinds import Composed, composed
from bandit.models.posterior import Posterior

K, D, N = 6, 4, 900
RATES = (0.12, 0.05)
"""Of a sale and a refusal."""


class World(NamedTuple):
    contexts: Array
    actions: Array
    events: Float64
    weights: Float64


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(3)
    contexts = rng.normal(size=(N, D)).astype(np.float32)
    contexts[:, 0] = 1.0
    actions = rng.integers(0, K, N).astype(np.int32)
    events = np.stack([(rng.random(N) < rate).astype(np.float64) for rate in RATES])
    weights = np.stack([rng.uniform(5.0, 40.0, K), np.full(K, -8.0)])
    return World(contexts, actions, events, weights)


def sums_of(world: World) -> Posterior:
    empty = Posterior.prior(len(RATES) * K, D, ridge=3.0)
    half = N // 2
    first = kinds.updated(
        empty, world.contexts[:half], world.actions[:half], world.events[:, :half]
    )
    return kinds.updated(first, world.contexts[half:], world.actions[half:], world.events[:, half:])


def test_each_kind_is_what_it_would_be_alone(world: World) -> None:
    """Rows without an event add to gram and count; nothing of one kind reaches another."""
    parts = kinds.split(sums_of(world), 2)
    for part, events in zip(parts, world.events, strict=True):
        alone = Posterior.prior(K, D, ridge=3.0).update(world.contexts, world.actions, events)
        for name in ("gram", "shift", "count", "reward_sum", "square_sum"):
            np.testing.assert_allclose(getattr(part, name), getattr(alone, name), atol=1e-9)
    places = np.array([2, -1, 0])
    moved = kinds.split(kinds.aligned(kinds.stacked(parts), 2, places), 2)
    for one, part in zip(moved, parts, strict=True):
        np.testing.assert_array_equal(one.shift, part.align(places).shift)


@pytest.mark.parametrize("shared", [False, True])
def test_money_is_the_sum_of_independent_kinds(world: World, shared: bool) -> None:
    """Mean, width and probabilities against draws of every kind by itself."""
    money = _composed(world, shared=shared)
    rng = np.random.default_rng(8)
    x = rng.normal(size=(12, D)).astype(np.float32)
    means, widths = np.zeros((2, 12, K)), np.zeros((2, 12, K))
    for e, (part, noise) in enumerate(zip(money.parts, money.noises, strict=True)):
        means[e] = world.weights[e] * (x @ part.mean.T)
        variance = np.einsum("ni,aij,nj->na", x, part.covariance, x)
        widths[e] = np.abs(world.weights[e]) * noise * np.sqrt(variance)
    np.testing.assert_allclose(x @ money.mean.T, means.sum(axis=0), atol=1e-9)
    variance = np.einsum("ni,aij,nj->na", x, money.covariance, x) * money.noise_scale**2
    np.testing.assert_allclose(variance, (widths**2).sum(axis=0), rtol=1e-9)
    policy = bandit.LinTS(alpha=money.noise_scale)
    costs = np.linspace(0.0, 0.5, K)
    chance = policy.probabilities(money, x, costs=costs)
    draws, won = 20_000, np.zeros((12, K))
    for _ in range(draws // 1000):
        z = rng.normal(size=(1000, 2, 12, K))
        worth = (means + widths * z).sum(axis=1) - costs
        won += (worth.argmax(axis=2)[..., None] == np.arange(K)).sum(axis=0)
    # 72 pairs: 4 standard errors hold all of them but once in 200 such tests.
    spread = np.sqrt(np.maximum(chance * (1.0 - chance), 1.0 / draws) / draws)
    assert (np.abs(won / draws - chance) < 4.0 * spread).all()
    choice = policy.choose(money, x, costs=costs, seed=5)
    taken = chance[np.arange(12), choice.action]
    np.testing.assert_allclose(choice.propensity, taken, atol=2e-6)


def test_worths_change_decisions_and_no_sum(world: World) -> None:
    parts = kinds.split(sums_of(world), 2)
    dear = world.weights * np.array([[1.0], [100.0]])
    before, after = composed(parts, parts, world.weights), composed(parts, parts, dear)
    assert (after.mean[:, 0] < before.mean[:, 0]).all()


def test_what_is_worth_nothing_or_was_never_seen_still_has_a_width(world: World) -> None:
    """All worths 0, a kind that never came, nothing seen at all: finite, and open to the draw."""
    parts = kinds.split(sums_of(world), 2)
    x = world.contexts[:5]
    nothing = composed(parts, parts, np.zeros((2, K)))
    never = Posterior.prior(K, D, ridge=3.0).update(world.contexts, world.actions, np.zeros(N))
    seen = composed([parts[0], never], [parts[0], never], world.weights)
    empty = Posterior.prior(K, D, ridge=3.0)
    prior = composed([empty, empty], [empty, empty], world.weights)
    for money in (nothing, seen, prior):
        chance = bandit.LinTS(alpha=money.noise_scale).probabilities(money, x)
        assert np.isfinite(chance).all()
        np.testing.assert_allclose(chance.sum(axis=1), 1.0, atol=1e-6)
    assert seen.noises[1] == pytest.approx(np.sqrt(0.5 / (N + 1.0)))
    np.testing.assert_allclose(nothing.mean, 0.0)


def test_money_has_no_rate(world: World) -> None:
    with pytest.raises(ConfigError, match="several"):
        _ = _composed(world, shared=False).rates


def _composed(world: World, *, shared: bool) -> Composed:
    parts = kinds.split(sums_of(world), 2)
    features = np.array([[1.0, a % 2, a // 2] for a in range(K)])
    models = [part.pooled(features) for part in parts] if shared else parts
    return composed(models, parts, world.weights)
