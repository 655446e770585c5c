from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from bandit.core.errors import ConfigError
from bandit.experiments import BUCKETS, Layer

MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
MILLION = np.arange(1_000_000)


def test_two_experiments_of_a_layer_share_nobody_and_other_layers_are_independent():
    layer = Layer("mails").claim("one", 0.4, MAY).claim("two", 0.5, MAY)
    one, two = (layer.members(MILLION, name) for name in ("one", "two"))
    assert not (one & two).any()
    assert (one.mean(), two.mean()) == pytest.approx((0.4, 0.5), abs=0.003)
    across = Layer("prices").claim("three", 0.4, MAY).members(MILLION, "three")
    expected = one.mean() * across.mean()
    assert abs((one & across).mean() - expected) < 4 * np.sqrt(expected / 1e6)


def test_a_later_claim_moves_nobody_of_an_earlier_one():
    layer = Layer("mails").claim("one", 0.4, MAY)
    before = layer.members(MILLION[:10_000], "one")
    after = layer.claim("two", 0.6, JUNE).members(MILLION[:10_000], "one")
    assert np.array_equal(before, after)


def test_buckets_rest_and_the_longest_rested_go_first():
    layer = Layer("mails").claim("one", 0.6, MAY, cooldown_days=30)
    with pytest.raises(
        ConfigError, match=r"40\.00% free on 2026-06-01, 'two' wants 60.00%; take less"
    ):
        layer.claim("two", 0.6, JUNE)
    layer = layer.stop("one", JUNE)
    with pytest.raises(ConfigError, match="start on 2026-07-01 when some have rested"):
        layer.claim("two", 0.6, date(2026, 6, 30))
    layer = layer.claim("two", 0.6, JULY)
    fresh = ~layer.members(MILLION, "one")
    assert layer.members(MILLION, "two")[fresh].all(), "those never used come first"
    assert len(layer.free(JULY)) == BUCKETS - 6000


@pytest.mark.parametrize("share", [0.0, 1.5, 1e-6, -0.1])
def test_shares_that_are_no_buckets_are_refused(share):
    with pytest.raises(ConfigError, match="share must lie in"):
        Layer("mails").claim("one", share, MAY)


def test_names_are_used_once_and_known():
    layer = Layer("mails").claim("one", 0.1, MAY)
    with pytest.raises(ConfigError, match="needs a name of its own"):
        layer.claim("one", 0.1, JUNE)
    with pytest.raises(ConfigError, match="knows no experiment 'two'; those with buckets: one"):
        layer.members([1, 2], "two")
