"""Arrays that say something else than was meant are refused by row, by each policy alike."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError

POLICIES = {
    "beta_ts": bandit.BetaTS(), "lin_ts": bandit.LinTS(), "lin_ucb": bandit.LinUCB(),
    "greedy": bandit.Greedy(), "epsilon_greedy": bandit.EpsilonGreedy(),
    "uniform": bandit.Uniform(),
}  # fmt: skip
X = np.ones((3, 2))
REFUSED = {
    "eligible NaN": ({"eligible": [[1, 1], [1, np.nan], [1, 1]]}, "true or false, row 1 has nan"),
    "eligible None": ({"eligible": [[True, None]] * 3}, "true or false, row 0 has None"),
    "eligible text": ({"eligible": [["true", "false"]] * 3}, "true or false, row 0 has true"),
    "eligible 2": ({"eligible": [[1, 1], [1, 1], [1, 2]]}, "true or false, row 2 has 2"),
    "values NaN": ({"values": [1.0, np.nan]}, "values must be finite, row 0 has nan for action 1"),
    "values inf": ({"values": [[1, 1], [1, 1], [np.inf, 1]]}, "row 2 has inf for action 0"),
    "costs NaN": ({"costs": [[1, 1], [np.nan, 1], [1, 1]]}, "row 1 has nan for action 0"),
    "values text": ({"values": ["a", "b"]}, "values must be numbers"),
    "keys NaN": ({"keys": [1.0, np.nan, 2.0]}, "keys must be whole numbers or text"),
    "keys None": ({"keys": ["a", None, "b"]}, "row 1 has None"),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("fault", REFUSED)
def test_choose_names_the_row(policy: str, fault: str) -> None:
    arguments, said = REFUSED[fault]
    with pytest.raises(DataError, match=said):
        POLICIES[policy].choose(bandit.Posterior.prior(2, 2), X, **arguments)


@pytest.mark.parametrize("policy", POLICIES)
def test_one_and_nought_are_true_and_false(policy: str) -> None:
    posterior = bandit.Posterior.prior(2, 2)
    chosen = [
        POLICIES[policy].choose(posterior, X, eligible=eligible, seed=3).action.tolist()
        for eligible in ([[1, 1], [0, 1], [1.0, 0.0]], [[True, True], [False, True], [True, False]])
    ]
    assert chosen[0] == chosen[1]


UPDATES = {
    "fraction": (([0, 1.5, 1], [1, 1, 1]), "actions must be whole numbers, row 1 has 1.5"),
    "NaN": (
        ([0, 1, np.nan], [1, 1, 1]),
        "actions must be whole numbers, row 2 has nan; fill",
    ),
    "outside": (([0, 2, 1], [1, 1, 1]), r"actions must lie in \[0, 2\), row 1 has 2"),
    "reward": (([0, 1, 1], [1, np.inf, 1]), "rewards must be finite, row 1 has inf"),
}


@pytest.mark.parametrize("fault", UPDATES)
def test_update_names_the_row(fault: str) -> None:
    (actions, rewards), said = UPDATES[fault]
    with pytest.raises(DataError, match=said):
        bandit.Posterior.prior(2, 2).update(X, actions, rewards)
