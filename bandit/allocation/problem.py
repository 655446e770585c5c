"""What an allocation problem is, and everything that can be wrong with one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.core.errors import DataError
from bandit.core.types import Array, Bool, Float64, Int32

ROUNDING = 1e-12
"""A cap of 0.3 holds three contacts of 0.1, although 3 * 0.1 > 0.3 in floating point."""


class InfeasibleError(DataError):
    """A committed minimum cannot be reached; ``resource``, ``minimum`` and ``nearest`` say which.

    ``nearest`` is the volume of an assignment that was found within all limits, so it can be had;
    ``certified`` says that the dual proves the minimum out of reach, not only that none was found.
    """

    def __init__(
        self, resource: int, minimum: float, nearest: float, *, certified: bool, why: str
    ) -> None:
        self.resource = resource
        self.minimum = minimum
        self.nearest = nearest
        self.certified = certified
        super().__init__(
            f"minimum of resource {resource} is {minimum:g}, but {why}; "
            f"the nearest feasible minimum is {nearest:g}: lower it, or widen what limits it"
        )


class Problem(NamedTuple):
    """Limits and rules of one allocation; says nothing about the customers.

    ``usage`` float64[k, m]; ``limits`` float64[m], infinite where there is none; ``minimums``
    float64[m], 0 where there is none; ``groups`` int32[k]; ``slots`` contacts a customer.
    """

    usage: Float64
    limits: Float64
    minimums: Float64
    groups: Int32
    slots: int


class Sides(NamedTuple):
    """The limits and minimums as one list of inequalities ``usage.T @ counts <= bound``.

    A minimum enters with its sign turned, so that all multipliers z are nonnegative and
    ``prices = sum of sign * z`` per resource. ``usage`` float64[k, s], ``bound`` float64[s],
    ``resource`` int64[s], ``sign`` float64[s].
    """

    usage: Float64
    bound: Float64
    resource: Array
    sign: Float64

    def prices(self, multipliers: Float64, resources: int) -> Float64:
        """Price of each resource; negative where a minimum binds."""
        return np.bincount(self.resource, self.sign * multipliers, resources).astype(np.float64)


def sides(problem: Problem) -> Sides:
    """List the inequalities that can matter."""
    capped = np.flatnonzero(np.isfinite(problem.limits))
    floored = np.flatnonzero(problem.minimums > 0)
    resource = np.concatenate([capped, floored])
    sign = np.concatenate([np.ones(len(capped)), -np.ones(len(floored))])
    bound = sign * np.concatenate([problem.limits[capped], problem.minimums[floored]])
    return Sides(np.ascontiguousarray(problem.usage[:, resource] * sign), bound, resource, sign)


def check_problem(
    usage: npt.ArrayLike,
    limits: npt.ArrayLike,
    minimums: npt.ArrayLike | None,
    exclusive: npt.ArrayLike | None,
    slots: int,
) -> Problem:
    """Validate the rules of an allocation.

    Raises
    ------
    DataError
        A shape does not fit; a usage is negative or not a number; a limit is negative or missing;
        a minimum lies above its limit; the slots or the groups make no sense.
    """
    spent = np.ascontiguousarray(usage, np.float64)
    if spent.ndim != 2:
        raise DataError(f"usage must be [actions, resources], it has shape {spent.shape}")
    k, m = spent.shape
    _refuse_usage(spent)
    caps = _vector("limits", limits, m)
    floors = np.zeros(m) if minimums is None else _vector("minimums", minimums, m)
    _refuse_bounds(caps, floors, spent)
    if isinstance(slots, bool) or int(slots) != slots or slots < 1:
        raise DataError(f"slots must be a whole number of at least 1, it is {slots}")
    return Problem(spent, caps, floors, _groups(exclusive, k), min(int(slots), max(k, 1)))


def check_values(
    values: npt.ArrayLike, eligible: npt.ArrayLike | None, k: int
) -> tuple[Array, Bool | None]:
    """Validate values[n, k] and eligible[n, k]; floats keep their precision."""
    worth = np.asarray(values)
    if worth.dtype not in (np.float32, np.float64):
        worth = worth.astype(np.float64)
    worth = np.ascontiguousarray(worth)
    if worth.ndim != 2 or worth.shape[1] != k:
        raise DataError(f"values must be [customers, {k} actions], they have shape {worth.shape}")
    mask = None if eligible is None else np.ascontiguousarray(eligible, np.bool_)
    if mask is not None and mask.shape != worth.shape:
        raise DataError(f"eligible must have the shape of values {worth.shape}, not {mask.shape}")
    _refuse_values(worth, mask)
    return worth, mask


def _refuse_values(values: Array, eligible: Bool | None) -> None:
    for start in range(0, len(values), 65536):
        part = values[start : start + 65536]
        bad = ~np.isfinite(part)
        if eligible is not None:
            bad &= eligible[start : start + 65536]
        if bad.any():
            i, a = np.argwhere(bad)[0]
            raise DataError(
                f"values must be finite where eligible, row {start + i} action {a} has "
                f"{part[i, a]}; mark what may not be taken in `eligible`"
            )


def _refuse_usage(usage: Float64) -> None:
    bad = np.argwhere(~(np.isfinite(usage) & (usage >= 0)))
    if len(bad):
        a, j = bad[0]
        raise DataError(
            f"usage must be finite and not negative, action {a} resource {j} has {usage[a, j]}"
        )


def _vector(name: str, given: npt.ArrayLike, m: int) -> Float64:
    vector = np.array(given, np.float64, ndmin=1)
    if vector.shape != (m,):
        raise DataError(
            f"{name} must have one entry for each of the {m} resources of usage, "
            f"they have shape {vector.shape}"
        )
    return vector


def _refuse_bounds(limits: Float64, minimums: Float64, usage: Float64) -> None:
    for j, (cap, floor) in enumerate(zip(limits, minimums, strict=True)):
        if np.isnan(cap) or cap < 0:
            raise DataError(
                f"limit of resource {j} must be zero or more, it is {cap}; "
                "infinity stands for no limit"
            )
        if not np.isfinite(floor) or floor < 0:
            raise DataError(
                f"minimum of resource {j} must be finite and zero or more, it is {floor}; "
                "zero stands for no minimum"
            )
        if floor > cap:
            raise DataError(f"minimum of resource {j} is {floor:g}, above its limit {cap:g}")
        if floor > 0 and not usage[:, j].any():
            raise InfeasibleError(j, floor, 0.0, certified=True, why="no action uses it")


def _groups(exclusive: Any, k: int) -> Int32:
    if exclusive is None:
        return np.arange(k, dtype=np.int32)
    given = np.asarray(exclusive)
    if given.shape != (k,) or given.dtype.kind not in "iu":
        raise DataError(
            f"exclusive must hold a group number for each of the {k} actions, "
            f"it has shape {given.shape} and type {given.dtype}"
        )
    # A negative number stands for no group: such an action is a group of its own.
    numbers = np.where(given < 0, given.max(initial=0) + 1 + np.arange(k), given)
    return np.unique(numbers, return_inverse=True)[1].astype(np.int32)
