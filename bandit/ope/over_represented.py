"""Whether any kind of customer got an action more often than its propensities allow.

Weights 1/p of the rows that an action took add up, on average, to the rows that it might have
taken. Where some p are tiny the sum is mostly too small and once in a while far too large. What is
missing proves nothing: a row of p = 0.0001 that was not taken leaves no trace in a log. What is too
much does: the largest weights make a sum large and its standard error with it, so that a sum of
what is never negative hardly ever lies many of them above its mean, heavy as the tail may be.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float64, Int64
from bandit.stats.quantiles import normal_tail


class Taken(NamedTuple):
    """Rows ``able`` int64[n] to get an action, 1/p of those who got it, else 0, and clusters."""

    able: Int64
    inverse: Float64
    place: Int64
    clusters: int

    def only(self, kept: Bool) -> Taken:
        """Some of the rows, bool[n]."""
        return Taken(self.able[kept], self.inverse[kept], self.place[kept], self.clusters)

    def largest_z(self, kinds: Float64) -> float:
        """Of ``kinds`` float64[n, m] in [0, 1] and their complements: Σ (1[taken]/p - 1) f.

        Its variance is the larger of Σ s², s a cluster's part, and Σ f² (1 - p)/p² over the rows
        that were taken, which on average is the variance of the sum.
        """
        drawn = np.flatnonzero(self.inverse)
        chance = self.inverse[drawn] * (self.inverse[drawn] - 1.0)
        rest, z = self.inverse - 1.0, 0.0
        for part in (kinds, 1.0 - kinds):
            scores = np.stack(
                [
                    np.bincount(self.place, weights=rest * kind, minlength=self.clusters)
                    for kind in part.T
                ],
                axis=1,
            )
            excess = scores.sum(axis=0)
            spread = np.sqrt(np.maximum((scores**2).sum(axis=0), chance @ part[drawn] ** 2))
            ratio = np.divide(excess, spread, out=np.zeros(len(excess)), where=spread > 0.0)
            z = max(z, float(ratio.max()))
        return z


class Kinds(NamedTuple):
    """Contexts float64[n, d], and of each column its ``ranks`` float64[n, d] from 0 to 1."""

    contexts: Float64
    ranks: Float64

    @classmethod
    def of(cls, contexts: Float64) -> Kinds:
        """Ranks of the rows of a log."""
        ranks = [_ranks(column) for column in contexts.T]
        return cls(contexts, np.stack(ranks, axis=1) if ranks else np.zeros((len(contexts), 0)))

    def p_value(self, taken: Taken) -> float:
        """Of whoever got an action too often by most standard errors, times all who were asked for.

        That is everybody, the ranks of each feature and its upper half, and of a mixture of all
        features the ranks, the upper half and the upper tenth: the one that tells best who got it
        in one half of the clusters, asked of the other half.
        """
        ranks = self.ranks[taken.able]
        each = np.column_stack([np.ones(len(ranks)), ranks, ranks > 0.5])
        tails = [2 * each.shape[1] * _tail(taken.largest_z(each))]
        even = taken.place % 2 == 0
        for told, asked in ((even, ~even), (~even, even)):
            if not (told.any() and asked.any()):
                continue
            x = self.contexts[taken.able]
            x = np.column_stack([np.ones(len(x)), x])
            weights = np.linalg.lstsq(x[told], taken.inverse[told] - 1.0)[0]
            mixed = _ranks(x[asked] @ weights)
            several = np.column_stack([mixed, mixed > 0.5, mixed > 0.9])
            tails.append(2 * several.shape[1] * _tail(taken.only(asked).largest_z(several)))
        return min(1.0, len(tails) * float(min(tails)))


def _ranks(values: Float64) -> Float64:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    return np.asarray((below / max(1, below[-1]))[place])


def _tail(z: float) -> float:
    return 0.5 * normal_tail(z) if z > 0.0 else 1.0
