"""Groups, coin and joint propensity of a mixture are those of its definition."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.core.types import EXPLORATION, HOLDOUT
from bandit.kernels import keyed_random, mixing
from bandit.policies.choice_request import stream_of
from reference import mixture as twin

SEED, AGAIN, WAVE, SLOT = 2**63 + 5, 77, 12, 3
NOBODY = np.zeros(0, np.int64)


@pytest.fixture(params=["dense", "bits", "all"])
def rows(request):
    """Keys, eligible bool[n, k], the same as kernels take it, its packing."""
    rng, n, k = np.random.default_rng(5), 400, 21
    keys = rng.integers(0, 2**64, n, dtype=np.uint64)
    eligible = rng.random((n, k)) < rng.random((n, 1))
    eligible[np.arange(n), rng.integers(0, k, n)] = True
    if request.param == "all":
        eligible[:] = True
        return keys, eligible, np.zeros((1, 1), np.uint8), 0
    if request.param == "dense":
        return keys, eligible, eligible.view(np.uint8), 1
    return keys, eligible, np.packbits(eligible, axis=1, bitorder="little"), 2


@pytest.mark.parametrize("holdout", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shares", [[1.0], [0.2, 0.8], [0.0, 0.5, 0.0, 0.5]], ids=str)
def test_groups(rows, holdout, shares):
    keys = rows[0]
    group = np.empty(len(keys), np.int16)
    lasting = stream_of(SEED, 0, 0, keyed_random.HOLDOUT)
    drawn = stream_of(AGAIN, 0, 0, keyed_random.SHARE)
    edges = np.cumsum(shares)[:-1]
    mixing.groups_into(0, len(keys), lasting, drawn, keys, holdout, edges, group)
    expected = [twin.group(int(key), SEED, AGAIN, holdout, shares) for key in keys]
    assert group.tolist() == expected


@pytest.mark.parametrize("exploration", [0.0, 0.4, 1.0])
def test_who_explores_and_what(rows, exploration):
    keys, eligible, packed, packing = rows
    rng, (n, k) = np.random.default_rng(6), eligible.shape
    before = rng.integers(-1, 3, n).astype(np.int16)
    group, action, count = before.copy(), np.empty(n, np.int32), np.empty(n, np.int64)
    coin = stream_of(SEED, WAVE, SLOT, keyed_random.EXPLORE)
    pick = stream_of(SEED, WAVE, SLOT, keyed_random.EXPLORE_PICK)
    orders, whose = np.array([rng.permutation(k), np.arange(k)]), np.array([2, 0])
    listed = np.empty((2, n), np.int32)
    mixing.explore_into(
        0, n, packed, packing, coin, pick, keys, exploration, orders, whose, group, action, count,
        listed,
    )  # fmt: skip
    np.testing.assert_array_equal(count, eligible.sum(axis=1))
    for i in range(n):
        firsts = [next(a for a in order if eligible[i, a]) for order in orders]
        assert listed[:, i].tolist() == firsts
        free = twin.explored(int(keys[i]), SEED, WAVE, SLOT, eligible[i].tolist(), exploration)
        if before[i] == HOLDOUT:
            assert (action[i], group[i]) == (0, HOLDOUT)
        elif free is None:
            expected = {2: firsts[0], 0: firsts[1]}.get(int(before[i]), -1)
            assert (action[i], group[i]) == (expected, before[i])
        else:
            assert (action[i], group[i]) == (free, EXPLORATION)


def test_both_at_once(rows):
    keys, eligible, packed, packing = rows
    n, k = eligible.shape
    streams = [stream_of(SEED, WAVE, SLOT, purpose) for purpose in range(1, 5)]
    edges = np.array([0.0, 0.5])
    group, action, count = np.empty(n, np.int16), np.empty(n, np.int32), np.empty(n, np.int64)
    orders, whose = np.arange(k)[::-1].reshape(1, k).copy(), np.array([1])
    listed = np.empty((1, n), np.int32)
    mixing.begin_into(
        0, n, *streams, keys, 0.3, edges, 0.4, packed, packing, orders, whose, group, action, count,
        listed,
    )  # fmt: skip
    known, taken, number = np.empty_like(group), np.empty_like(action), np.empty_like(count)
    first = np.empty_like(listed)
    mixing.groups_into(0, n, *streams[:2], keys, 0.3, edges, known)
    mixing.explore_into(
        0, n, packed, packing, *streams[2:], keys, 0.4, orders, whose, known, taken, number, first
    )
    np.testing.assert_array_equal(listed, first)
    np.testing.assert_array_equal(group, known)
    np.testing.assert_array_equal(action, taken)
    np.testing.assert_array_equal(count, number)
    assert {HOLDOUT, EXPLORATION, 1, 2} <= set(group.tolist())


@pytest.mark.parametrize("parts", [1, 2, 9])
def test_joint_propensity(rows, parts):
    _, eligible, packed, packing = rows
    rng, (n, k) = np.random.default_rng(6), eligible.shape
    action = rng.integers(0, k, n).astype(np.int32)
    chances, prior = rng.random((parts, n)), rng.random((n, parts + 1))
    joint, propensity = np.empty((n, parts + 1)), np.empty(n)
    count = eligible.sum(axis=1)
    whose, listed = np.array([parts - 1]), np.where(rng.random((1, n)) < 0.5, action, -1)
    expected = np.where(listed == action, 1.0, 0.0)
    mixing.join_into(
        0, n, packed, packing, 0.1, count, action, whose, listed.astype(np.int32), chances, prior,
        joint, propensity,
    )  # fmt: skip
    np.testing.assert_array_equal(chances[-1:], expected)
    for i in range(n):
        each, chance = twin.joint(
            int(action[i]), chances[:, i].tolist(), prior[i].tolist(), eligible[i].tolist(), 0.1
        )
        np.testing.assert_allclose(joint[i], each, rtol=1e-14)
        assert propensity[i] == pytest.approx(chance, rel=1e-14)
