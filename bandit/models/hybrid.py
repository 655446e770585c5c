"""The hybrid model at given strengths: what actions share, each action's own part, the evidence.

``θ_a = Z_a β + δ_a`` with ``β ~ N(0, σ² (Λ ⊗ P)⁻¹)``, ``δ_a ~ N(0, σ² (λ P)⁻¹)``: z_a are the
features of action a, Z_a = z_aᵀ ⊗ I. ``P⁻¹ = I + c u uᵀ`` gives the intercept, whose coefficients
are u, a weaker precision than the slopes; everything is solved in coordinates in which P is I.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64
from bandit.kernels import simd
from bandit.kernels.linear import blocked_cholesky, pooled, pooled_covariance
from bandit.kernels.simd import product
from bandit.kernels.threads import grain, spread
from bandit.models.sums import Sums


class Strengths(NamedTuple):
    """``shared`` float64[q]: Λ a column of the features; ``own``: λ; ``intercept``: c.

    ``noise`` is the noise variance; the likeliest where None.
    """

    shared: Float64
    own: float
    intercept: float
    noise: float | None = None


class Split(NamedTuple):
    """Columns of the features: those of which an action has at most one, and the others.

    ``single`` and ``rest`` are column numbers, ``table`` float64[k, rest]; ``group`` int64[k] is
    the position in ``single`` of the action's column (-1: none) and ``entry`` float64[k] its
    value. ``begin``, ``member``, ``weight`` list the actions column by column.
    """

    single: Array
    rest: Array
    table: Float64
    group: Array
    entry: Float64
    begin: Array
    member: Array
    weight: Float64


class Solved(NamedTuple):
    """Means in the user's coordinates, noise variance and log marginal likelihood.

    ``shared_mean`` float64[k, d] is what the features of an action let expect: ``m u + Z β̂``.
    """

    mean: Float64
    shared_mean: Float64
    noise_variance: float
    evidence: float


class Own(NamedTuple):
    """What is left of the sums once own parts are integrated out; of λ and c alone."""

    gram: Float64
    inner: Float64
    told: Float64
    drawn: Float64
    facts: Float64


class System(NamedTuple):
    """The dense system without its precisions; of λ, c and single columns' precisions alone.

    ``matrix`` is padded with ones on its diagonal; ``facts`` are of the single columns.
    """

    own: Own
    root: Float64
    cross: Float64
    met: Array
    left: Float64
    facts: Float64
    matrix: Float64
    vector: Float64


class Facts(NamedTuple):
    """One turn of the elimination: everything that moments and evidence are made of."""

    system: System
    matrix: Float64
    vector: Float64
    noise_variance: float
    evidence: float


def split(features: Float64) -> Split:
    """Find as many columns of features float64[k, q] as no two of which meet in an action."""
    present = features != 0.0
    taken = np.zeros(features.shape[0], bool)
    single = []
    for column in np.lexsort((np.arange(features.shape[1]), present.sum(axis=0))):
        if not (taken & present[:, column]).any():
            single.append(int(column))
            taken |= present[:, column]
    chosen = np.array(sorted(single), np.int64)
    rest = np.array([c for c in range(features.shape[1]) if c not in set(single)], np.int64)
    inside = present[:, chosen]
    group = np.where(inside.any(axis=1), inside.argmax(axis=1), -1).astype(np.int64)
    entry = np.where(group >= 0, features[np.arange(group.size), chosen[group]], 0.0)
    member = np.flatnonzero(group >= 0)[np.argsort(group[group >= 0], kind="stable")]
    begin = np.searchsorted(group[member], np.arange(chosen.size + 1)).astype(np.int64)
    table = np.ascontiguousarray(features[:, rest])
    return Split(chosen, rest, table, group, entry, begin, member, entry[member])


def own_level(sums: Sums, strengths: Strengths) -> Own:
    """Integrate out own parts."""
    gram = _turned(sums.gram, sums.unit, strengths.intercept)
    shift = sums.shift - sums.baseline * np.einsum("kij,j->ki", sums.gram, sums.unit)
    level = _step(sums.unit, strengths.intercept) * np.einsum("ki,i->k", shift, sums.unit)
    shift = shift + np.outer(level, sums.unit)
    k, d = shift.shape
    inner, told, drawn = np.zeros_like(gram), np.zeros((k, d)), np.zeros((k, d))
    facts = np.zeros((k, 2))
    spread(
        pooled.own_level_into, k, grain(d**3), gram, shift, strengths.own, inner, told, drawn, facts
    )
    return Own(gram, inner, told, drawn, facts)


def dense_system(sums: Sums, parts: Split, strengths: Strengths, own: Own) -> System:
    """Integrate out single columns too."""
    inner, told, d = own.inner, own.told, sums.n_features
    groups, q = parts.single.size, parts.rest.size
    members = parts.member.size // max(groups, 1)
    width = product.padded(product.padded(d, product.ROWS), simd.LANES_64)
    root, cross = np.zeros((groups, d, d)), np.zeros((groups, q, d, width))
    met = np.zeros((groups, q), np.bool_)
    left, group = np.zeros((groups, d)), np.zeros((groups, 2))
    spread(
        pooled.group_level_into, groups, grain(d**3 + members * q * d**2),
        parts.begin, parts.member, parts.weight, parts.table, strengths.shared[parts.single],
        inner, told, root, cross, met, left, group,
    )  # fmt: skip
    matrix, vector = _padded(q * d), np.zeros(q * d)
    spread(
        pooled.dense_rows_into, q, grain(q * d**2 * (len(inner) + groups * d)),
        parts.table, inner, told, cross, met, left, matrix, vector,
    )  # fmt: skip
    return System(own, root, cross, met, left, group, matrix, vector)


def eliminate(sums: Sums, parts: Split, strengths: Strengths, known: System | None = None) -> Facts:
    """Integrate out own parts and single columns, and factor what is left.

    ``known`` is the dense system of the same λ, c and precisions of single columns, where it was
    found already.
    """
    system = known or dense_system(sums, parts, strengths, own_level(sums, strengths))
    matrix, vector = system.matrix.copy(), system.vector.copy()
    precision, d, size = strengths.shared[parts.rest], sums.n_features, vector.size
    matrix.reshape(-1)[: size * (len(matrix) + 1) : len(matrix) + 1] += np.repeat(precision, d)
    _factor_whole(matrix)
    blocked_cholesky.forward_into(matrix, vector)
    own, group = system.own.facts, system.facts
    explained = float(own[:, 1].sum() + group[:, 1].sum() + (vector**2).sum())
    curvature = own[:, 0].sum() + group[:, 0].sum()
    curvature += 2.0 * np.log(np.diag(matrix)).sum() - d * np.log(precision).sum()
    base, n = sums.baseline, float(sums.count.sum())
    total = float((sums.square_sum - 2.0 * base * sums.reward_sum + base**2 * sums.count).sum())
    squares = max(total - explained, 0.0)
    noise = strengths.noise or (squares / n if n > 0.0 else 0.0) or 1.0
    evidence = -0.5 * (n * np.log(2.0 * np.pi * noise) + squares / noise + float(curvature))
    return Facts(system, matrix, vector, noise, evidence)


def solve(sums: Sums, parts: Split, strengths: Strengths, first: int = 0) -> Solved:
    """Means float64[k, d]; of the actions from ``first`` on alone, where that is given.

    ``λD = I − H/λ``, so no action needs a factor of its own again.
    """
    facts = eliminate(sums, parts, strengths)
    beta = facts.vector.copy()
    blocked_cholesky.backward_into(facts.matrix, beta)
    rows, group = parts.table[first:], parts.group[first:]
    shared = np.einsum("kq,qd->kd", rows, beta.reshape(parts.rest.size, sums.n_features))
    inside = np.flatnonzero(group >= 0)
    columns = _columns(facts.system, beta)
    shared[inside] += parts.entry[first:][inside, None] * columns[group[inside]]
    known = facts.system.own
    own = known.drawn[first:] + shared
    own -= np.einsum("kij,kj->ki", known.inner[first:], shared) / strengths.own
    mean, common = (_back(found, sums, strengths) for found in (own, shared))
    return Solved(mean, common, facts.noise_variance, facts.evidence)


def covariances(sums: Sums, parts: Split, strengths: Strengths, first: int = 0) -> Float64:
    """float64[k, d, d] in units of the noise variance, of the actions from ``first`` on."""
    facts = eliminate(sums, parts, strengths)
    system, d = facts.system, sums.n_features
    gram, group = system.own.gram[first:], parts.group[first:]
    panels = product.padded(d, simd.LANES_64) // simd.LANES_64
    turned = np.zeros((parts.rest.size, panels, len(facts.matrix), simd.LANES_64))
    spread(pooled_covariance.columns_into, len(turned), 1, d, facts.matrix, turned)
    found, groups = np.zeros_like(gram), np.unique(group)
    member = np.argsort(group, kind="stable")
    begin = np.append(np.searchsorted(group[member], groups), group.size)
    spread(
        pooled_covariance.covariances_into, len(groups), 1,
        groups, begin, member, parts.entry[first:], parts.table[first:], gram, strengths.own,
        facts.matrix, turned, system.root, system.cross, system.met, found,
    )  # fmt: skip
    return _turned(found, sums.unit, strengths.intercept)


def _back(found: Float64, sums: Sums, strengths: Strengths) -> Float64:
    """Means in the user's coordinates."""
    level = _step(sums.unit, strengths.intercept) * np.einsum("ki,i->k", found, sums.unit)
    turned: Float64 = found + np.outer(level + sums.baseline, sums.unit)
    return turned


def _columns(system: System, beta: Float64) -> Float64:
    """Coefficients of the single columns, ``F⁻¹(g − Bᵀβ)`` float64[e, d]."""
    d = system.left.shape[1]
    known = beta.reshape(-1, d)
    rest: Float64 = system.left - np.einsum("eqmi,qi->em", system.cross[..., :d], known)
    for lower, row in zip(system.root, rest, strict=True):
        blocked_cholesky.backward_into(lower, row)
    return rest


def factor(matrix: Float64) -> None:
    """Cholesky factor in place of a matrix of any size."""
    size = len(matrix)
    found = _padded(size)
    found[:size, :size] = matrix
    _factor_whole(found)
    matrix[:] = found[:size, :size]


def _padded(size: int) -> Float64:
    """Zeros, with ones on the diagonal of what is added: so no tile ends outside."""
    whole = product.padded(size, blocked_cholesky.WHOLE)
    return np.diag((np.arange(whole) >= size).astype(np.float64))


def _factor_whole(matrix: Float64) -> None:
    """Block by block, in one order whatever the threads; of a matrix that is `_padded`."""
    whole = len(matrix)
    panel = np.zeros((2, blocked_cholesky.BLOCK, whole))
    for start in range(0, whole, blocked_cholesky.BLOCK):
        stop = min(whole, start + blocked_cholesky.BLOCK)
        blocked_cholesky.factor_block(matrix, start, stop, panel[1])
        for step in (blocked_cholesky.panel_rows_into, blocked_cholesky.trailing_rows_into):
            spread(step, whole - stop, blocked_cholesky.ROWS, matrix, start, stop, *panel)


def _step(unit: Float64, intercept: float) -> float:
    """γ of ``(I + c u uᵀ)^½ = I + γ u uᵀ``."""
    square = float(unit @ unit)
    return (math.sqrt(1.0 + intercept * square) - 1.0) / square if square > 0.0 else 0.0


def _turned(matrices: Float64, unit: Float64, intercept: float) -> Float64:
    """``T M T`` of symmetric matrices float64[k, d, d], T = (I + c u uᵀ)^½."""
    step = _step(unit, intercept)
    if step == 0.0:
        return matrices
    seen = np.einsum("kij,j->ki", matrices, unit)
    level = np.einsum("ki,i->k", seen, unit)
    edge = step * seen + 0.5 * step**2 * level[:, None] * unit
    turned: Float64 = matrices + edge[:, :, None] * unit + edge[:, None, :] * unit[:, None]
    return turned
