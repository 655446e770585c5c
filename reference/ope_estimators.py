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


def betting_lower(y, delta, limit=0.75, grid=4001):
    """Largest guess on a fine grid whose capital is 1/δ at the end; sums of logarithms."""
    y, best = np.asarray(y, float), 0.0
    for m in np.linspace(0.0, 1.0, grid)[1:]:
        bets = [min(3.0**e, limit / m) for e in range(-9, 7)]
        wealth = [sum(math.log1p(bet * (value - m)) for value in y) for bet in bets]
        if np.mean(np.exp(np.minimum(wealth, 600.0))) < 1.0 / delta:
            break
        best = m
    return best


def adaptive_lower(y, delta):
    """Mixture of empirical Bernstein processes over 16 λ, inverted on a grid of means."""
    y = np.asarray(y, float)
    total, size, squares = 0.5, 1.0, 0.0
    for value in y:
        squares += (value - min(total / size, 1.0)) ** 2
        total, size = total + value, size + 1.0
    lams = np.array([0.9 / 2.0**j for j in range(16)])
    best = 0.0
    for m in np.linspace(0.0, 1.0, 20001):
        excess = y.sum() - m * len(y)
        process = np.mean(np.exp(lams * excess + (np.log1p(-lams) + lams) * squares))
        if process < 1.0 / delta:
            break
        best = m
    return best
