"""Means that go through the logistic link, of every action in float32, within a bound.

They only tell whom it is worth to settle: `curved_pairs` finds in float64 what a decision hangs on.
A few rows are beside each other, and pass sixteen actions at a time: the products with the modes,
the curve, and the sum of it all stay in the first-level cache. A row's sums run in the same order
in every batch, alone or among others.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float32, Float64
from bandit.kernels import simd
from bandit.kernels._compile import inline, serial
from bandit.kernels.linear import curved_sums
from bandit.kernels.linear.curved_sums import sums_into

LANES = simd.LANES
UNIT = 2.0**-24
LEAST = 2.0**-149
"""Float32's smallest number."""
MOST = 1e30
"""Products with more than this may come to no number."""
BEND = 4e-7
"""By how much a chance is off at most, for whatever score: `curve_16`."""
_END = np.float32(16.0)
"""Beyond this a chance is 0 or 1 within 1.2e-7."""
# σ(s) = ½ + s P(s²)/Q(s²) on [−16, 16], highest power first, off by 6.5e-8 where sums are exact.
_ABOVE = np.array([
    4.418049148559587e-08, 4.591915362363704e-05, 0.008071024636435484, 0.2499998405086062,
], np.float32)  # fmt: skip
_BELOW = np.array([
    9.468109354501065e-10, 3.703565929633033e-06, 0.0014852386949004235, 0.11561684536939001, 1.0,
], np.float32)  # fmt: skip


def packed(
    theta: Float64, weight: Float64, rest: Float64, scale: Float64
) -> tuple[Float32, Float32, Float32, float]:
    """Panels, weights, ``error`` float32[w] and ``ground`` as `means_into` and bounds take them.

    ``theta`` float64[e, k, d], ``weight`` float64[e, k], ``rest`` float64[k, d], w = padded(k, 16).
    Panels are float32[w / 16, e or e + 1, d, 16], the rest before the modes unless it is next
    to nothing; weights float32[e, w]. What is found of action a lies within ``error_a·|x / scale| +
    ground`` of ``Σ_e weight_ea σ(xᵀ theta_ea) + xᵀ rest_a``.
    """
    parts, k, d = theta.shape
    with np.errstate(over="ignore", invalid="ignore"):
        panels, weights = curved_sums.panels(theta, weight, rest, LANES, np.float32)
        error = np.zeros(weights.shape[1], np.float32)
        # Of a product with d features, its factors rounded before: d + 3 roundings. A curve is
        # nowhere steeper than a quarter. Then the sum over the parts.
        size = np.abs(weight)
        slope = (np.linalg.norm(theta * scale, axis=2) * size).sum(axis=0) / 4.0
        line = np.linalg.norm(rest * scale, axis=1)
        whole = bool((line > UNIT * slope).any())
        error[:k] = 1.01 * UNIT * ((d + 3.0) * slope + (d + parts + 5.0) * line)
        error[:k] += 0.0 if whole else 1.01 * line
        # Beyond float32's range a number loses more than its last digits: half of `LEAST` each.
        error[:k] += LEAST * np.linalg.norm(scale) * (1.0 + size.sum(axis=0) / 4.0)
        most = np.abs(panels).max(axis=(1, 2)).reshape(-1)[:k]
        error[:k][~(most < MOST)] = np.inf
        ground = 1.01 * float(((BEND + (parts + 5.0) * UNIT) * size.sum(axis=0)).max())
    apart = panels if whole else np.ascontiguousarray(panels[:, 1:])
    return apart, weights, np.nextafter(error, np.float32(np.inf)), ground


def empty_rooms(n: int, d: int, grain: int) -> Float32:
    """Scratch of `means_into` for n rows, a line for each ``grain`` of them."""
    return curved_sums.empty_rooms(n, d, grain, LANES, np.float32)


@inline
def curve_16(score: simd.Vector32) -> simd.Vector32:
    """σ of sixteen scores, off by `BEND` at most; what is no number becomes an end of it."""
    end = simd.splat(_END)
    s = simd.minimum(simd.maximum(score, simd.splat(-_END)), end)
    t = simd.mul(s, s)
    above, below = simd.splat(_ABOVE[0]), simd.splat(_BELOW[0])
    for i in range(1, _ABOVE.size):
        above = simd.fma(above, t, simd.splat(_ABOVE[i]))
    for i in range(1, _BELOW.size):
        below = simd.fma(below, t, simd.splat(_BELOW[i]))
    return simd.add(simd.splat(np.float32(0.5)), simd.div(simd.mul(s, above), below))


@serial
def means_into(
    first: int, last: int, narrow: Float32, broad: Float64, panels: Float32, weight: Float32,
    grain: int, rooms: Float32, out: Float32,
) -> None:  # fmt: skip
    """Write what `packed` names to ``out`` float32[n, w], rows first to last.

    ``rooms`` as `empty_rooms` makes them; ``narrow`` float32[n, d] or ``broad`` float64[n, d], the
    other empty.
    """
    room = rooms[first // grain]
    sums_into(curve_16, LANES, first, last, narrow, broad, panels, weight, room, out)
