"""Widths bounded by leading directions hold, and no choice changes where bounds are tightened."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import bandit
from bandit.core.types import Float64
from bandit.kernels import simd
from bandit.kernels._compile import entered, within
from bandit.kernels.linear import close_widths, int16_bounds, leading
from bandit.models import leading_directions, packed
from bandit.models.leading_directions import no_directions

ROWS = 96


def _posterior(rng: np.random.Generator, d: int, k: int, seen: int) -> bandit.Posterior:
    """Offers that differ little, each after few rows, features of very different units."""
    rows = seen * k
    x = rng.standard_normal((rows, d)) * np.geomspace(0.01, 100.0, d)
    return bandit.Posterior.prior(k, d).update(
        x, np.arange(rows) % k, 0.2 * rng.standard_normal(rows)
    )


def _contexts(rng: np.random.Generator, d: int) -> np.ndarray:
    x = rng.standard_normal((ROWS, d)) * np.geomspace(0.01, 100.0, d)
    # One feature alone, rows of other sizes, no context at all.
    x[::7, 1:] = 0.0
    x[1::9] *= 10.0 ** rng.uniform(-12.0, 12.0, (len(x[1::9]), 1))
    x[5] = 0.0
    return x.astype(np.float32)


def _moments(posterior: bandit.Posterior, x: np.ndarray) -> tuple[Float64, Float64]:
    turned = np.einsum("aij,nj->nai", posterior.inverse_factor, x.astype(np.float64))
    return x.astype(np.float64) @ posterior.mean.T, np.sqrt((turned**2).sum(axis=2))


def _without(posterior: bandit.Posterior) -> bandit.Posterior:
    """The same, its bounds never tightened."""
    model, bounded = posterior.model
    other = dataclasses.replace(posterior)
    vars(other)["model"] = (model._replace(leading=no_directions()), bounded)
    return other


@pytest.mark.parametrize(("d", "k", "seen"), [(33, 40, 100), (17, 50, 40), (24, 20, 60)])
def test_widths_lie_between_what_leading_directions_tell(d: int, k: int, seen: int) -> None:
    rng = np.random.default_rng(0)
    posterior, rows = _posterior(rng, d, k, seen), 6
    x = (rng.standard_normal((rows, d)) * np.geomspace(0.01, 100.0, d)).astype(np.float32)
    model = posterior.model[0]
    rounded = int16_bounds.empty_rounded(rows, d)
    room, wide = leading.empty_tightening(model.leading, rows, d), 16 * -(-d // 16)
    source, rotated = np.append(x, np.zeros(16, np.float32)), np.empty(rows * wide, np.float32)
    entered(int16_bounds.round_into)(
        source, 0, rows, d, model.coarse, rounded, np.zeros(1, np.bool_)
    )
    entered(int16_bounds.norms_between)(rounded, rows, d, model.coarse, rotated)
    entered(leading.sums_into)(
        rotated, rounded, rows, d, model.coarse.root_error, model.leading, room
    )
    step, norm, lost = model.leading.step[:k], model.leading.norm[:k], model.leading.lost[:k]
    total = np.sqrt(room.total.reshape(rows, -1)[:, :k].astype(np.float64))
    total *= step * room.unit[:, None].astype(np.float64)
    q = np.linalg.norm(x.astype(np.float64) @ np.linalg.inv(_root(posterior)).T, axis=1)[:, None]
    error = norm * room.off[:, None] + lost * q
    most = np.sqrt((total + error) ** 2 + model.leading.most[:k] * q**2)
    least = np.sqrt(np.maximum(total - error, 0.0) ** 2 + model.leading.least[:k] * q**2)
    exact = _moments(posterior, x)[1]
    assert (least * (1 - 1e-5) <= exact).all()
    assert (exact <= most * (1 + 1e-5)).all()
    assert (most < model.upper[:k] * q).mean() > 0.9
    assert np.median(error) < 0.1 * np.median(exact)


@pytest.mark.parametrize(("d", "k", "seen"), [(7, 50, 12), (16, 20, 60), (16, 40, 30), (5, 24, 8)])
def test_widths_lie_between_what_all_of_a_covariance_tells(d: int, k: int, seen: int) -> None:
    rng = np.random.default_rng(0)
    posterior, rows = _posterior(rng, d, k, seen), 12
    x = (rng.standard_normal((rows, d)) * np.geomspace(0.01, 100.0, d)).astype(np.float32)
    x[0, 1:] = 0.0
    x[1] *= 1e-9
    x[2] *= 1e6
    model = posterior.model[0]
    closely = model.leading
    assert closely.weights.size == 0
    assert closely.step.size > 0
    rounded = int16_bounds.empty_rounded(rows, d)
    room = leading.empty_tightening(closely, rows, d, close_widths.STEPS**-2)
    source, rotated = np.append(x, np.zeros(16, np.float32)), np.empty(rows * 16, np.float32)
    entered(int16_bounds.round_into)(
        source, 0, rows, d, model.coarse, rounded, np.zeros(1, np.bool_)
    )
    entered(int16_bounds.norms_between)(rounded, rows, d, model.coarse, rotated)
    entered(close_widths.sums_into)(
        rotated, rounded, rows, d, model.coarse.root_error, model.dense, room
    )
    total = room.total.reshape(rows, -1)[:, :k].astype(np.float64)
    share, off = closely.most[:k].astype(np.float64), room.off[:, None].astype(np.float64)
    error = closely.norm[:k] * off * (2.0 + off) + closely.lost[:k]
    far, near = (v[:, None].astype(np.float64) ** 2 for v in (rounded.most, rounded.least))
    most = np.sqrt((share + total + error) * far)
    least = np.sqrt(np.maximum(share * near + (total - error) * far, 0.0))
    exact = _moments(posterior, x)[1]
    assert (least * (1 - 1e-5) <= exact).all()
    assert (exact <= most * (1 + 1e-5)).all()
    assert np.median(most - least) < 0.1 * np.median(exact)


def _root(posterior: bandit.Posterior) -> Float64:
    """The pooled precision's Cholesky factor, as `Posterior.model` pools."""
    weights = 1.0 / (posterior.count + posterior.ridge)
    pooled = np.einsum("a,aij->ij", weights, posterior.precision)
    return np.asarray(np.linalg.cholesky(pooled))


@pytest.mark.parametrize(
    ("d", "k", "seen"), [(33, 70, 100), (17, 50, 40), (9, 50, 25), (16, 20, 60), (5, 24, 8)]
)
@pytest.mark.parametrize("alpha", [1.0, 0.05])
def test_choices_are_those_of_float64(d: int, k: int, seen: int, alpha: float) -> None:
    rng = np.random.default_rng(1)
    posterior, x = _posterior(rng, d, k, seen), _contexts(rng, d)
    assert posterior.model[0].leading.step.size > 0
    mean, width = _moments(posterior, x)
    policy = bandit.LinUCB(alpha)
    values = rng.uniform(-1.0, 2.0, (ROWS, k))
    eligible = rng.random((ROWS, k)) < 0.7
    eligible[:, 0] = True
    for given in (
        {}, {"values": values, "costs": rng.uniform(0.0, 0.1, k)},
        {"eligible": eligible, "values": np.full(k, -2.5)},
    ):  # fmt: skip
        choice = policy.choose(posterior, x, **given)
        worth = given.get("values", 1.0) * (mean + alpha * width) - given.get("costs", 0.0)
        worth = np.where(given.get("eligible", True), worth, -np.inf)
        best = worth.max(axis=1)
        chosen = worth[np.arange(ROWS), choice.action]
        assert (best - chosen <= 1e-12 * abs(best)).all()
        other = policy.choose(_without(posterior), x, **given)
        np.testing.assert_array_equal(choice.action, other.action)
        # A row's only contender is told from float32 where nothing looked closer.
        np.testing.assert_allclose(choice.score, other.score, rtol=1e-6)
        for size in (1, 5, 7):
            for i in range(0, ROWS, 5 * size):
                part = slice(i, i + size)
                own = {key: v[part] if v.ndim == 2 else v for key, v in given.items()}
                few = policy.choose(posterior, x[part], **own)
                for all_rows, alone in zip(choice[:3], few[:3], strict=True):
                    assert (all_rows[part] == alone).all()


def test_products_of_bytes_are_exact() -> None:
    """At the ends of what a byte holds too, where a sum of two neighbours is longest."""
    rng, d, count = np.random.default_rng(4), 12, 3
    whole, weights = rng.integers(-63, 64, (6, 16)), rng.integers(-40, 41, (16, count, d))
    weights[0, :, 2:] = 0
    weights[0, :, :2] = 127
    whole[0, :2], whole[1, :2] = 63, -63
    out = np.empty(6 * 16, np.float32)
    packed = leading_directions._packed(weights.astype(np.int8), 16)
    entered(_multiply)((whole + 64).astype(np.uint8).reshape(-1), packed, out)
    exact = (np.einsum("rj,aij->rai", whole[:, :d], weights) ** 2).sum(axis=2)
    assert np.allclose(out.reshape(6, 16), exact, rtol=1e-6)


@within
def _multiply(x: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    simd.squares_6x1(x, 0, 16, w, 0, 3, 3, out, 0, 16)


def test_actions_alike_tie_to_the_lowest_index() -> None:
    rng = np.random.default_rng(2)
    one = _posterior(rng, 16, 8, 60)
    many = one.add_actions(24, like=list(range(8)) * 3)
    x = _contexts(rng, 16)
    assert many.model[0].leading.step.size > 0
    choice, few = bandit.LinUCB().choose(many, x), bandit.LinUCB().choose(one, x)
    assert (choice.action == few.action).all()


@pytest.mark.parametrize("alpha", [1.0, 0.1])
def test_what_is_told_hangs_on_no_mask_price_or_batch(alpha: float) -> None:
    rng = np.random.default_rng(6)
    posterior, x = _posterior(rng, 16, 20, 60), _contexts(rng, 16)
    model, policy = posterior.model[0], bandit.LinUCB(alpha)
    assert (alpha >= model.open) == (alpha == 1.0)
    plain = policy.choose(posterior, x)
    masked = policy.choose(posterior, x, eligible=np.ones((ROWS, 20), np.bool_))
    priced = policy.choose(posterior, x, costs=np.full(20, 0.25))
    wide = policy.choose(posterior, x.astype(np.float64))
    for other in (masked, priced, wide):
        assert (other.action == plain.action).all()
    for other in (masked, priced):
        assert (other.score == plain.score).all()
    for size in (1, 2, 5):
        parts = [policy.choose(posterior, x[i : i + size]) for i in range(0, ROWS, size)]
        assert (np.concatenate([part.action for part in parts]) == plain.action).all()
        assert (np.concatenate([part.score for part in parts]) == plain.score).all()


def test_where_much_is_known_no_directions_are_found() -> None:
    rng = np.random.default_rng(3)
    assert _posterior(rng, 8, 12, 900).model[0].leading.step.size == 0
    assert bandit.Posterior.prior(12, 8).model[0].leading.step.size == 0


@pytest.mark.parametrize("unit", [1e-20, 1e-30, 1e-36, 1e-44])
def test_widths_that_underflow_when_squared_are_bounded(unit: float) -> None:
    rng = np.random.default_rng(4)
    d, k = 16, 40
    long = rng.standard_normal((k, d, 3))
    covariance = unit * (1e-4 * np.eye(d) + np.einsum("kij,klj->kil", long, long))
    model, bounded = packed.model_of(np.zeros((k, d)), covariance, packed.root_factors(covariance))
    assert model.leading.step.size > 0
    known = dataclasses.replace(bandit.Posterior.prior(k, d))
    vars(known)["model"] = (model, bounded)
    for size in (1e-7, 1e-3, 1.0, 1e7):
        x = (size * rng.standard_normal((ROWS, d))).astype(np.float32)
        choice = bandit.LinUCB().choose(known, x)
        other = bandit.LinUCB().choose(_without(known), x)
        assert (choice.action == other.action).all()
