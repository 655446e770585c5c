"""Weights rounded to 16-bit integers, and what that loses."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Array, Float64

UNIT = 2.0**-24
"""Rounding of one float32 operation."""


def rounded(weights: Float64, limit: float) -> tuple[Array, Array, Float64]:
    """Rows in int16 (at most ``limit`` steps long), their float32 steps, what is lost of each."""
    with np.errstate(over="ignore"):
        step = (np.linalg.norm(weights, axis=1) / limit).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.rint(weights / step[:, None].astype(np.float64))
    # A row of zeros, or beyond float32: its step says so, its multiples say nothing.
    whole[~np.isfinite(whole).all(axis=1)] = 0.0
    whole = np.clip(whole, -32767.0, 32767.0)
    with np.errstate(invalid="ignore"):
        lost = np.linalg.norm(whole * step[:, None].astype(np.float64) - weights, axis=1)
    return whole.astype(np.int16), step, np.where(np.isnan(lost), np.inf, lost)


def half_steps(d: int, limit: float) -> float:
    """What rounding a context of d features loses of it: half a step in each, a percent over it."""
    return float(0.505 * np.sqrt(d) / limit)
