"""Prices for a wave too large for memory: streamed blocks in, frozen prices and their proof out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.allocation.blocks import Block
from bandit.allocation.certificate import dual_bound, infeasible, relative_gap
from bandit.allocation.nested import (
    Blocks,
    Found,
    Tellers,
    at_share,
    beyond,
    confidence,
    find,
    gathered,
    most_used,
    refine,
    vicinity,
)
from bandit.allocation.problem import Sides, check_problem, sides
from bandit.allocation.recovery import recover
from bandit.core.types import Array, Float64

PLACES = 1 << 12
"""Values that noise may have: a draw from a table takes a third of the time of a normal."""


NEAR = 1e-6
"""Relative decrease of the dual at which prices follow draws near enough: well within margins."""
LEFT = 0.005
"""Part of a limit that prices leave open where what they do not move uses up all of it."""


class Prices(NamedTuple):
    """Frozen prices and what they were found to mean.

    ``prices`` float64[m] per unit of each resource, what one more unit would be worth;
    ``costs`` float64[k] per contact, prices times usage; ``primal_value`` of an allocation that
    keeps all limits, ``dual_value`` that none can pass, ``gap`` relative to it; ``usage``
    float64[m] and ``counts`` int64[k] of that allocation; ``passes`` over everybody's blocks;
    ``undecided`` customers whose choice the prices had to settle; ``seconds``; ``found`` is the
    state for `correct`.
    """

    prices: Float64
    costs: Float64
    primal_value: float
    dual_value: float
    gap: float
    usage: Float64
    counts: Array
    passes: int
    undecided: int
    seconds: float
    found: Found


def find_prices(
    blocks: Blocks,
    customers: int,
    usage: npt.ArrayLike,
    limits: npt.ArrayLike,
    *,
    minimums: npt.ArrayLike | None = None,
    slots: int = 1,
    exclusive: npt.ArrayLike | None = None,
    ladder: list[float] | None = None,
) -> Prices:
    """Find the prices of `bandit.allocation.solve` for blocks that are streamed.

    Parameters
    ----------
    blocks : callable
        ``blocks(share)`` yields `Block`s (values float32[b, k], eligible bool[b, k] or None) of
        the customers whose keyed random number is below share; 1.0 is everybody, which is asked
        for once, or again where a box proves too small. The same block must come out each time.
    customers : int
        How many there are; sets the sizes of the samples.
    usage, limits, minimums, slots, exclusive
        As in `bandit.allocation.solve`.
    ladder : list of float, optional
        Shares of the samples, the last 1.0.

    Raises
    ------
    DataError, InfeasibleError
        As in `bandit.allocation.solve`.
    """
    began = time.perf_counter()
    problem = check_problem(usage, limits, minimums, exclusive, slots)
    inequalities = sides(problem)
    found = find(blocks, customers, problem, ladder)
    at, sums, people = found.ascent.multipliers, found.ascent.sums, found.people
    costs = inequalities.usage @ at
    dual = dual_bound(sums, at, inequalities, people.customers, problem.slots)
    recovered = recover(people, inequalities, at, dual)
    if recovered.short.any():
        raise infeasible(blocks, problem, found, recovered)
    return Prices(
        inequalities.prices(at, len(problem.limits)),
        costs,
        recovered.value,
        dual,
        relative_gap(recovered.value, dual),
        recovered.used,
        recovered.counts,
        found.passes,
        len(people.rows),
        time.perf_counter() - began,
        found,
    )


@cache
def _normals() -> Array:
    """A normal's quantiles at the middles of `PLACES` equal shares, float32[PLACES]."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((i + 0.5) / PLACES) for i in range(PLACES)], np.float32)


def jittered(blocks: Blocks, spread: npt.ArrayLike, seed: int = 0) -> Blocks:
    """Blocks whose values carry normal noise of standard deviation spread float[k], for `correct`.

    It is drawn from `PLACES` quantiles, as far as 3.7 deviations out.

    With the typical width of the policy's draws for each action, use answers to prices as smoothly
    as the policy's does.
    """
    width = np.asarray(spread, np.float32)

    def noisy(share: float) -> Iterator[Block]:
        random, normals = np.random.Generator(np.random.SFC64(seed)), _normals()
        for block in blocks(share):
            values = block.values
            noise = normals.take(random.integers(0, PLACES, values.shape, np.uint16), mode="clip")
            noise *= width
            noise += values
            yield Block(noise, block.eligible)

    return noisy


def answering(given: Prices, blocks: Blocks, share: float = 1.0) -> Prices:
    """The same prices with a share of `blocks` as the customers who answer in `correct`."""
    return given._replace(found=gathered(given.found, blocks, share, vicinity(given.found)))


def correct(given: Prices, served: npt.ArrayLike) -> Prices:
    """Move prices so that what a policy serves at them keeps the limits.

    A policy that draws does not take everybody's best value, so it uses something else than what
    the prices were found for. Let U = `served` float64[m] be what it used at ``given.prices``,
    expected or measured with randomness apart from the wave's draws, scaled to everybody; and C
    what the customers of `answering` use there by their best values. The prices are found again
    with each limit times C/U: the values say how use answers to prices, the policy how much of it
    there is. Each repetition divides the error by how well the answers agree. Where draws decide
    more than expectation does, expected values answer far too sharply and the repetitions diverge:
    let values answer that are drawn as the policy draws them, or `jittered` ones.

    Only ``prices``, ``costs``, ``seconds`` and the state change: the value and its bound stay
    those of the problem that was certified.
    """
    began = time.perf_counter()
    found = given.found
    problem = found.people.problem
    inequalities = sides(problem)
    level = at_share(inequalities, found.share)
    unit = np.maximum(problem.usage.max(axis=0, initial=0.0), 1e-300)
    known = found.people.sums(given.costs).counts @ problem.usage + unit
    ratio = known / (found.share * np.asarray(served, np.float64) + unit)
    found = refine(found, level._replace(bound=level.bound * ratio[level.resource]))
    return _moved(given, found, inequalities, began)


def follow(given: Prices, blocks: Tellers, share: float, most: Float64, least: Float64) -> Prices:
    """Move prices so that what customers are told to take at them keeps limits of their own.

    ``blocks`` say what a policy's draws may take while prices stay in a box: drawn once, for all
    prices tried. Who takes the same at any price cannot be moved: where they alone pass a limit,
    the rest is left next to nothing. ``most`` and ``least`` float64[m] are of everybody, finite and
    positive where ``given`` has a limit and a minimum. With a larger share of the same blocks the
    prices of the smaller one tell where to look.

    What changes is as in `correct`.
    """
    began = time.perf_counter()
    found = given.found
    inequalities = sides(found.people.problem._replace(limits=most, minimums=least))
    box = vicinity(found, inequalities)
    if found.blocks == blocks:
        box = confidence(found, at_share(inequalities, found.share), found.share / share)
    found = gathered(found, blocks, share, box)
    level = at_share(inequalities, share)
    left = np.maximum(most_used(level), LEFT * np.abs(level.bound))
    firm = np.where(level.sign > 0, found.people.firm_counts @ level.usage + left, -np.inf)
    level = level._replace(bound=np.maximum(level.bound, firm))
    found = beyond(found, level, tolerance=NEAR)
    return _moved(given, found, inequalities, began)


def at_prices(given: Prices, prices: Float64) -> Prices:
    """The same at other prices float64[m]; who would answer to them is as it was."""
    return given._replace(prices=prices, costs=given.found.people.problem.usage @ prices)


def _moved(given: Prices, found: Found, inequalities: Sides, began: float) -> Prices:
    multipliers = found.ascent.multipliers
    return given._replace(
        prices=inequalities.prices(multipliers, len(given.prices)),
        costs=inequalities.usage @ multipliers,
        seconds=given.seconds + time.perf_counter() - began,
        found=found,
    )
