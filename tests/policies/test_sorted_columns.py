"""Products that masks leave out: whatever is left out, nothing decided may change."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.kernels.simd.product import PANEL
from bandit.models.sorted_columns import SAMPLE, share_needed, side_by_side
from bandit.policies import linear

ROWS, FEATURES = 300, 24


def _channels(rng, n, k):
    """Five channels offer by offer, consents of a half, and a rule for every offer."""
    consents = rng.random((n, 5)) < 0.5
    rules = rng.random((n, -(-k // 5))) < 0.9
    return (rules[:, :, None] & consents[:, None, :]).reshape(n, -1)[:, :k]


MASKS = {
    "channels": _channels,
    "everything": lambda _, n, k: np.ones((n, k), np.bool_),
    "no contact alone": lambda _, n, k: np.zeros((n, k), np.bool_),
    "one column": lambda rng, n, k: np.arange(k)[None, :] == rng.integers(k, size=n)[:, None],
    "turn by turn": lambda _, n, k: (np.arange(k) + np.arange(n)[:, None]) % 2 == 0,
    "anyhow": lambda rng, n, k: rng.random((n, k)) < 0.5,
    "the first half": lambda _, n, k: np.tile(np.arange(k) < k // 2, (n, 1)),
}


@pytest.fixture(scope="module")
def weak():
    """Little signal: nearly every pair that is open is a contender. Some nobody has seen."""
    rng, k = np.random.default_rng(0), 107
    x = rng.normal(size=(40 * k, FEATURES)).astype(np.float32)
    actions = np.arange(40 * k) % k
    actions[(actions > 90) & (actions < 97)] = 0
    posterior = bandit.Posterior.prior(k, FEATURES).update(x, actions, rng.normal(size=40 * k))
    return posterior, rng.normal(size=(ROWS, FEATURES)).astype(np.float32)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("priced", [False, True])
@pytest.mark.parametrize("name", MASKS)
def test_no_byte_hangs_on_the_order_of_columns(weak, monkeypatch, name, priced, packed):
    posterior, x = weak
    rng, k = np.random.default_rng(1), posterior.n_actions
    mask = MASKS[name](rng, ROWS, k)
    mask[:, 0] = True
    given = {"eligible": np.packbits(mask, axis=1, bitorder="little") if packed else mask}
    if priced:
        given |= {"values": rng.lognormal(0.0, 0.2, (ROWS, k)), "costs": 0.1 * rng.random(k)}
    policy, weights = bandit.LinTS(1.0), rng.random(k)

    def found():
        taken = policy.choose(posterior, x, keys=np.arange(ROWS), seed=3, **given)
        mean = policy.expectation(posterior, x, weights, **given)
        return [np.asarray(each).tobytes() for each in (*taken, mean)]

    monkeypatch.setattr(linear, "SORTED", 10**9)
    plain = found()
    linear._LAST.clear()
    monkeypatch.setattr(linear, "SORTED", 1)
    monkeypatch.setattr(linear, "NEEDED", 2.0)
    assert found() == plain
    (last,) = linear._LAST
    assert last.made.dense.sorted
    assert found() == plain
    assert linear._LAST[0] is last


def test_masks_by_channel_are_worth_it_and_masks_anyhow_are_not(weak, monkeypatch):
    posterior, x = weak
    rng, k = np.random.default_rng(2), posterior.n_actions
    monkeypatch.setattr(linear, "SORTED", 1)
    for name, worth in (("channels", True), ("anyhow", False), ("everything", False)):
        linear._LAST.clear()
        mask = MASKS[name](rng, ROWS, k)
        mask[:, 0] = True
        bandit.LinTS(1.0).choose(posterior, x, eligible=mask)
        assert linear._LAST[0].made.dense.sorted == worth
        assert (linear._LAST[0].made is posterior.model[0]) != worth


def test_columns_of_a_channel_share_panels():
    rng, k = np.random.default_rng(3), 5 * 4 * PANEL
    mask = _channels(rng, 2 * SAMPLE, k)
    order = side_by_side(mask[::2])
    np.testing.assert_array_equal(np.sort(order), np.arange(k))
    assert share_needed(mask[1::2], order) < 0.6
    assert share_needed(mask[1::2], np.arange(k)) > 0.9
