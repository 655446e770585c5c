from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.core.errors import DataError
from bandit.ope.log import Log

GOOD = {"actions": [0, 1, 1], "rewards": [0.0, 1.0, 2.0], "propensities": [0.5, 0.5, 0.25]}


def test_columns_are_filled_in_and_put_in_order():
    log = Log.of(**GOOD, times=[30, 10, 20], contexts=[[3.0], [1.0], [2.0]])
    assert log.rewards.tolist() == [1.0, 2.0, 0.0]
    assert log.contexts.dtype == np.float32
    assert log.contexts[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert log.times.tolist() == [10, 20, 30]
    assert log.n_actions == 2
    assert log.causal


def test_weights_are_ratios():
    log = Log.of(**GOOD)
    assert log.weights(np.tile([0.25, 0.75], (3, 1))).tolist() == [0.5, 1.5, 3.0]


def test_a_log_without_propensities_makes_no_causal_claim():
    log = Log.of(actions=[0, 1], rewards=[1.0, 0.0])
    assert not log.causal
    with pytest.raises(DataError, match="no causal claim can come out of it"):
        log.weights(np.full((2, 2), 0.5))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"propensities": [0.5, 0.0, 0.5]},
            r"must lie in \(0, 1\], row 1 has 0.0; was the",
        ),
        ({"propensities": [0.5, 0.5, 1.5]}, "row 2 has 1.5"),
        ({"propensities": [np.nan, 0.5, 0.5]}, "row 0 has nan; it is missing"),
        ({"propensities": [0.5, 0.5]}, "one number a row"),
        ({"rewards": [0.0, np.nan, 1.0]}, "rewards must be finite, row 1 has nan"),
        (
            {"eligible": [[1, 1], [1, 0], [1, 1]]},
            "row 1 logs action 1, which is not in its",
        ),
        ({"actions": [0, 1, 5], "n_actions": 2}, "row 2 has action 5, there are 2"),
        ({"actions": [0, 1.5, 1]}, "actions must be whole numbers, row 1 has 1.5"),
        ({"actions": [0, np.nan, 1]}, "actions must be whole numbers, row 1 has nan; fill it in"),
        ({"actions": [0.0, 1.0, 1.0]}, "row 0 has 0.0; make whole floats int64 first"),
        ({"actions": [0, None, 1]}, "actions must be whole numbers, row 1 has None; fill it in"),
        ({"actions": ["0", "1", "1"]}, "actions must be one whole number a row, they are <U1"),
        ({"actions": np.array([0, 1, 2**63], np.uint64)}, r"below 2\*\*31, row 2 has 92233720"),
        ({"positions": [0, 1, None]}, "positions must be whole numbers, row 2 has None"),
        ({"times": [1.0, np.nan, 2.0]}, "times must be known, row 1 has nan"),
        ({"times": ["b", "a", "c"]}, "one number or datetime a row"),
        ({"clusters": [1.0, np.nan, 2.0]}, "clusters must be known, row 1 has nan"),
        ({"clusters": ["a", None, "b"]}, "clusters must be known, row 1 has None"),
        ({"clusters": np.array(["2026", "NaT", "2026"], "M8[D]")}, "row 1 has NaT"),
        ({"eligible": [[1, 1], [1, np.nan], [1, 1]]}, "true or false, row 1 has nan"),
        ({"eligible": [[True, None], [True, True], [True, True]]}, "row 0 has None"),
        ({"eligible": [["true", "false"]] * 3}, "must be true or false, row 0 has true"),
        ({"eligible": [[1, 1], [1, 1], [2, 1]]}, "must be true or false, row 2 has 2"),
        ({"rewards": [0.0, 1.0, -np.inf]}, "rewards must be finite, row 2 has -inf"),
        ({"rewards": [0.0, "x", 1.0]}, "rewards must be numbers"),
        ({"propensities": [0.5, "x", 0.5]}, "propensity must be numbers"),
        ({"contexts": [["a"], ["b"], ["c"]]}, r"contexts must be float\[3, d\], they are <U1"),
        ({"contexts": [[1.0], [1e39], [0.0]]}, "contexts must be finite, row 1 has inf"),
        ({"clusters": [1, 2]}, "clusters has 2 rows, rewards have 3"),
        ({"contexts": [[1.0], [np.inf], [0.0]]}, "finite, row 1 has inf in feature 0"),
    ],
)
def test_bad_columns_are_named(change, says):
    with pytest.raises(DataError, match=says):
        Log.of(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ([[0.5, 0.5]] * 2, "must have shape"),
        ([[0.5, 0.6]] * 3, "sum to 1.1"),
        ([[-0.5, 1.5]] * 3, "none be negative"),
        ([[np.nan, 1.0]] * 3, "row 0 sum to nan"),
        ([["a", "b"]] * 3, "target probabilities must be numbers"),
    ],
)
def test_bad_targets_are_named(target, says):
    with pytest.raises(DataError, match=says):
        Log.of(**GOOD).weights(target)


def test_a_target_outside_the_eligible_set_is_named():
    log = Log.of(**GOOD, eligible=[[1, 0], [1, 1], [1, 1]])
    with pytest.raises(DataError, match="to action 1 in row 0, where it is not eligible"):
        log.weights(np.full((3, 2), 0.5))


def test_a_log_of_one_row_is_a_log_but_no_estimate():
    log = Log.of(actions=[0], rewards=[1.0], propensities=[0.5])
    with pytest.raises(DataError, match="at least 2 independent rows"):
        ope.ips(log.rewards, log.weights([[1.0]]))


@pytest.mark.parametrize("label", [np.nan, None])
def test_clusters_that_nobody_knows_are_named(label):
    labels = np.array([*range(9), label], object if label is None else float)
    for estimator in (ope.ips, ope.snips):
        with pytest.raises(DataError, match="clusters must be known, row 9 has"):
            estimator(np.ones(10), np.ones(10), clusters=labels)
