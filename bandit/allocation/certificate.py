"""What is proved about an allocation: the bound above it, and that a minimum is out of reach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from bandit.allocation.blocks import AnyBlock, Block
from bandit.allocation.nested import Blocks, Found
from bandit.allocation.passes import Sums, choose, merge
from bandit.allocation.problem import InfeasibleError, Problem, Sides, sides
from bandit.allocation.recovery import Recovered
from bandit.core.types import Float64
from bandit.kernels.allocation.linear_contenders import BLOCK

EPSILON = 2.0**-53
NOTHING = 1e-300


def dual_bound(
    sums: Sums, multipliers: Float64, inequalities: Sides, customers: int, slots: int
) -> float:
    """Upper bound of every allocation's value, from a pass over all actions at the multipliers.

    Σ_i h_i + bound·z is one for any z ≥ 0. What rounding can have lost is added: a sum over a
    block loses at most BLOCK units in the last place of its terms, a decided customer's v is at
    most h + c, an action's cost loses as many units as it has terms, once a possible contact.
    """
    terms = len(multipliers) + 4
    products = inequalities.bound * multipliers
    cost = float((np.abs(inequalities.usage) @ multipliers).max(initial=0.0))
    lost = (
        (BLOCK + 4) * sums.worth
        + (BLOCK + terms) * customers * slots * cost
        + terms * float(np.abs(products).sum())
    )
    if lost == 0.0:
        return 0.0  # nobody has a contact worth anything and nothing has a price: none was rounded
    exact = math.fsum([sums.worth, *products])
    return math.nextafter(exact + 2.0 * EPSILON * lost, math.inf)


def relative_gap(primal: float, dual: float) -> float:
    """(dual − primal) / |dual|, over |primal| where the dual is zero; 0 where both are.

    A bound of zero is rounded up by one last place, so zero is what is below NOTHING.
    """
    over = abs(dual) if abs(dual) > NOTHING else abs(primal)
    return max(dual - primal, 0.0) / over if over > NOTHING else 0.0


def infeasible(
    blocks: Blocks, problem: Problem, found: Found, recovered: Recovered
) -> InfeasibleError:
    """Name the minimum that was missed most, with the volume that was reached."""
    part = recovered.short / np.maximum(problem.minimums, 1e-300)
    worst = int(np.argmax(part))
    certified = _impossible(blocks, problem, found)
    why = (
        "no allocation within the limits reaches the minimums"
        if certified
        else "no allocation that reaches the minimums was found within the limits"
    )
    return InfeasibleError(
        worst,
        float(problem.minimums[worst]),
        float(recovered.used[worst]),
        certified=certified,
        why=why,
    )


def _impossible(blocks: Blocks, problem: Problem, found: Found) -> bool:
    """Whether prices exist at which even worthless contacts prove the minimums out of reach.

    With all values zero the best allocation is worth zero if one exists, so a dual value below
    zero is a proof (Farkas) that none does.
    """
    inequalities = sides(problem)
    at = found.ascent.multipliers
    parts = [
        choose(block, problem, inequalities.usage @ at)[0] for block in _worthless(blocks(1.0))
    ]
    return dual_bound(merge(parts), at, inequalities, found.people.customers, problem.slots) < 0


def _worthless(blocks: Iterable[AnyBlock]) -> Iterator[Block]:
    for block in blocks:
        yield Block(np.zeros_like(block.values), block.eligible)
