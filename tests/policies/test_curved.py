"""Decisions through curves: bounds in float32, whoever may win in float64, against plain costs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

import bandit
from bandit.kernels import simd
from bandit.kernels._compile import entered, within
from bandit.kernels.linear import curved_means
from bandit.models.curved import Curve, Curved
from bandit.models.moved import Moved


def _curves_into(scores, out):
    for at in range(0, scores.size, 16):
        simd.store(out, at, curved_means.curve_16(simd.load(scores, at)))


_curves = entered(within(_curves_into))


def _instance(seed):
    """A posterior with curves of random size and temper, contexts, and prices of each or of all."""
    rng = np.random.default_rng(seed)
    k, d, n = int(rng.integers(1, 60)), int(rng.integers(1, 40)), int(rng.integers(1, 60))
    scale = 10.0 ** rng.choice([0, 0, -6, 4]) * np.ones(d)
    if seed % 5 == 0:
        scale = 10.0 ** rng.uniform(-5, 5, d)
    rows = int(rng.choice([0, 20 * k, 4_000]))
    x = (rng.normal(size=(rows, d)) * scale).astype(np.float32)
    size = 10.0 ** rng.integers(-2, 3)
    posterior = bandit.Posterior.prior(k, d, ridge=1.0)
    if rows:
        posterior = posterior.update(x, rng.integers(0, k, rows), size * rng.normal(size=rows))
    parts = int(rng.integers(1, 6))
    curves = {}
    for part in range(parts):
        steep = 10.0 ** rng.uniform(-3, 1.5)
        theta = steep * rng.normal(size=(k, d)) / scale
        if seed % 3 == 0:
            # The same for all but a hair: near ties among everybody.
            theta = theta[:1] + 1e-9 * theta
        weight = size * 10.0 ** rng.uniform(-3, 1) * (rng.random(k) - 0.3)
        if seed % 3 == 0:
            weight[:] = weight[0]
        lines = posterior.mean if part == 0 else rng.normal(size=(k, d)) * size / scale
        curves[f"{part}"] = Curve(theta, np.zeros((k, d)) if seed % 2 else lines, weight)
    if seed % 4 == 0:
        # All of the mean goes through the link.
        curves = {"0": Curve(curves["0"].theta, posterior.mean, np.ones(k))}
    contexts = rng.normal(size=(n, d)) * scale
    contexts = contexts if seed % 7 == 0 else contexts.astype(np.float32)
    eligible = rng.random((n, k)) < rng.choice([0.1, 0.6, 1.0])
    eligible[np.arange(n), rng.integers(0, k, n)] = True
    values = [None, rng.normal(size=k), rng.lognormal(size=(n, k))][seed % 3]
    costs = [None, rng.normal(size=(n, k)), np.full(k, 0.25)][seed // 3 % 3]
    asked = {"eligible": eligible, "values": values, "costs": costs}
    return Curved(posterior, curves), contexts, asked, float(rng.choice([0.0, 0.01, 1.0]))


def _plain(posterior, contexts, asked):
    """The same without curves: what lifts are worth is a cost of each customer and action."""
    n, k = len(contexts), posterior.n_actions
    values = np.ones((1, k)) if asked["values"] is None else np.atleast_2d(asked["values"])
    costs = np.zeros((1, k)) if asked["costs"] is None else np.atleast_2d(asked["costs"])
    charges = Moved.charged(posterior, np.ascontiguousarray(contexts), values, costs).costs
    return posterior.inner, {**asked, "values": values + np.zeros((n, k)), "costs": charges}


@pytest.mark.parametrize("block", range(3))
@pytest.mark.parametrize("policy", ["lin_ts", "lin_ucb", "mixture"])
def test_decisions_are_those_at_charges_of_all(block, policy):
    for seed in range(25 * block, 25 * block + 25):
        posterior, contexts, asked, alpha = _instance(seed)
        made = {"lin_ts": bandit.LinTS(alpha), "lin_ucb": bandit.LinUCB(alpha)}
        made["mixture"] = bandit.Mixture([(1.0, made["lin_ts"])], holdout=0.1, exploration=0.2)
        keys = np.arange(len(contexts), dtype=np.uint64) + seed
        inner, plain = _plain(posterior, contexts, asked)
        found = made[policy].choose(posterior, contexts, keys=keys, seed=seed, **asked)
        twin = made[policy].choose(inner, contexts, keys=keys, seed=seed, **plain)
        same = found.action == twin.action
        # Of curves that are alike but for a hair, the ends are the same to the last digits.
        assert (~same).sum() <= (2 if seed % 3 == 0 else 0), seed
        assert found.propensity[same] == pytest.approx(twin.propensity[same], abs=1e-6)


def test_a_row_alone_has_the_bytes_of_a_batch():
    for seed in range(0, 75, 7):
        posterior, contexts, asked, alpha = _instance(seed)
        policy = bandit.Mixture([(1.0, bandit.LinTS(alpha))], exploration=0.2)
        keys = np.arange(len(contexts), dtype=np.uint64)
        whole = policy.choose(posterior, contexts, keys=keys, seed=1, **asked)
        for row in range(min(len(contexts), 9)):
            one = slice(row, row + 1)
            own = {
                name: table[one] if table is not None and table.ndim == 2 else table
                for name, table in asked.items()
            }
            alone = policy.choose(posterior, contexts[one], keys=keys[one], seed=1, **own)
            for field in whole._fields:
                assert np.array_equal(getattr(alone, field)[0], getattr(whole, field)[row]), seed


def test_means_in_float32_keep_their_bounds():
    used = []
    for seed in range(75):
        posterior, contexts, *_ = _instance(seed)
        contexts = np.ascontiguousarray(contexts)
        n, k, d = len(contexts), posterior.n_actions, contexts.shape[1]
        values, costs = np.ones((1, k)), np.zeros((1, k))
        told = posterior.charged(contexts, values, costs).means.reshape(n, -1)
        x, coarse = contexts.astype(np.longdouble), posterior.model[0].coarse
        exact = x @ posterior.inner.mean.T.astype(np.longdouble)
        for curve in posterior.curves.values():
            score = x @ curve.theta.T
            exact += curve.weight * (1 / (1 + np.exp(-score)) - x @ curve.mean.T)
        length = np.sqrt(((x * coarse.inverse[:d]) ** 2).sum(axis=1))[:, None]
        bound = coarse.error[:k] * length + coarse.ground
        off = np.abs(told[:, :k] - exact)
        assert (off <= bound).all(), (seed, (off / bound).max())
        used.append(float((off / bound).max()))
        alone = [posterior.charged(contexts[i : i + 1], values, costs).means for i in range(n)]
        assert np.array_equal(np.stack(alone), told)
    assert max(used) > 0.01


def test_a_curve_in_float32_is_off_by_no_more_than_it_says():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 1 << 20, dtype=np.uint64).astype(np.uint32)
    near = np.nextafter(np.float32([16, -16, 15.99]), np.float32(0))
    scores = np.concatenate([
        bits.view(np.float32), np.linspace(-17, 17, 1 << 20, dtype=np.float32), near,
        np.float32([0, -0.0, np.inf, -np.inf, 1e30, -1e30, 16, -16, 1e-38, 1e-45]),
    ])  # fmt: skip
    scores = np.resize(scores, -(-len(scores) // 16) * 16)
    found = np.empty_like(scores)
    _curves(scores, found)
    sure = ~np.isnan(scores)
    off = np.abs(found[sure].astype(float) - expit(scores[sure].astype(float)))
    assert off.max() <= curved_means.BEND
    ends = found[~sure]
    assert ((ends >= -1e-6) & (ends <= 1 + 1e-6)).all()


def test_numbers_beyond_float32s_range_decide_nothing():
    rng = np.random.default_rng(2)
    # In whole units of the smallest the first is 2 + 2, the other 3 + 2.
    for size in (2.0**-149, 1e36, 1e40):
        seen = (rng.normal(size=(100, 2)) / min(size, 1e37) * 1e-15).astype(np.float32)
        posterior = bandit.Posterior.prior(2, 2, ridge=1.0)
        posterior = posterior.update(seen, np.arange(100) % 2, np.zeros(100))
        line = size * np.array([[2.49, 2.49], [2.51, 1.51]])
        curve = Curve(np.zeros((2, 2)), -line / 1e-20, np.full(2, 1e-20))
        x = np.full((3, 2), 1e-15 / min(size, 1e37), np.float32)
        chosen = bandit.Greedy().choose(Curved(posterior, {"sale": curve}), x)
        assert (chosen.action == 0).all(), size


def test_bounds_hold_where_modes_are_beyond_float32s_range():
    rng = np.random.default_rng(3)
    for power in (-46, -44, -40, -36, 36, 39, 44):
        theta = 10.0**power * rng.normal(size=(40, 3))
        scale = np.full(3, 10.0 ** min(37, -power))
        x = (rng.normal(size=(30, 3)) * scale).astype(np.float32)
        weight, rest = 10.0 ** rng.uniform(-30, 0, (1, 40)), 1e-3 * theta
        panels, weights, error, ground = curved_means.packed(theta[None], weight, rest, scale)
        rooms = curved_means.empty_rooms(30, 3, 30)
        told = np.empty((30, 48), np.float32)
        curved_means.means_into(0, 30, x, np.zeros((0, 3)), panels, weights, 30, rooms, told)
        broad = x.astype(float)
        exact = weight * expit(broad @ theta.T) + broad @ rest.T
        length = np.linalg.norm(broad / scale, axis=1)[:, None]
        off = told[:, :40] - exact
        # What the bounds of everybody take for underflow.
        bound = error[:40] * length + ground + 1e-30
        assert not (np.abs(off) > bound).any(), power
