"""Expected outcomes through the logistic link, less what a linear model says of them."""

from __future__ import annotations

from bandit.core.types import Float32, Float64
from bandit.kernels._compile import serial
from bandit.kernels.linear.link import LOGIT, response


@serial
def curves_into(
    first: int, last: int, narrow: Float32, broad: Float64, theta: Float64, weight: Float64,
    base: Float64, grain: int, rooms: Float64, out: Float64,
) -> None:  # fmt: skip
    """Add to ``out`` float64[n, k] ``Σ_e w_ea σ(xᵀθ_ea) − xᵀb_a``, rows first to last.

    ``theta`` float64[e, d, k], ``weight`` float64[e, k], ``base`` float64[d, k]; ``narrow``
    float32[n, d] or ``broad`` float64[n, d], the other empty; ``rooms`` float64[⌈n/grain⌉, k] is
    scratch, a line for each ``grain`` rows. Summed in the order of the features, so it is the same
    in every batch.
    """
    d, k = base.shape
    score = rooms[first // grain]
    for i in range(first, last):
        for e in range(theta.shape[0]):
            for a in range(k):
                score[a] = 0.0
            for j in range(d):
                x = broad[i, j] if narrow.shape[0] == 0 else narrow[i, j]
                for a in range(k):
                    score[a] += x * theta[e, j, a]
            for a in range(k):
                out[i, a] += weight[e, a] * response(LOGIT, score[a])
        for a in range(k):
            score[a] = 0.0
        for j in range(d):
            x = broad[i, j] if narrow.shape[0] == 0 else narrow[i, j]
            for a in range(k):
                score[a] += x * base[j, a]
        for a in range(k):
            out[i, a] -= score[a]
