from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import bandit
from bandit.checks.arrays import check_actions, check_vector, laid
from bandit.checks.keys import customer_keys
from bandit.core.errors import DataError
from bandit.policies.choice_request import checked

CONTEXTS = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
NAMES = ["a", "b", "Müller", "0042", "x", "y"]


def prior():
    return bandit.Posterior.prior(n_actions=4, n_features=2)


@pytest.mark.parametrize("keys", [NAMES, np.array(NAMES), pl.Series(NAMES)])
def test_text_keys_decide_like_their_hashes(keys):
    policy = bandit.Mixture([(0.5, bandit.LinTS()), (0.5, bandit.Uniform())], holdout=0.2)
    named = policy.choose(prior(), CONTEXTS, keys=keys, seed=3)
    hashed = policy.choose(prior(), CONTEXTS, keys=customer_keys(NAMES), seed=3)
    for one, other in zip(named, hashed, strict=True):
        assert np.array_equal(one, other)


def test_the_same_customer_is_the_same_in_any_order():
    there = bandit.LinTS().choose(prior(), CONTEXTS, keys=NAMES, seed=1)
    back = bandit.LinTS().choose(prior(), CONTEXTS[::-1], keys=NAMES[::-1], seed=1)
    assert np.array_equal(there.action, back.action[::-1])
    assert np.array_equal(there.propensity, back.propensity[::-1])


@pytest.mark.parametrize(
    ("contexts", "keys", "message"),
    [
        (CONTEXTS[0], None, r"they are one row: pass contexts\[None, :\]"),
        (np.float32(1.0), None, r"contexts must have shape \(n, 2\)"),
        (np.array([["a", "b"]]), None, "contexts must be numbers, they are <U1; bandit.Encoder"),
        (CONTEXTS, NAMES[:3], r"keys must be of shape \(6,\)"),
        (CONTEXTS, [1.5] * 6, "a key that became a floating-point number has lost digits"),
        (CONTEXTS, [*NAMES[:5], None], "keys must be whole numbers or text, row 5 has None"),
    ],
)
def test_what_cannot_be_decided_is_refused_with_a_remedy(contexts, keys, message):
    with pytest.raises(DataError, match=message):
        bandit.LinTS().choose(prior(), contexts, keys=keys)
    if contexts.ndim < 2:
        with pytest.raises(DataError, match="contexts must have shape"):
            bandit.Uniform().choose(None, contexts, eligible=np.ones((1, 4), bool))


def test_a_single_number_is_no_price_list():
    with pytest.raises(DataError, match="without a posterior the number of actions must show"):
        bandit.Uniform().choose(None, CONTEXTS, costs=0.5)
    with pytest.raises(DataError, match=r"costs must have shape \(4,\) or"):
        bandit.LinTS().choose(prior(), CONTEXTS, costs=0.5)


def test_epsilon_greedy_explores_a_tenth_by_default():
    assert bandit.EpsilonGreedy() == bandit.EpsilonGreedy(0.1)


def test_kernels_get_one_type_of_array_whoever_hands_it_out():
    # one that may not be written is a type of its own, for which all would be compiled again
    n, k = 6, 3
    given = {
        "contexts": np.ones((n, 2), np.float32),
        "eligible": np.ones((n, k), np.bool_),
        "values": np.ones((n, k)),
        "costs": np.ones(k),
        "keys": np.arange(n, dtype=np.uint64),
    }
    for array in given.values():
        array.flags.writeable = False
    request = checked(None, **given)
    for name in ("contexts", "eligible", "values", "costs", "keys"):
        array = getattr(request, name)
        assert array.flags.writeable, name
    bits = np.full((n, 1), 7, np.uint8)
    bits.flags.writeable = False
    packed = checked(None, **given | {"eligible": bits})
    assert packed.eligible.flags.writeable
    assert check_actions(given["keys"], n, n).flags.writeable
    assert check_vector("rewards", given["values"][:, 0], n).flags.writeable


def test_what_is_not_aligned_is_copied():
    x = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    odd = np.frombuffer(bytearray(b"0" + x.tobytes()), np.float32, offset=1).reshape(3, 4)
    assert not odd.flags.aligned
    found = laid(odd)
    assert found.flags.carray
    np.testing.assert_array_equal(found, x)
