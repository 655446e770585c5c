"""Link functions g: the outcome that a score stands for, ``worth = value·g(score) − cost``."""

from __future__ import annotations

import math

from bandit.core.types import Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline, serial
from bandit.kernels.stats.normal_lanes import logarithm_8

IDENTITY, LOGIT = range(2)
"""g(s) = s; g(s) = 1/(1 + exp(−s)), a probability."""
_LEAST = 1e-300
_NEAR_ONE = 1e-17


@inline
def response(link: int, score: float) -> float:
    """g(score)."""
    if link == LOGIT:
        return 1.0 / (1.0 + math.exp(-score))
    return score


@inline
def score_8(link: int, outcome: simd.Vector64) -> simd.Vector64:
    """g⁻¹ of eight outcomes; beyond g's range the score of its end."""
    if link == LOGIT:
        one = simd.splat(1.0)
        outcome = simd.minimum(simd.maximum(outcome, simd.splat(_LEAST)), one)
        rest = simd.maximum(simd.sub(one, outcome), simd.splat(_NEAR_ONE))
        return logarithm_8(simd.div(outcome, rest))
    return outcome


@serial
def responses_into(first: int, last: int, link: int, scores: Float64) -> None:
    """``scores`` float64[n, k] → g(scores), rows first to last."""
    for i in range(first, last):
        for a in range(scores.shape[1]):
            scores[i, a] = response(link, scores[i, a])
