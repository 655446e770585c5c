"""Whether the arms have the sizes that were meant: a loss on the way shows before any effect."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import DataError
from bandit.stats.quantiles import chi_square_tail

ALARM = 0.001
"""Below this p-value the arms are not what was drawn, and nothing about them is to be read."""
_EXPECTED = 10.0
"""Fewer in a cell, and chi-square is no distribution of it."""
_FEW = 1000
"""Customers up to which two arms are judged by the exact binomial test."""


def sample_ratio(counts: npt.ArrayLike, shares: npt.ArrayLike) -> float:
    """p-value that ``counts`` int[m] were drawn with the intended ``shares`` float[m].

    Pearson's chi-square with m - 1 degrees of freedom. Two arms of at most 1,000 customers, and
    arms one of which should have fewer than twenty, by the binomial test, the sum of all outcomes
    that are no likelier: of more than two arms each against the others, Bonferroni. Shares are
    scaled to sum to one.

    Raises
    ------
    DataError
        Counts that are no whole numbers or all 0, shares that are not above 0, one arm alone.
    """
    seen = checks.vector("counts", counts)
    meant = checks.vector("shares", shares, len(seen))
    if len(seen) < 2 or (meant <= 0.0).any():
        raise DataError(
            f"a sample ratio needs 2 arms or more with shares above 0, they are {meant.tolist()}"
        )
    if (seen < 0.0).any() or (seen != np.floor(seen)).any() or not seen.sum() > 0.0:
        raise DataError(f"counts must be whole numbers, not all 0; they are {seen.tolist()}")
    total, meant = float(seen.sum()), meant / meant.sum()
    expected = total * meant
    if expected.min() < 2.0 * _EXPECTED or (len(seen) == 2 and total <= _FEW):
        some = slice(1) if len(seen) == 2 else slice(None)
        pairs = zip(seen[some], meant[some], strict=True)
        each = [_binomial(int(count), int(total), float(share)) for count, share in pairs]
        return min(1.0, len(each) * min(each))
    return chi_square_tail(float(((seen - expected) ** 2 / expected).sum()), len(seen) - 1)


def alike(some: npt.ArrayLike, of: npt.ArrayLike) -> float:
    """p-value that ``some`` int[m] are the same share of ``of`` int[m] in all arms.

    Pearson's chi-square of homogeneity, over the arms in which at least ten are expected with and
    without; 1 where fewer than two such arms are left.
    """
    found, whole = np.asarray(some, np.float64), np.asarray(of, np.float64)
    share = found.sum() / max(whole.sum(), 1.0)
    enough = whole * min(share, 1.0 - share) >= _EXPECTED
    found, whole = found[enough], whole[enough]
    if len(found) < 2 or not 0.0 < found.sum() < whole.sum():
        return 1.0
    share = found.sum() / whole.sum()
    apart = (found - whole * share) ** 2 / (whole * share * (1.0 - share))
    return chi_square_tail(float(apart.sum()), len(found) - 1)


def _binomial(successes: int, trials: int, chance: float) -> float:
    k = np.arange(trials + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(k[1:]))])
    ways = logs[-1] - logs - logs[::-1]
    mass = np.exp(ways + k * math.log(chance) + (trials - k) * math.log1p(-chance))
    return min(1.0, float(mass[mass <= mass[successes] * (1.0 + 1e-7)].sum()))
