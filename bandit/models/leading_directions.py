"""The leading directions of actions' covariances, as `kernels.linear.leading` reads them."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float32, Float64
from bandit.kernels.linear.close_widths import FEATURES
from bandit.kernels.linear.dense_widths import Dense
from bandit.kernels.linear.leading import WEIGHT, Leading
from bandit.kernels.threads import spread

LOOSE = 1.5
"""How much wider than at least a width may be, by the bounds of the median action, for its
directions to be worth finding: after some thousand rows they are not."""
PART = 4
"""One direction of so many features: of fewer too many contenders are left to settle, more cost
more than they spare."""
SAFETY = 3e-6
"""Relative, of eigenvalues: what the solve and float64's factors lose at the most (`CERTAIN`)."""
CERTAIN = 1e8
"""Condition number up to which that holds."""
LANES = 16
"""Columns side by side."""


def no_directions() -> Leading:
    """None are found."""
    none = np.zeros(0, np.float32)
    return Leading(np.zeros(0, np.int8), none, none, none, none, none)


def _all_of_it(upper: Float32, narrow: Float32, dense: Dense) -> Leading:
    """What bounds widths by all of E, which ``dense`` has."""
    share = dense.share.astype(np.float64)
    above, below = upper.astype(np.float64) ** 2 - share, share - narrow.astype(np.float64) ** 2
    norm = (np.maximum(np.maximum(above, below), 0.0) * 1.00001).astype(np.float32)
    # In a row that rounding makes longer, more is lost of E.
    lost = (dense.short_error * np.float32(1.05)).astype(np.float32)
    return Leading(
        np.zeros(0, np.int8), dense.short_step, norm, lost, dense.share, dense.share
    )  # fmt: skip


def _eigen_into(
    first: int, last: int, inverse: Float64, lower: Float64, values: Float64, vectors: Float64
) -> None:
    """``values`` [k, d], ``vectors`` [k, d, d] of actions first to last, whitened."""
    turned = inverse[first:last] @ lower
    values[first:last], vectors[first:last] = np.linalg.eigh(turned.transpose(0, 2, 1) @ turned)


def _packed(whole: Array, columns: int) -> Array:
    """Rows of weights int8[k, r, d] as `Leading.weights` has them."""
    k, count, d = whole.shape
    depth = (d + 3) >> 2
    wide = np.zeros((columns, count, 4 * depth), np.int8)
    wide[:k, :, :d] = whole
    fours = wide.reshape(-1, LANES, count, depth, 4).transpose(0, 2, 3, 1, 4)
    panels = np.empty((columns // LANES, count, 1 + depth, 4 * LANES), np.int8)
    panels[:, :, 1:] = fours.reshape(-1, count, depth, 4 * LANES)
    # Two sums a column, of the first and of the second two of each four.
    halves = fours.reshape(-1, count, depth, LANES, 2, 2).sum(axis=(2, 5), dtype=np.int64)
    panels[:, :, 0] = (-64 * halves).astype(np.int16).reshape(-1, count, 2 * LANES).view(np.int8)
    return panels.reshape(-1)


def leading_directions(
    inverse: Float64, condition: Float64, lower: Float64, upper: Float32, narrow: Float32,
    dense: Dense,
) -> Leading:  # fmt: skip
    """Find them for k actions, or none where bounds are close without them.

    ``inverse`` float64[k, d, d] are the actions' W, ``lower`` R⁻¹ of the pooled precision,
    ``narrow``·q ≤ s ≤ ``upper``·q float32[≥ k], padded to the columns;
    ``dense`` are the same covariances side by side.
    """
    k, d = inverse.shape[:2]
    count, columns = max(1, d // PART), upper.size
    with np.errstate(divide="ignore", invalid="ignore"):
        loose = np.median(upper[:k] / narrow[:k])
    if not (loose > LOOSE and condition.max() < CERTAIN and d > count):
        return no_directions()
    if d <= FEATURES and dense.panels.size and (dense.column == np.arange(k)).all():
        return _all_of_it(upper, narrow, dense)
    values, vectors = np.empty((k, d)), np.empty((k, d, d))
    spread(_eigen_into, k, 16, inverse, lower, values, vectors)
    rest, slack = values[:, -count - 1], 1e-12 * values[:, -1]
    length = np.sqrt(np.maximum(values[:, -count:] - rest[:, None], 0.0) * (1.0 + SAFETY))
    rows = length[:, :, None] * vectors[:, :, -count:].transpose(0, 2, 1)
    longest = np.maximum(length / WEIGHT, np.abs(rows).max(axis=2) / 127.0).max(axis=1)
    # A step of nothing, where all directions are alike, has multiples of nothing.
    step = (np.maximum(longest, 1e-30) * 1.000001).astype(np.float32)
    whole = np.rint(rows / step[:, None, None].astype(np.float64))
    lost = rows - whole * step[:, None, None].astype(np.float64)
    squares = lost @ lost.transpose(0, 2, 1)
    spectral = np.linalg.eigvalsh(squares)[:, -1] + 1e-12 * np.einsum("kii->k", squares)
    out = np.zeros((5, columns), np.float32)
    out[0, :k] = step
    out[2, :k] = np.sqrt(spectral) * 1.000001
    out[1, :k] = length[:, -1] * 1.000001 + out[2, :k]
    # The next number of float32 outwards holds where it has few digits left, too.
    most, least = rest * (1.0 + SAFETY) + slack, values[:, 0] * (1.0 - SAFETY) - slack
    out[3, :k] = np.nextafter((most * (1.0 + 1e-6)).astype(np.float32), np.float32(np.inf))
    out[4, :k] = np.nextafter((least * (1.0 - 1e-6)).astype(np.float32), np.float32(-np.inf))
    out[4] = np.maximum(out[4], 0.0)
    return Leading(_packed(whole.astype(np.int8), columns), *out)
