"""The leading directions of actions' covariances, as `kernels.linear.leading` reads them."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float32, Float64
from bandit.kernels.linear import int16_bounds as coarse
from bandit.kernels.linear.leading import Leading
from bandit.kernels.threads import spread
from bandit.models.rounding import UNIT, half_steps, rounded

LOOSE = 1.5
"""How much wider than at least a width may be, by the bounds of the median action, for its
directions to be worth finding: after some thousand rows they are not."""
PART = 16, 3
"""Of so many features so many directions: of fewer too many contenders are left to settle, more
cost more than they spare."""
SAFETY = 3e-6
"""Relative, of eigenvalues: what the solve and float64's factors lose at the most (`CERTAIN`)."""
CERTAIN = 1e8
"""Condition number up to which that holds."""


def no_directions() -> Leading:
    """None are found."""
    none = np.zeros(0, np.float32)
    return Leading(np.zeros(0, np.int16), none, none, none, none)


def _eigen_into(
    first: int, last: int, inverse: Float64, lower: Float64, values: Float64, vectors: Float64
) -> None:
    """``values`` [k, d], ``vectors`` [k, d, d] of actions first to last, whitened."""
    turned = inverse[first:last] @ lower
    found = np.linalg.eigh(turned.transpose(0, 2, 1) @ turned)
    values[first:last], vectors[first:last] = found


def leading_directions(
    inverse: Float64, condition: Float64, root: Float64, lower: Float64, inverse_scale: Float32,
    upper: Float32, narrow: Float32, columns: int,
) -> Leading:  # fmt: skip
    """Find them for k actions in ``columns``, or none where bounds are close without them.

    ``inverse`` float64[k, d, d] are the actions' W, ``root`` R and ``lower`` R⁻¹ of the pooled
    precision, ``inverse_scale`` [≥ d] that of contexts' columns, ``narrow``·q ≤ s ≤ ``upper``·q.
    """
    k, d = inverse.shape[:2]
    count = max(1, d * PART[1] // PART[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        loose = np.median(upper[:k] / narrow[:k])
    if not (loose > LOOSE and condition.max() < CERTAIN and d > count):
        return no_directions()
    values, vectors = np.empty((k, d)), np.empty((k, d, d))
    spread(_eigen_into, k, 16, inverse, lower, values, vectors)
    rest = values[:, -count - 1]
    slack = 1e-12 * values[:, -1]
    length = np.sqrt(np.maximum(values[:, -count:] - rest[:, None], 0.0) * (1.0 + SAFETY))
    back = 1.0 / inverse_scale[:d].astype(np.float64)
    limit = 32700.0 - np.sqrt(d)
    size = columns * (d + d % 2)
    weights, steps = np.zeros(count * size, np.int16), np.zeros(count * columns, np.float32)
    squares = np.zeros(k)
    for i in range(count):
        row = (length[:, i, None] * vectors[:, :, d - count + i]) @ root * back
        whole, step, lost = rounded(row, limit)
        coarse.pack_panels_into(whole, weights[i * size : (i + 1) * size])
        steps[i * columns : i * columns + k] = step
        norm: Array = np.linalg.norm(row, axis=1)
        squares += ((half_steps(d, limit) + 16.0 * UNIT) * norm + 1.001 * lost) ** 2
    error, most, least = np.zeros((3, columns), np.float32)
    error[:k] = np.sqrt(squares) * (1.0 + 1e-6)
    most[:k] = (rest * (1.0 + SAFETY) + slack) * (1.0 + 1e-6)
    least[:k] = np.maximum(values[:, 0] * (1.0 - SAFETY) - slack, 0.0) * (1.0 - 1e-6)
    return Leading(weights, steps, error, most, least)
