"""Link functions g: the outcome that a score stands for, ``worth = value·g(score) − cost``."""

from __future__ import annotations

import math

import numpy as np

from bandit.core.types import Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline, serial
from bandit.kernels.stats.normal_lanes import logarithm_8

IDENTITY, LOGIT = range(2)
"""g(s) = s; g(s) = 1/(1 + exp(−s)), a probability."""
_LEAST = 1e-300
_NEAR_ONE = 1e-17
_REACH = 40.0
"""Beyond this a probability is 0 or 1 within 5e-18."""
# exp(y) on [−5/8, 5/8], highest power first, off by 3e-16 of itself; its 64th power by 2e-14.
_EXP = np.array([
    2.103413174441972e-09, 2.5256750503679565e-08, 2.7556472966949263e-07, 2.7556318744191684e-06,
    2.480158955677708e-05, 0.00019841272187611045, 0.0013888888885804547, 0.00833333333065909,
    0.04166666666668675, 0.16666666666679728, 0.4999999999999995, 0.9999999999999982, 1.0,
])  # fmt: skip


@inline
def response(link: int, score: float) -> float:
    """g(score)."""
    if link == LOGIT:
        return 1.0 / (1.0 + math.exp(-score))
    return score


@inline
def response_8(link: int, score: simd.Vector64) -> simd.Vector64:
    """Outcomes of eight scores, probabilities to 1e-14; what is no number becomes an end of g."""
    if link == LOGIT:
        one = simd.splat(1.0)
        score = simd.minimum(simd.maximum(score, simd.splat(-_REACH)), simd.splat(_REACH))
        y = simd.mul(score, simd.splat(-1.0 / 64.0))
        # Even and odd powers apart: two chains of half the length.
        square = simd.mul(y, y)
        even, odd = simd.splat(_EXP[0]), simd.splat(_EXP[1])
        for i in range(2, _EXP.size - 1, 2):
            even = simd.fma(even, square, simd.splat(_EXP[i]))
            odd = simd.fma(odd, square, simd.splat(_EXP[i + 1]))
        power = simd.fma(odd, y, simd.fma(even, square, simd.splat(_EXP[_EXP.size - 1])))
        for _ in range(6):
            power = simd.mul(power, power)
        return simd.div(one, simd.add(one, power))
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
