from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.core.errors import DataError

CONTEXTS = np.zeros((2, 1), np.float32)


@pytest.mark.parametrize("bad", [["a", "b"], [None, object()], [[1.0], [1.0, 2.0]]])
def test_what_is_no_number_is_a_fault_of_the_data_by_name(bad):
    posterior = bandit.Posterior.prior(2, 1)
    with pytest.raises(DataError, match="rewards must be numbers"):
        posterior.update(CONTEXTS, [0, 1], bad)
    with pytest.raises(DataError, match="costs must be numbers"):
        bandit.Greedy().choose(posterior, CONTEXTS, costs=bad)
    with pytest.raises(DataError, match="values must be numbers"):
        bandit.experiments.compare(bad, [True, False])
    with pytest.raises(DataError, match="rewards must be numbers"):
        bandit.ope.ips(bad, [1.0, 1.0])


def test_ragged_lists_are_faults_of_the_data():
    posterior, ragged = bandit.Posterior.prior(2, 1), [[1.0], [1.0, 2.0]]
    with pytest.raises(DataError, match="contexts must be an array"):
        posterior.update(ragged, [0, 1], [0.0, 1.0])
    with pytest.raises(DataError, match="eligible must be an array"):
        bandit.Greedy().choose(posterior, CONTEXTS, eligible=[[True], [True, False]])


def test_lists_are_arrays_too():
    posterior = bandit.Posterior.prior(2, 1).update([[1.0], [1.0]], [0, 1], [0.0, 1.0])
    choice = bandit.Greedy().choose(posterior, [[1.0]], eligible=[[True, True]], values=[1, 2])
    assert choice.action.tolist() == [1]
