"""Probability that one of several Beta draws, priced, is worth most: the formula, in many steps."""

from __future__ import annotations

import numpy as np
from scipy import stats

NODES = 20_001


def winning_probability(first, second, value, cost, own):
    """``∫ φ(z) Π_b P(v_b p_b − c_b ≤ v_a Q_a(Φ(z)) − c_a) dz``, ties to the lowest index."""
    z = np.linspace(-7.0, 7.0, NODES)
    worth = value[own] * stats.beta.ppf(stats.norm.cdf(z), first[own], second[own]) - cost[own]
    # Near one the mirrored Beta keeps its digits.
    upper = stats.beta.ppf(stats.norm.cdf(-z), second[own], first[own])
    worth = np.where(z > 0.0, value[own] * (1.0 - upper) - cost[own], worth)
    product = stats.norm.pdf(z)
    for b in range(len(first)):
        if b == own:
            continue
        if value[b] == 0.0:
            product = product * (worth > -cost[b] if b < own else worth >= -cost[b])
            continue
        rate = (worth + cost[b]) / value[b]
        law = stats.beta(first[b], second[b])
        product = product * (law.cdf(rate) if value[b] > 0.0 else law.sf(rate))
    return float(product.sum() * (z[1] - z[0]))
