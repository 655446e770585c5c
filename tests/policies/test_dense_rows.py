"""Where many actions may win, moments are products of matrices: nothing decided may change."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError
from reference import linear

POLICIES = [bandit.LinTS(1.0), bandit.LinUCB(1.0), bandit.LinTS(0.2)]


def _weak(seed, d, k, rows, *, new=0, old=0):
    """Weak signal: all actions alike in size, some not seen yet, some seen very often."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(d, d)) * 10.0 ** rng.uniform(-2, 2, d)
    x = (rng.normal(size=(rows * k, d)) @ basis).astype(np.float32)
    actions = np.arange(rows * k) % k
    actions[actions < new] = k - 1
    rewards = 0.1 * rng.normal(size=rows * k)
    posterior = bandit.Posterior.prior(k, d).update(x, actions, rewards)
    if old:
        often = np.where(np.arange(k) >= k - old, 1e5, 1.0)
        posterior = dataclasses.replace(
            posterior,
            gram=posterior.gram * often[:, None, None],
            shift=posterior.shift * often[:, None],
            count=posterior.count * often,
            square_sum=posterior.square_sum * often,
            reward_sum=posterior.reward_sum * often,
        )
    return posterior, (rng.normal(size=(40, d)) @ basis).astype(np.float32)


CASES = [
    (1, 16, 30, 40, 0, 0),
    (2, 33, 70, 60, 20, 0),
    (3, 8, 200, 20, 150, 2),
    (4, 40, 40, 80, 3, 3),
]


def _pairwise(posterior):
    """The same without the products: every pair is settled alone."""
    model, bounded = posterior.model
    other = dataclasses.replace(posterior)
    empty = model.dense._replace(panels=np.zeros(0, np.float32))
    vars(other)["model"] = (model._replace(dense=empty), bounded)
    return other


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_same_choices_and_propensities(policy, case):
    seed, d, k, rows, new, old = case
    posterior, x = _weak(seed, d, k, rows, new=new, old=old)
    assert posterior.model[0].dense.panels.size > 0
    rng = np.random.default_rng(seed)
    eligible = rng.random((40, k)) < 0.8
    for given in (
        {},
        {"eligible": eligible | (np.arange(k) == 1), "values": rng.lognormal(0.0, 0.2, (40, k)),
         "costs": 0.01 * rng.random(k)},
    ):  # fmt: skip
        fast = policy.choose(posterior, x, **given)
        slow = policy.choose(_pairwise(posterior), x, **given)
        np.testing.assert_array_equal(fast.action, slow.action)
        np.testing.assert_allclose(fast.propensity, slow.propensity, atol=1e-6)
        np.testing.assert_allclose(fast.score, slow.score, rtol=2e-5, atol=1e-6)


def test_a_row_alone_is_the_row_in_a_batch():
    posterior, x = _weak(5, 24, 60, 50, new=5)
    whole = bandit.LinTS().choose(posterior, x, keys=np.arange(40))
    for i in range(0, 40, 7):
        one = bandit.LinTS().choose(posterior, x[i : i + 1], keys=np.arange(i, i + 1))
        for all_rows, alone in zip(whole, one, strict=True):
            np.testing.assert_array_equal(all_rows[i : i + 1], alone)


def test_duplicates_tie_to_the_lowest_index(rng):
    x = rng.normal(size=(60, 9)).astype(np.float32)
    one = bandit.Posterior.prior(1, 9).update(x, np.zeros(60, int), rng.normal(size=60))
    many = one.add_actions(39, like=[0])
    assert many.model[0].dense.share.size == 16
    assert (bandit.LinUCB().choose(many, x).action == 0).all()


def test_optimistic_choices_are_those_of_the_twin():
    posterior, x = _weak(6, 20, 100, 15)
    mean, width, _ = linear.moments(posterior.gram, posterior.shift, posterior.ridge, x)
    choice = bandit.LinUCB(1.0).choose(posterior, x)
    np.testing.assert_array_equal(choice.action, (mean + width).argmax(axis=1))


def test_actions_of_one_price_that_nobody_has_seen_count_as_one():
    """Whether values are everybody's or each customer's, and whoever is asked for beside them."""
    posterior, x = _weak(5, 12, 120, 30, new=90)
    kinds = posterior.model[0].dense.kinds
    assert len(np.unique(kinds)) == 31
    rng = np.random.default_rng(6)
    values, costs = rng.integers(1, 6, 120).astype(float), rng.choice([0.0, 0.002], 120)
    each = np.tile(values, (len(x), 1))
    keys = np.arange(len(x), dtype=np.uint64)
    one = bandit.LinTS(1.0).choose(posterior, x, values=values, costs=costs, keys=keys)
    other = bandit.LinTS(1.0).choose(posterior, x, values=each, costs=costs, keys=keys)
    assert one.propensity.tobytes() == other.propensity.tobytes()
    # A quarter of a millionth more for one customer: nobody else is like another for it.
    each[1::2] *= 1.0 + 2.5e-7 * rng.random((len(x) // 2, 120))
    apart = bandit.LinTS(1.0).choose(posterior, x, values=each, costs=costs, keys=keys)
    assert apart.propensity[::2].tobytes() == one.propensity[::2].tobytes()
    assert (apart.propensity[1::2] != one.propensity[1::2]).any()
    np.testing.assert_allclose(apart.propensity, one.propensity, atol=1e-6)
    for i in range(0, len(x), 7):
        row = slice(i, i + 1)
        for whole, told in ((values, one), (each, apart)):
            mine = whole if whole.ndim == 1 else whole[row]
            alone = bandit.LinTS(1.0).choose(
                posterior, x[row], values=mine, costs=costs, keys=keys[row]
            )
            assert alone.propensity[0] == told.propensity[i]


@pytest.mark.parametrize("out", [(), (0,), (29,), (0, 29)], ids=str)
@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_rows_of_all_actions_are_those_of_some(policy, out):
    """Where the first so many are all there they are worked on side by side, elsewhere singly."""
    posterior, x = _weak(8, 16, 30, 40)
    rng = np.random.default_rng(8)
    given = {
        "eligible": np.broadcast_to(~np.isin(np.arange(30), out), (40, 30)).copy(),
        "values": rng.normal(size=(40, 30)), "costs": rng.normal(size=(40, 30)) / 100,
    }  # fmt: skip
    fast = policy.choose(posterior, x, **given)
    slow = policy.choose(_pairwise(posterior), x, **given)
    assert not np.isin(fast.action, out).any()
    np.testing.assert_array_equal(fast.action, slow.action)
    np.testing.assert_allclose(fast.propensity, slow.propensity, atol=2e-7)
    np.testing.assert_allclose(fast.score, slow.score, rtol=2e-6, atol=1e-7)


def _unopened(posterior):
    """The same where bounds are made of every row."""
    model, bounded = posterior.model
    other = dataclasses.replace(posterior)
    vars(other)["model"] = (model._replace(open=np.inf), bounded)
    return other


def _half(alpha):
    """Whose largest part asks for the chance of what another took."""
    return bandit.Mixture([(0.5, bandit.LinTS(alpha)), (0.5, bandit.Greedy())])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("margin", [1.0, 1e6])
def test_where_bounds_leave_nobody_out_none_are_made(kind, margin):
    """From the least alpha on, and in contexts that tell the two farthest means apart."""
    posterior, x = _weak(9, 16, 30, 40)
    alpha = posterior.model[0].open * margin
    mean = posterior.model[0].theta[:, :16]
    far = np.concatenate([mean[:1] - mean[1:], mean[1:] - mean[:1]]) @ posterior.gram.sum(0)
    x = np.concatenate([x, 1e-3 * x, far]).astype(kind)
    keys = np.arange(len(x), dtype=np.uint64)
    for policy in (bandit.LinTS(alpha), _half(alpha)):
        one, other = (policy.choose(p, x, keys=keys) for p in (posterior, _unopened(posterior)))
        for mine, theirs in zip(one, other, strict=True):
            assert mine.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e155])
def test_contexts_are_vetted_where_no_bounds_are_made(bad):
    posterior, x = _weak(9, 16, 30, 40)
    assert posterior.model[0].open < 1.0
    x = x.astype(np.float64)
    x[17, 3] = bad
    with pytest.raises(DataError, match="17"):
        bandit.LinTS(1.0).choose(posterior, x)


def test_strong_signals_are_bounded():
    posterior, _ = _weak(9, 16, 30, 40)
    strong = dataclasses.replace(posterior, shift=1e3 * posterior.shift)
    assert posterior.model[0].open < 1.0 < strong.model[0].open


@pytest.mark.parametrize("k", [12, 13, 16, 19, 23, 31])
def test_the_last_actions_of_a_row_are_like_the_others(k):
    """Alone, in a batch, with a mask that leaves nobody out and with prices of one and nothing."""
    posterior, x = _weak(10, 12, k, 30)
    keys = np.arange(len(x), dtype=np.uint64)
    policy = bandit.LinTS(1.0)
    plain = policy.choose(posterior, x, keys=keys)
    masked = policy.choose(posterior, x, keys=keys, eligible=np.ones((len(x), k), bool))
    priced = policy.choose(posterior, x, keys=keys, values=np.ones(k), costs=np.zeros(k))
    for i in range(len(x)):
        row = slice(i, i + 1)
        alone = policy.choose(posterior, x[row], keys=keys[row])
        assert all(a.tobytes() == b[row].tobytes() for a, b in zip(alone, plain, strict=True))
    for other in (masked, priced):
        for mine, theirs in zip(other, plain, strict=True):
            assert mine.tobytes() == theirs.tobytes()
    slow = policy.choose(_pairwise(posterior), x, keys=keys)
    np.testing.assert_array_equal(plain.action, slow.action)
    np.testing.assert_allclose(plain.propensity, slow.propensity, atol=2e-7)
