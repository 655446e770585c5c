"""What a group earned: a customer is one unit, whatever slots and lists he had."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from bandit.record.decisions import Decisions
from bandit.stats.means import Sums
from bandit.workflows.inspect import report_counts


class Batch:
    def __init__(self, ids, group, net, place):
        self.customers, self._group, self._net = pa.array(ids), group, net
        self.expected, self.place = 0.5 * net, place

    def __len__(self):
        return len(self._net)

    def texts(self, _):
        return self._group

    def net(self, rewards):
        return self._net + rewards


def wave(ids, group, net, cuts):
    parts = zip([0, *cuts], [*cuts, len(ids)], strict=True)
    batches = [Batch(ids[a:b], group[a:b], net[a:b], np.arange(a, b)) for a, b in parts]
    return SimpleNamespace(rows=lambda *_: iter(batches), wave=SimpleNamespace(name="one"))


@pytest.mark.parametrize("cuts", [[], [1], [2, 2, 7], list(range(1, 300))])
def test_the_interval_squares_customers_however_the_batches_are_cut(cuts):
    rng = np.random.default_rng(0)
    slots = rng.integers(1, 5, 100)
    ids = np.repeat(np.arange(100), slots)
    group = np.where(ids % 3 == 0, "rules", "lin_ts").astype(object)
    net = np.repeat(rng.normal(2.0, 1.0, 100), slots)  # what a customer buys shows in each list
    cuts = [cut for cut in cuts if cut < len(ids)]
    decisions: Decisions = wave(ids, group, net, cuts)
    found = report_counts._of_wave(decisions, np.zeros(len(ids)), closed=True)
    each = np.bincount(ids, weights=net)
    assert {e.group for e in found} == {"rules", "lin_ts"}
    for earned in found:
        mine = each[(np.arange(100) % 3 == 0) == (earned.group == "rules")]
        value, lower, upper = Sums.of(mine).interval()
        assert earned.customers == len(mine)
        assert (earned.realised, earned.lower, earned.upper) == pytest.approx((value, lower, upper))
        assert earned.expected == pytest.approx(0.5 * value)
