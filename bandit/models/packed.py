"""A posterior in the form that the choose kernels read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bandit.core.errors import DataError
from bandit.core.types import Array, Float32, Float64
from bandit.kernels import simd
from bandit.kernels.linear import dense_widths, loewner
from bandit.kernels.linear import int16_bounds as coarse
from bandit.kernels.linear.contenders import UNDERFLOW
from bandit.kernels.linear.curved_pairs import no_curves
from bandit.kernels.linear.decide import Model
from bandit.kernels.linear.dense_widths import Dense
from bandit.kernels.linear.int16_bounds import Coarse
from bandit.kernels.linear.link import IDENTITY
from bandit.kernels.linear.pooled import root_factors_into
from bandit.kernels.linear.win_probability import REACH
from bandit.kernels.simd import product
from bandit.kernels.threads import grain, spread
from bandit.models.leading_directions import leading_directions, no_directions
from bandit.models.rounding import UNIT, half_steps, rounded

CONDITION_LIMIT = 1e12
"""Beyond this the digits of a solution are noise: float64 carries 16, the solve loses 12."""
SINGLE_LIMIT = 1e6
"""Condition number up to which a float32 factor gives a width to about 1e-5 relative."""
FIRST_LIMIT = 3e3
"""Condition number of the pooled factor, its columns scaled, beyond which it bounds nothing."""
DENSE_LIMIT = 1 << 26
"""Elements of float32 for covariances side by side: a quarter of a gigabyte."""


def _coarse(mean: Float64, root: Float64, scale: Float64, columns: int) -> Coarse:
    k, d = mean.shape
    limit = 32700.0 - np.sqrt(d)
    wide = product.padded(d, simd.LANES)
    inverse = np.zeros(wide, np.float32)
    with np.errstate(over="ignore", divide="ignore"):
        inverse[:d] = 1.0 / scale
    back = 1.0 / inverse[:d].astype(np.float64)
    # Half a step in every feature, and half a percent for the rounding of the product before it.
    round_off, single = half_steps(d, limit), 16.0 * UNIT
    means, root_scaled = mean * back, root * back
    whole, step, lost = rounded(means, limit)
    panels = np.zeros(columns * (d + d % 2), np.int16)
    coarse.pack_panels_into(whole, panels)
    mean_step, error = np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    mean_step[:k] = step
    with np.errstate(over="ignore"):
        error[:k] = (round_off + single) * np.linalg.norm(means, axis=1) + 1.001 * lost
    error[:k] *= np.float32(1.000001)
    whole, step, lost = rounded(root_scaled, limit)
    triangle = np.zeros(coarse.root_size(d), np.int16)
    coarse.pack_root_into(whole, triangle)
    root_step = np.zeros(wide, np.float32)
    root_step[:d] = step
    frobenius = np.linalg.norm(root_scaled)
    spectral = 1.001 * np.linalg.norm(root_scaled, 2)
    root_error = round_off * spectral + 1.001 * np.linalg.norm(lost)
    root_error += (d + 24) * UNIT * frobenius
    return Coarse(
        inverse, panels, mean_step, error, triangle, root_step, float(root_error), float(limit),
        float(1.0 + (d + 24) * UNIT), float(UNDERFLOW),
    )  # fmt: skip


def _by_covariance(inverse: Float64) -> tuple[Array, Array]:
    """First action of each covariance that occurs, and the place of each action's among them."""
    places: dict[bytes, int] = {}
    firsts: list[int] = []
    column = np.empty(len(inverse), np.int32)
    for a, factor in enumerate(inverse):
        column[a] = places.setdefault(factor.tobytes(), len(places))
        if column[a] == len(firsts):
            firsts.append(a)
    return np.array(firsts), column


def _kinds(mean: Float64, column: Array) -> Array:
    """A number for each mean and covariance that occurs, int32[k]; nothing if all differ."""
    places: dict[tuple[int, bytes], int] = {}
    found = [
        places.setdefault((int(c), m.tobytes()), len(places))
        for m, c in zip(mean, column, strict=True)
    ]
    return np.array(found if len(places) < len(found) else [], np.int32)


def _dense(mean: Float64, inverse: Float64, root: Float64, lower: Float64, bounded: bool) -> Dense:
    """Covariances side by side; empty where nothing is bounded or they need too much room."""
    k, d = mean.shape
    firsts, column = _by_covariance(inverse)
    kinds = _kinds(mean, column)
    width, depth = product.padded(len(firsts), simd.LANES), d * (d + 1) // 2
    if not bounded or d > dense_widths.DEPTH or width * depth > DENSE_LIMIT:
        none = np.zeros(0, np.float32)
        return Dense(
            np.zeros(0), np.zeros((0, d, 8)), np.zeros(0, np.uint8), column, kinds, none, none,
            none, np.zeros(1, np.int64), np.zeros(0, np.int16), none, none, False,
        )  # fmt: skip
    vech, share, size = np.zeros((width, depth)), np.zeros(width), np.zeros(width)
    spread(dense_widths.covariances_into, len(firsts), 1, inverse[firsts], lower, vech, share, size)
    # Rows of the triangle to a depth, one at least.
    corners = np.arange(d + 1) * np.arange(1, d + 2) // 2
    edges = [0]
    while edges[-1] < d:
        full = corners[edges[-1]] + dense_widths.DEPTH
        edges.append(int(np.searchsorted(corners, full, side="right")) - 1)
    panels = np.zeros(width * depth, np.float32)
    for begin, end in pairwise(corners[edges]):
        part = np.ascontiguousarray(vech[:, begin:end])
        product.pack_columns_into(part, panels[begin * width : end * width])
    packed_root = np.zeros((1, product.triangle_size(d, simd.LANES_64)))
    product.pack_triangles_into(root[None], simd.LANES_64, packed_root)
    theta = np.zeros((product.padded(k, 8), d))
    theta[:k] = mean
    side_by_side = np.ascontiguousarray(theta.reshape(-1, 8, d).transpose(0, 2, 1))
    known = np.array([group.any() for group in side_by_side], np.uint8)
    # Rounded up: they bound what a product loses.
    most = (size * 1.000001).astype(np.float32)
    limit = dense_widths.short_limit(d)
    whole, step, lost = rounded(vech, limit)
    short = np.zeros(width * dense_widths.dense_depth(d), np.int16)
    coarse.pack_panels_into(whole, short)
    # Half a step an element, a percent of it for the rounding of the squares before.
    error = (0.505 * np.sqrt(depth) / limit + 16.0 * UNIT) * size + 1.001 * lost
    error += 4.0 * UNIT * (share + size)
    return Dense(
        packed_root[0], side_by_side, known, column, kinds, share.astype(np.float32), most, panels,
        np.array(edges, np.int64), short, step, (error * 1.000001).astype(np.float32), False,
    )  # fmt: skip


def _open(mean: Float64, lower: Float64, upper: Float32) -> float:
    """Alpha from which on means are too near for bounds of sampled worths to leave anybody out.

    In whitened coordinates z, |z| = q, means are products with z: two differ by at most twice the
    longest way from the middle, times q. An action is out where that is more than `REACH`
    deviations of both, which are at most ``upper``·q.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        whitened = mean @ lower
        far = np.linalg.norm(whitened - whitened.mean(axis=0), axis=1).max()
        least = 1.001 * far / (REACH * float(upper[: len(mean)].min()))
    return float(least) if np.isfinite(least) else np.inf


def build_model(
    mean: Float64, inverse: Float64, pooled: Float64, condition: Float64, link: int = IDENTITY
) -> tuple[Model, bool]:
    """Pack means, factors and width bounds of k actions; tell whether the bounds hold.

    ``mean`` float64[k, d]; ``inverse`` float64[k, d, d] lower triangular W with covariance
    ``S = WᵀW`` (of S itself: the Cholesky factor of S with both axes reversed, transposed and
    reversed back); ``pooled`` float64[d, d] a precision that all actions resemble, as a weighted
    mean of S⁻¹; ``condition`` float64[k] of S scaled to unit diagonal; ``link`` what
    outcome a score xᵀθ stands for, `kernels.linear.link`.
    """
    k, d = mean.shape
    columns = product.padded(k, simd.LANES)
    root, lower = np.zeros((d, d)), np.zeros((d, d))
    upper, narrow = np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    scale = np.ones(d)
    bounded = bool(loewner.pooled_root(pooled, root, lower))
    if bounded:
        spread(loewner.bounds_into, k, grain(d**3), inverse, condition, lower, upper, narrow)
        scale, first = loewner.root_condition(root, lower)
        bounded = bool(first < FIRST_LIMIT)
    if not bounded:
        root, scale = np.eye(d), np.ones(d)
    theta = np.zeros((k, product.padded(d, simd.LANES_64)))
    theta[:, :d] = mean
    factors = np.zeros((k, product.triangle_size(d, simd.LANES_64)))
    product.pack_triangles_into(inverse, simd.LANES_64, factors)
    singles = k if condition.max() < SINGLE_LIMIT else 0
    single = np.zeros((singles, product.triangle_size(d, simd.LANES)), np.float32)
    product.pack_triangles_into(inverse[:singles], simd.LANES, single)
    dense = _dense(mean, inverse, root, lower, bounded)
    leading = no_directions()
    if bounded:
        leading = leading_directions(inverse, condition, lower, upper, narrow, dense)
    packed = Model(
        _coarse(mean, root, scale, columns), upper, narrow, theta, factors, single, dense, link,
        leading, _open(mean, lower, upper) if bounded else np.inf, no_curves(),
    )  # fmt: skip
    return packed, bounded


def root_factors(covariance: Float64) -> tuple[Float64, Float64]:
    """``W`` float64[k, d, d] lower triangular with covariance ``WᵀW``; condition float64[k]."""
    inverse, condition = np.zeros_like(covariance), np.zeros(len(covariance))
    spread(root_factors_into, len(covariance), 1, covariance, inverse, condition)
    bad = np.flatnonzero(~(condition <= CONDITION_LIMIT))
    if bad.size:
        raise DataError(
            f"the covariance of action {bad[0]} has condition number {condition[bad[0]]:.3g}, "
            f"beyond {CONDITION_LIMIT:g}: drop features that repeat others"
        )
    return inverse, condition


def model_of(
    mean: Float64,
    covariance: Float64,
    factors: tuple[Float64, Float64],
    *,
    sparse: bool = False,
) -> tuple[Model, bool]:
    """`build_model` of moments float64[k, d] and float64[k, d, d] with their `root_factors`.

    ``sparse`` where most actions know some features for sure: their precisions there are beyond
    all others, so what all resemble is the inverse of the mean covariance.
    """
    inverse, condition = factors
    middle = np.zeros_like(covariance[0])
    # Bounds only: no decision hangs on its digits.
    if sparse:
        loewner.pool_into(covariance, 0.0, 1.0 / np.einsum("kii->k", covariance), middle)
        return build_model(mean, inverse, np.linalg.inv(middle), condition)
    unit = np.asarray(np.linalg.inv(covariance), np.float64)
    weights = 1.0 / np.einsum("kii->k", unit)
    loewner.pool_into(unit, 0.0, weights, middle)
    return build_model(mean, inverse, middle, condition)
