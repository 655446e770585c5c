"""Posteriors: sums that merge in any order, refusals by name and row, files that survive."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError
from reference import linear

FIELDS = ("gram", "shift", "count", "reward_sum", "square_sum")


@pytest.fixture
def rows(rng):
    n, d, k = 1500, 6, 5
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x, rng.integers(0, k, n), rng.normal(size=n), rng.random(n)


def _same(one, other, rtol):
    for field in FIELDS:
        a, b = getattr(one, field), getattr(other, field)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


def test_update_equals_the_twin(rows):
    posterior = bandit.Posterior.prior(5, 6, ridge=2.0).update(*rows)
    gram, shift, sums = linear.ridge_sums(*rows, 5)
    np.testing.assert_allclose(posterior.gram, gram, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(posterior.shift, shift, rtol=1e-11, atol=1e-11)
    twin = (posterior.count, posterior.reward_sum, posterior.square_sum)
    np.testing.assert_allclose(np.stack(twin, axis=1), sums, rtol=1e-11, atol=1e-11)
    for a in range(5):
        solution = np.linalg.solve(gram[a] + 2.0 * np.eye(6), shift[a])
        np.testing.assert_allclose(posterior.mean[a], solution, rtol=1e-10)


@pytest.mark.parametrize("parts", [7, 100])
def test_parts_equal_the_whole(rows, rng, parts):
    prior = bandit.Posterior.prior(5, 6)
    whole = prior.update(*rows)
    cuts = np.array_split(np.arange(len(rows[0])), parts)
    running = prior
    for cut in cuts:
        running = running.update(*(column[cut] for column in rows))
    _same(running, whole, 1e-10)
    pieces = [prior.update(*(column[cut] for column in rows)) for cut in cuts]
    merged = prior
    for i in rng.permutation(parts):
        merged = merged.merge(pieces[i])
    _same(merged, whole, 1e-10)


def test_decay_multiplies_and_forgets(rows):
    posterior = bandit.Posterior.prior(5, 6).update(*rows)
    half = posterior.decay(0.5)
    np.testing.assert_array_equal(half.shift, 0.5 * posterior.shift)
    _same(posterior.decay(0.0), bandit.Posterior.prior(5, 6), 1e-15)
    np.testing.assert_array_equal(posterior.decay(0.0).mean, 0.0)


def test_new_actions_start_from_the_prior_or_from_the_pool(rows):
    posterior = bandit.Posterior.prior(5, 6).update(*rows)
    fresh = posterior.add_actions(2)
    assert fresh.n_actions == 7
    np.testing.assert_array_equal(fresh.gram[5:], 0.0)
    pooled = posterior.add_actions(1, like=[1, 3])
    np.testing.assert_array_equal(pooled.shift[5], posterior.shift[1] + posterior.shift[3])


def test_noise_variance_is_the_residual(rng):
    x = rng.normal(size=(20_000, 3)).astype(np.float32)
    r = x @ np.array([1.0, -2.0, 0.5]) + 0.3 * rng.normal(size=len(x))
    posterior = bandit.Posterior.prior(2, 3).update(x, np.zeros(len(x), int), r)
    # The mean of n squared normals has standard error σ²√(2/n).
    assert abs(posterior.noise_variance[0] - 0.09) < 4.5 * 0.09 * np.sqrt(2 / len(x))
    assert posterior.noise_variance[1] == 1.0


@pytest.mark.parametrize("alias", [False, True], ids=["intercept", "one-hot"])
@pytest.mark.parametrize("level", [40.0, 1000.0])
def test_a_free_intercept_takes_up_what_all_rewards_share(rng, level, alias):
    n, k, ridge, sd = 6_000, 4, 100.0, 30.0
    x = rng.normal(size=(n, 6)).astype(np.float32)
    unit = np.zeros(6)
    if alias:
        x[:, :3] = np.eye(3)[rng.integers(0, 3, n)]
        unit[:3] = 1.0
    else:
        x[:, 0], unit[0] = 1.0, 1.0
    a = rng.integers(0, k - 1, n)
    r = 10.0 * (a > 0) + sd * rng.normal(size=n)
    prior = bandit.Posterior.prior(k, 6, ridge, unit)
    one, other = prior.update(x, a, r), prior.update(x, a, r + level)
    np.testing.assert_allclose(other.mean, one.mean + level * unit, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(other.covariance, one.covariance)
    # The standard error of a standard deviation is σ/√(2n): 1 %.
    assert abs(one.noise_scale - sd) < 0.04 * sd
    assert abs(other.noise_scale - one.noise_scale) < 1e-6 * sd
    # An action that nobody has seen starts from the mean of all.
    np.testing.assert_allclose(other.mean[k - 1] @ x[0], (r + level).mean(), rtol=1e-6)


def test_a_free_intercept_equals_its_prior(rng):
    """Twin by the formula: A = (I/ridge + u uᵀ/10)⁻¹ + G."""
    x = rng.normal(size=(50, 3)).astype(np.float32)
    x[:, 0] = 1.0
    r, unit = rng.normal(size=50) + 5.0, np.array([1.0, 0.0, 0.0])
    posterior = bandit.Posterior.prior(1, 3, 4.0, unit).update(x, np.zeros(50, int), r)
    wide = x.astype(np.float64)
    precision = np.linalg.inv(np.eye(3) / 4.0 + np.outer(unit, unit) / 10.0) + wide.T @ wide
    solved = np.linalg.solve(precision, wide.T @ (r - r.mean())) + r.mean() * unit
    np.testing.assert_allclose(posterior.precision[0], precision, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(posterior.mean[0], solved, rtol=1e-12)
    np.testing.assert_allclose(posterior.covariance[0], np.linalg.inv(precision), rtol=1e-11)
    hat = wide @ np.linalg.solve(precision, wide.T)
    rest = r - wide @ solved
    freedom = np.trace((np.eye(50) - hat) @ (np.eye(50) - hat))
    np.testing.assert_allclose(posterior.noise_variance[0], rest @ rest / freedom, rtol=1e-10)


def _broken(name, value):
    x, a, r = np.zeros((4, 6), np.float32), np.zeros(4, int), np.zeros(4)
    w = np.ones(4)
    columns = {"contexts": x, "actions": a, "rewards": r, "weights": w}
    columns[name][(2, 5) if name == "contexts" else 2] = value
    return tuple(columns.values())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("contexts", np.nan, "row 2 has nan in feature 5"),
        ("contexts", np.inf, "row 2 has inf in feature 5"),
        ("actions", 5, r"actions must lie in \[0, 5\), row 2 has 5"),
        ("actions", -1, "row 2 has -1"),
        ("rewards", np.nan, "rewards must be finite, row 2 has nan"),
        ("weights", -0.5, "weights must be finite and at least 0, row 2 has -0.5"),
    ],
)
def test_bad_rows_are_named(name, value, message):
    with pytest.raises(DataError, match=message):
        bandit.Posterior.prior(5, 6).update(*_broken(name, value))


def test_wrong_shapes_are_named():
    posterior = bandit.Posterior.prior(5, 6)
    with pytest.raises(DataError, match=r"contexts must have shape \(n, 6\)"):
        posterior.update(np.zeros((4, 5)), np.zeros(4, int), np.zeros(4))
    with pytest.raises(DataError, match=r"actions must be whole numbers, row 0 has 0\.0"):
        posterior.update(np.zeros((4, 6)), np.zeros(4), np.zeros(4))
    with pytest.raises(DataError, match="posteriors merge only"):
        posterior.merge(bandit.Posterior.prior(5, 6, ridge=2.0))
    with pytest.raises(DataError, match="gram must have shape"):
        bandit.Posterior(np.zeros((2, 2, 2)), np.zeros((2, 3)), *np.zeros((3, 2)), 1.0)
    with pytest.raises(DataError, match="constant must be 6 finite numbers"):
        bandit.Posterior.prior(5, 6, constant=np.ones(5))


def test_file_gives_back_the_same_bytes(rows, tmp_path):
    posterior = bandit.Posterior.prior(5, 6).update(*rows)
    path = tmp_path / "posterior.safetensors"
    bandit.save_posterior(path, posterior)
    loaded = bandit.load_posterior(path)
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(loaded, field), getattr(posterior, field))
    assert loaded.constant is None
    free = dataclasses.replace(posterior, constant=np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))
    bandit.save_posterior(path, free)
    np.testing.assert_array_equal(bandit.load_posterior(path).constant, free.constant)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "foreign"])
def test_damaged_files_are_refused(rows, tmp_path, damage):
    path = tmp_path / "posterior.safetensors"
    bandit.save_posterior(path, bandit.Posterior.prior(5, 6).update(*rows))
    content = path.read_bytes()
    broken = {
        "cut": content[:-9],
        "noise": content[:-900] + np.float64(np.nan).tobytes() + content[-892:],
        "empty": b"",
        "foreign": b"PK\x03\x04" + content,
    }
    path.write_bytes(broken[damage])
    with pytest.raises(DataError, match="posterior"):
        bandit.load_posterior(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        bandit.load_posterior(tmp_path / "nothing.safetensors")
