"""The same customer gets the same decision, bit for bit, in any batch, order and thread count."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import bandit
from bandit.models.curved import Curve, Curved
from bandit.policies import linear

MIXTURE = bandit.Mixture(
    [(0.6, bandit.LinTS(0.8)), (0.4, bandit.LinUCB(0.5))], holdout=0.05, exploration=0.1
)
POLICIES = [bandit.LinUCB(0.7), bandit.LinTS(0.7), bandit.EpsilonGreedy(0.2), MIXTURE]


@pytest.fixture
def problem(rng):
    n, k, d = 9000, 37, 13
    x = rng.normal(size=(n, d)).astype(np.float32)
    posterior = bandit.Posterior.prior(k, d)
    posterior = posterior.update(x, rng.integers(0, k, n), rng.normal(size=n))
    eligible = rng.random((n, k)) < 0.5
    eligible[:, 0] = True
    return posterior, x, eligible, rng.lognormal(size=(n, k)), rng.permutation(n).astype(np.uint64)


def _choose(policy, problem, rows):
    posterior, x, eligible, values, keys = problem
    return policy.choose(
        posterior, x[rows], eligible=eligible[rows], values=values[rows], keys=keys[rows], seed=4
    )


def _curved(problem, rng):
    posterior = problem[0]
    theta, mean = rng.normal(size=(2, *posterior.mean.shape))
    curve = Curve(theta, mean, rng.random(posterior.n_actions))
    return Curved(posterior, {"sale": curve}), *problem[1:]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("curved", [False, True], ids=["lines", "curves"])
def test_batches_order_and_threads_do_not_show(policy, curved, problem, rng):
    problem = _curved(problem, rng) if curved else problem
    n = len(problem[1])
    whole = _choose(policy, problem, np.arange(n))
    cuts = np.split(np.arange(n), [1, 5, 1000, 1007, 5000])
    parts = [_choose(policy, problem, cut) for cut in cuts]
    order = np.random.default_rng(1).permutation(n)
    shuffled = _choose(policy, problem, order)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    single = _choose(policy, problem, np.arange(n))
    numba.set_num_threads(threads)
    for field in whole._fields:
        expected = getattr(whole, field)
        np.testing.assert_array_equal(np.concatenate([getattr(p, field) for p in parts]), expected)
        np.testing.assert_array_equal(getattr(shuffled, field), expected[order])
        np.testing.assert_array_equal(getattr(single, field), expected)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("one_price", [True, False])
def test_blocks_of_charges_do_not_show(policy, one_price, problem, rng, monkeypatch):
    moved, x, eligible, values, keys = _curved(problem, rng)
    some = values[0] if one_price else values

    def chosen():
        return policy.choose(moved, x, eligible=eligible, values=some, keys=keys, seed=4)

    whole = chosen()
    monkeypatch.setattr(linear, "CHARGES", 1)
    blocks = chosen()
    for field, expected in zip(whole._fields, whole, strict=True):
        np.testing.assert_array_equal(getattr(blocks, field), expected)


@pytest.mark.parametrize(
    "components",
    [[bandit.LinTS(0.8), bandit.LinUCB(0.5)], [bandit.Rules([3, 1]), bandit.Uniform()]],
)
def test_actions_alone_are_those_of_the_choice(components, problem):
    posterior, x, eligible, values, keys = problem
    policy = bandit.Mixture(
        [(0.6, components[0]), (0.4, components[1])], holdout=0.05, exploration=0.1, share_seed=9
    )
    given = {"eligible": eligible, "values": values, "keys": keys, "seed": 4, "wave": 3}
    for draw in (0, 1):
        chosen = policy.choose(posterior, x, draw=draw, **given)
        alone = policy.drawn(posterior, x, draw=draw, **given)
        np.testing.assert_array_equal(alone, chosen.action)


@pytest.mark.parametrize("policy", [bandit.LinTS(0.7), MIXTURE], ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("curved", [False, True], ids=["lines", "curves"])
def test_customers_in_turns_of_a_few_are_those_of_the_batch(policy, curved, problem, rng):
    problem = _curved(problem, rng) if curved else problem
    # A few rows take scratch of their own size, which is kept from one turn to the next.
    rows = np.arange(60)
    whole = _choose(policy, problem, rows)
    for size in (1, 4, 6, 7, 24, 25):
        for first in range(0, len(rows), size):
            turn = rows[first : first + size]
            alone = _choose(policy, problem, turn)
            for field in whole._fields:
                np.testing.assert_array_equal(getattr(alone, field), getattr(whole, field)[turn])


HOSTILE_MASKS = {"all": 1.0, "half": 0.5, "few": 0.05, "none but the first": 0.0}


@pytest.mark.parametrize("share", HOSTILE_MASKS.values(), ids=HOSTILE_MASKS)
@pytest.mark.parametrize("prices", ["none", "shared", "own", "ties"])
def test_live_rows_are_those_of_the_wave_in_both_slots(rng, share, prices):
    """Holdout, floor, rules and learner; masks of any thickness, values, and a second slot."""
    n, k, d = 60, 100, 32
    x = rng.normal(size=(n, d)).astype(np.float32)
    posterior = bandit.Posterior.prior(k, d)
    posterior = posterior.update(x, rng.integers(0, k, n), rng.normal(size=n))
    policy = bandit.Mixture(
        [(0.2, bandit.Rules(range(1, k))), (0.5, bandit.LinTS(0.8)), (0.3, bandit.LinUCB(0.5))],
        holdout=0.1, exploration=0.2, group_seed=3, share_seed=5,
    )  # fmt: skip
    eligible = rng.random((n, k)) < share
    eligible[:, 0] = True
    keys, costs = rng.integers(0, 2**63, n).astype(np.uint64), rng.random(k) * 0.1
    values = {
        "none": None, "shared": rng.lognormal(size=k), "own": rng.normal(size=(n, k)),
        "ties": np.zeros((n, k)),
    }[prices]  # fmt: skip

    def asked(rows, allowed, prior, draw):
        return policy.choose(
            posterior, x[rows], eligible=allowed[rows], keys=keys[rows], seed=4, wave=8, draw=draw,
            values=values if values is None or values.ndim == 1 else values[rows],
            costs=costs, prior=None if prior is None else prior[rows],
        )  # fmt: skip

    every = np.arange(n)
    first = asked(every, eligible, None, 0)
    left = eligible.copy()
    left[every, first.action] = False
    left[:, 0] = True
    second = asked(every, left, first.joint, 1)
    for row in range(n):
        one = slice(row, row + 1)
        for whole, allowed, prior, draw in (
            (first, eligible, None, 0), (second, left, first.joint, 1),
        ):  # fmt: skip
            alone = asked(one, allowed, prior, draw)
            for field in whole._fields:
                np.testing.assert_array_equal(getattr(alone, field)[0], getattr(whole, field)[row])


def test_an_order_of_priority_serves_any_number_of_actions():
    rules = bandit.Rules([2, 1])
    for k in (3, 5, 3):
        eligible = np.ones((1, k), np.bool_)
        eligible[0, 1:3] = False
        choice = rules.choose(None, np.zeros((1, 1), np.float32), eligible=eligible)
        assert choice.action.tolist() == [0]


def test_probabilities_do_not_depend_on_the_batch(problem):
    posterior, x, eligible, values, _ = problem
    given = {"eligible": eligible, "values": values}
    whole = MIXTURE.probabilities(posterior, x, **given)
    some = MIXTURE.probabilities(
        posterior, x[77:99], eligible=eligible[77:99], values=values[77:99]
    )
    np.testing.assert_array_equal(some, whole[77:99])


def test_relabelled_actions_relabel_the_probabilities(problem, rng):
    posterior, x, eligible, values, _ = problem
    order = rng.permutation(posterior.n_actions)
    fields = ("gram", "shift", "count", "reward_sum", "square_sum")
    other = bandit.Posterior(*(getattr(posterior, f)[order] for f in fields), posterior.ridge)
    policy = bandit.LinTS(0.7)
    plain = policy.probabilities(posterior, x[:50], eligible=eligible[:50], values=values[:50])
    turned = policy.probabilities(
        other, x[:50], eligible=eligible[:50][:, order], values=values[:50][:, order]
    )
    np.testing.assert_allclose(turned, plain[:, order], atol=1e-9)


def test_double_precision_contexts_are_taken_as_they_are(problem):
    posterior, x, *_ = problem
    narrow = bandit.LinUCB(0.7).choose(posterior, x[:500])
    wide = bandit.LinUCB(0.7).choose(posterior, x[:500].astype(np.float64))
    np.testing.assert_array_equal(narrow.action, wide.action)
    np.testing.assert_allclose(narrow.score, wide.score, rtol=1e-5)
