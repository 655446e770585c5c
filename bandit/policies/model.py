"""A posterior in the form that the choose kernels read."""

from __future__ import annotations

import numpy as np

from bandit.kernels import loewner, product, simd
from bandit.kernels.decide import Model
from bandit.kernels.threads import spread
from bandit.types import Float64

SINGLE_LIMIT = 1e6
"""Condition number up to which a float32 factor gives a width to about 1e-5 relative."""
WOBBLE_LIMIT = 0.1
"""Relative float32 error of the pooled norm beyond which it is not used to bound anything."""


def build_model(
    gram: Float64, count: Float64, ridge: float, mean: Float64, inverse: Float64, condition: Float64
) -> tuple[Model, bool]:
    """Pack means, factors and width bounds of k actions; tell whether the bounds hold."""
    k, d = mean.shape
    columns = product.padded(k, simd.LANES)
    panels = np.zeros(columns * d, np.float32)
    product.pack_columns_into(mean, panels)
    root, lower = np.zeros((d, d)), np.zeros((d, d))
    bounds = [np.zeros(columns, np.float32) for _ in range(3)]
    bounded = bool(loewner.pooled_root(gram, ridge, 1.0 / (count + ridge), root, lower))
    if bounded:
        spread(loewner.bounds_into, k, 1, inverse, condition, mean, root, lower, *bounds)
        bounded = bool(loewner.root_condition(root, lower)[2] < WOBBLE_LIMIT)
    triangle = np.zeros((1, product.triangle_size(d, simd.LANES)), np.float32)
    product.pack_triangles_into(0, 1, root[None], simd.LANES, triangle)
    theta = np.zeros((k, product.padded(d, simd.LANES_64)))
    theta[:, :d] = mean
    factors = np.zeros((k, product.triangle_size(d, simd.LANES_64)))
    spread(product.pack_triangles_into, k, 1, inverse, simd.LANES_64, factors)
    singles = k if condition.max() < SINGLE_LIMIT else 0
    single = np.zeros((singles, triangle.size), np.float32)
    spread(product.pack_triangles_into, singles, 1, inverse, simd.LANES, single)
    upper, narrow, slack = bounds
    packed = Model(panels, triangle[0], upper, narrow, slack, theta, factors, single)
    return packed, bounded
