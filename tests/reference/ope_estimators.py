"""Estimators and limits, row by row from the formulae of design.md: the oracle of bandit.ope."""

from __future__ import annotations

import math

import numpy as np


def ips(r, w, clip=math.inf):
    return sum(min(wi, clip) * ri for ri, wi in zip(r, w, strict=True)) / len(r)


def snips(r, w):
    return sum(wi * ri for ri, wi in zip(r, w, strict=True)) / sum(w)


def dm(qt):
    return sum(qt) / len(qt)


def replay(r, match):
    kept = [ri for ri, m in zip(r, match, strict=True) if m]
    return sum(kept) / len(kept)


def _model_based(r, w, q, qt, shrink):
    return sum(t + shrink(wi) * (ri - qi) for ri, wi, qi, t in zip(r, w, q, qt, strict=True)) / len(
        r
    )


def dr(r, w, q, qt, clip=math.inf):
    return _model_based(r, w, q, qt, lambda v: min(v, clip))


def sndr(r, w, q, qt):
    mean = sum(w) / len(w)
    return _model_based(r, w, q, qt, lambda v: v / mean)


def switch_dr(r, w, q, qt, threshold):
    return _model_based(r, w, q, qt, lambda v: v if v <= threshold else 0.0)


def dros(r, w, q, qt, shrinkage):
    return _model_based(r, w, q, qt, lambda v: shrinkage * v / (v * v + shrinkage))


def _smooth(lam):
    return lambda v: v / (1.0 - lam + lam * v) if v > 0.0 else 0.0


def sg_ips(r, w, shrinkage):
    zeros = [0.0] * len(r)
    return _model_based(r, w, zeros, zeros, _smooth(shrinkage))


def sg_dr(r, w, q, qt, shrinkage):
    return _model_based(r, w, q, qt, _smooth(shrinkage))


def cluster_standard_error(numerators, denominators, clusters):
    """Delta method on cluster sums of a ratio: the variance of a mean of m clusters."""
    names = sorted(set(clusters))
    top = np.array(
        [sum(x for x, c in zip(numerators, clusters, strict=True) if c == g) for g in names]
    )
    low = np.array(
        [sum(x for x, c in zip(denominators, clusters, strict=True) if c == g) for g in names]
    )
    m, ratio = len(names), top.sum() / low.sum()
    spread = np.var(top - ratio * low, ddof=1)
    return math.sqrt(spread / m) / low.mean()


def betting_lower(y, delta, scale=1.0, limit=0.75, grid=4001):
    """Largest guess on a fine grid whose capital passed 1/δ at some time; no halving."""
    y = np.asarray(y, float) / scale
    best = 0.0
    for m in np.linspace(0.0, 1.0, grid)[1:]:
        total, size, squares, wealth = 0.5, 1.0, 0.25, 0.0
        for t, value in enumerate(y, start=1):
            variance = squares / t
            bet = math.sqrt(2.0 * math.log(1.0 / delta) / (variance * t * math.log(t + 1.0)))
            wealth += math.log1p(min(bet, limit / m) * (value - m))
            if wealth >= math.log(1.0 / delta):
                best = m
                break
            total, size = total + value, size + 1.0
            squares += (value - total / size) ** 2
        else:
            break
    return best * scale


def adaptive_lower(y, delta):
    """Mixture of empirical Bernstein processes over 120 λ, inverted on a grid of means."""
    y = np.asarray(y, float)
    total, size, squares = 0.5, 1.0, 0.0
    for value in y:
        squares += (value - min(total / size, 1.0)) ** 2
        total, size = total + value, size + 1.0
    lams = np.exp(np.linspace(math.log(1e-6), math.log(0.99), 120))
    best = 0.0
    for m in np.linspace(0.0, 1.0, 20001):
        process = np.mean(
            np.exp(lams * (y.sum() - m * len(y)) + (np.log1p(-lams) + lams) * squares)
        )
        if process < 1.0 / delta:
            break
        best = m
    return best
