"""Caps kept, minimums met, and a bound that no allocation passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit import allocation
from bandit.core.errors import DataError
from reference.allocation import Instance, contacts, programme, random_instance

ROUNDING = 1e-9


def check_rules(given: Instance, solution: allocation.Solution) -> None:
    counts = contacts(given, solution.assignment)
    used = counts @ given.usage
    assert (used <= given.limits + ROUNDING * np.maximum(given.limits, 1)).all()
    if given.minimums is not None:
        assert (used >= given.minimums * (1 - ROUNDING)).all()
    np.testing.assert_allclose(solution.usage, used, rtol=1e-12, atol=1e-12)
    rows, slots = np.nonzero(solution.assignment >= 0)
    taken = given.values[rows, solution.assignment[rows, slots]].astype(np.float64)
    assert solution.primal_value == pytest.approx(taken.sum(), rel=1e-12, abs=1e-12)
    assert solution.assignment.shape == (len(given.values), given.slots)
    assert solution.assignment.dtype == np.int32


@pytest.mark.parametrize("seed", [*range(24), *range(34, 42)])
def test_random_instances_against_integer_programme(seed: int) -> None:
    instance = random_instance(seed)
    exact = programme(instance, whole=True)
    arguments = (instance.values, instance.usage, instance.limits)
    if exact.status == 2:
        with pytest.raises(allocation.InfeasibleError) as caught:
            allocation.solve(*arguments, **instance.rules())
        assert instance.minimums is not None
        assert caught.value.minimum == instance.minimums[caught.value.resource]
        assert caught.value.nearest < caught.value.minimum
        return
    solution = allocation.solve(*arguments, **instance.rules())
    assert exact.status == 0
    check_rules(instance, solution)
    best = -exact.fun
    margin = 1e-9 * max(abs(best), 1.0)
    assert solution.dual_value >= best - margin
    assert solution.primal_value <= best + margin
    assert best - solution.primal_value <= solution.gap * abs(solution.dual_value) + margin


def capped(n: int, k: int, seed: int) -> Instance:
    r = np.random.default_rng(seed)
    values = (r.gamma(2, 1, (n, k)) * r.uniform(0.3, 1.5, k) - 1.0).astype(np.float32)
    usage = np.zeros((k, 10))
    usage[np.arange(k), r.integers(0, 5, k)] = 1
    usage[np.arange(k), 5 + r.integers(0, 5, k)] = 1
    limits = np.floor(r.uniform(0.1, 0.6, 10) * n / 5)
    return Instance(values, usage, limits, None, None, 1, None)


def test_dual_bound_is_the_linear_programme() -> None:
    given = capped(1000, 40, seed=1)  # the full size is in simulations/allocation
    solution = allocation.solve(given.values, given.usage, given.limits)
    exact = -programme(given, whole=False).fun
    assert exact * (1 - 1e-9) <= solution.dual_value <= exact * (1 + 1e-4)
    assert solution.gap <= 5e-4


def test_a_bound_of_nothing_is_nothing() -> None:
    """And no last place above it: nothing was rounded."""
    solution = allocation.solve(np.full((5, 2), -1.0, np.float32), np.ones((2, 1)), [3.0])
    assert (solution.primal_value, solution.dual_value, solution.gap) == (0.0, 0.0, 0.0)


def test_large_instance_goes_through_samples() -> None:
    given = capped(30_000, 20, seed=3)
    solution = allocation.solve(given.values, given.usage, given.limits)
    check_rules(given, solution)
    assert solution.gap <= 1e-4


def test_prices_are_worth_of_one_more_unit() -> None:
    given = capped(4000, 12, seed=4)
    solution = allocation.solve(given.values, given.usage, given.limits)
    more = given.limits.copy()
    tight = int(np.argmax(solution.prices))
    more[tight] += 1
    wider = allocation.solve(given.values, given.usage, more)
    # q is convex in the limit, so its slope here lies between one unit's gain and the price.
    assert wider.dual_value - solution.dual_value <= solution.prices[tight] * (1 + 1e-6)
    assert wider.dual_value - solution.dual_value >= 0.9 * solution.prices[tight]


def test_minimum_turns_a_price_negative_and_costs_value() -> None:
    given = capped(2000, 10, seed=5)
    free = allocation.solve(given.values, given.usage, given.limits)
    minimums = np.zeros(10)
    slack = int(np.argmin(free.usage / given.limits))
    assert free.usage[slack] < given.limits[slack]
    minimums[slack] = min(given.limits[slack], free.usage[slack] + 50)
    bound = allocation.solve(given.values, given.usage, given.limits, minimums=minimums)
    assert bound.usage[slack] >= minimums[slack]
    assert bound.prices[slack] < 0
    assert bound.primal_value < free.primal_value


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_relabelling_actions_relabels_and_nothing_else(seed: int) -> None:
    r = np.random.default_rng(seed)
    given = capped(60, 8, seed)
    order = r.permutation(8)
    one = allocation.solve(given.values, given.usage, given.limits)
    two = allocation.solve(given.values[:, order], given.usage[order], given.limits)
    assert two.dual_value == pytest.approx(one.dual_value, rel=1e-6)
    assert two.primal_value <= one.dual_value
    assert one.primal_value <= two.dual_value


def test_same_input_same_bytes() -> None:
    given = capped(5000, 12, seed=6)
    one = allocation.solve(given.values, given.usage, given.limits)
    two = allocation.solve(given.values, given.usage, given.limits)
    assert one.prices.tobytes() == two.prices.tobytes()
    assert one.assignment.tobytes() == two.assignment.tobytes()
    assert one.dual_value == two.dual_value


def test_infeasible_minimum_is_named_with_the_nearest() -> None:
    values = np.zeros((100, 2), np.float32)
    eligible = np.ones((100, 2), bool)
    eligible[37:, 1] = False
    with pytest.raises(allocation.InfeasibleError, match="minimum of resource 1 is 50") as caught:
        allocation.solve(values, np.eye(2), [100, 100], minimums=[0, 50], eligible=eligible)
    assert caught.value.resource == 1
    assert caught.value.nearest == 37
    assert caught.value.certified
    assert "nearest feasible minimum is 37" in str(caught.value)
    solved = allocation.solve(values, np.eye(2), [100, 100], minimums=[0, 37], eligible=eligible)
    assert solved.usage[1] == 37


def test_minimum_against_the_cap_of_another_resource() -> None:
    usage = np.array([[1.0, 1.0], [0.0, 1.0]])
    values = np.ones((50, 2), np.float32)
    with pytest.raises(allocation.InfeasibleError) as caught:
        allocation.solve(values, usage, [np.inf, 20], minimums=[30, 0])
    assert (caught.value.resource, caught.value.nearest) == (0, 20)
    assert caught.value.certified


def test_zero_cap_closes_and_infinite_cap_opens() -> None:
    values = np.array([[2.0, 1.0], [3.0, 1.0]], np.float32)
    solution = allocation.solve(values, np.eye(2), [0, np.inf])
    assert solution.assignment.ravel().tolist() == [1, 1]
    assert solution.gap <= 1e-6


def test_money_rounding_does_not_lose_a_contact() -> None:
    values = np.ones((5, 1), np.float32)
    assert allocation.solve(values, [[0.1]], [0.3]).usage[0] == pytest.approx(0.3)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0)])
def test_nobody_or_nothing_is_an_empty_allocation(shape: tuple[int, int]) -> None:
    solution = allocation.solve(np.zeros(shape, np.float32), np.zeros((shape[1], 2)), [1, 1])
    assert solution.primal_value == 0
    assert (solution.assignment == -1).all()


def test_no_resources_takes_every_best() -> None:
    values = np.array([[1.0, 2.0], [-1.0, -2.0]], np.float32)
    solution = allocation.solve(values, np.zeros((2, 0)), [])
    assert solution.assignment.ravel().tolist() == [1, -1]
    assert solution.primal_value == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limits": [-1, 5]}, "limit of resource 0 must be zero or more, it is -1.0"),
        ({"limits": [5, np.nan]}, "limit of resource 1 must be zero or more, it is nan"),
        ({"limits": [5]}, "one entry for each of the 2 resources"),
        ({"minimums": [0, -2]}, "minimum of resource 1 must be finite and zero or more"),
        ({"minimums": [0, np.inf]}, "minimum of resource 1 must be finite"),
        ({"minimums": [9, 0]}, "minimum of resource 0 is 9, above its limit 5"),
        ({"usage": [[1, 0], [-1, 1]]}, "usage must be finite and not negative, action 1"),
        ({"usage": [1, 0]}, r"usage must be \[actions, resources\]"),
        ({"usage": [[1, 0]]}, "values must be"),
        ({"slots": 0}, "slots must be a whole number of at least 1"),
        ({"exclusive": [0]}, "exclusive must hold a group number for each of the 2 actions"),
        ({"eligible": [[True, True]]}, "eligible must have the shape of values"),
        ({"values": [[1.0, np.nan], [0, 0]]}, "row 0 action 1 has nan"),
        ({"values": [[1.0, 0], [0, np.inf]]}, "row 1 action 1 has inf"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {
        "values": np.ones((2, 2), np.float32),
        "usage": np.eye(2),
        "limits": [5, 5],
    }
    with pytest.raises(DataError, match=message):
        allocation.solve(**(arguments | change))


def test_ineligible_values_may_be_anything() -> None:
    values = np.array([[np.nan, 1.0]], np.float32)
    eligible = np.array([[False, True]])
    assert allocation.solve(values, np.eye(2), [1, 1], eligible=eligible).primal_value == 1
