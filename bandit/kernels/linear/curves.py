"""Expected outcomes through the logistic link, less what a line says of them, in float64."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline, serial
from bandit.kernels.linear import curved_sums
from bandit.kernels.linear.curved_sums import sums_into
from bandit.kernels.linear.link import LOGIT, response_8

LANES = simd.LANES_64


def packed(theta: Float64, weight: Float64, base: Float64) -> tuple[Float64, Float64]:
    """Panels and weights as the kernels take them: ``−base`` is the line, see `curved_sums`."""
    return curved_sums.panels(theta, weight, -base, LANES, np.float64)


def empty_rooms(n: int, d: int, grain: int) -> Float64:
    """Scratch of `lifts_into` for n rows, a line for each ``grain`` of them."""
    return curved_sums.empty_rooms(n, d, grain, LANES, np.float64)


@inline
def _curve_8(score: simd.Vector64) -> simd.Vector64:
    return response_8(LOGIT, score)


@serial
def lifts_into(
    first: int, last: int, narrow: Float32, broad: Float64, panels: Float64, weight: Float64,
    grain: int, rooms: Float64, out: Float64,
) -> None:  # fmt: skip
    """Write lifts ``Σ_e w_ea σ(xᵀθ_ea) − xᵀb_a`` to ``out`` float64[n, k], rows first to last.

    ``panels`` and ``weight`` as `packed`, ``rooms`` as `empty_rooms` makes them; ``narrow``
    float32[n, d] or ``broad`` float64[n, d], the other empty.
    """
    room = rooms[first // grain]
    sums_into(_curve_8, LANES, first, last, narrow, broad, panels, weight, room, out)
