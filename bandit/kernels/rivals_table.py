"""Probabilities of all normal worths at once: every node is shared by all contenders.

``P(a) = ∫ f_a(t) Π_{b≠a} F_b(t) dt`` (Agrawal, Goyal 2013). One action at a time costs m nodes of m
factors each; here a node's factors are computed once, and the product without each is had from
products from the left and from the right. Panels of ten Gauss–Legendre nodes go down from the
highest end; what lies below t adds up to G(t) = Π F_b(t), so they end where that is below 1e-10.
"""

from __future__ import annotations

import numpy as np

from bandit.kernels._compile import serial
from bandit.kernels.normal import cumulative, density
from bandit.kernels.rivals import MOST_NODES, winning_probability
from bandit.kernels.worth import allowed

REACH = 6.5
"""Standard deviations beyond which a normal's tail (4e-11) is not looked at."""
_STEP = 1.5
"""A panel is at most this many of the smallest deviation that still bends in it.

Found by halving it: ten nodes differ from panels of 0.2 by less than 2e-10 for 4 to 101 contenders
whose deviations spread by factors of 1 to 20; 0.75 and 2.0 do no better and no worse."""
_LEAST = 1e-10
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


@serial
def _descend(centres, scales, count, shares, below, heights, left):
    """``shares`` float64[count] of positive ``scales``; the last three are scratch of that size."""
    top = -np.inf
    for c in range(count):
        shares[c] = 0.0
        top = max(top, centres[c] + REACH * scales[c])
    while True:
        size = np.inf
        for c in range(count):
            size = min(size, max(_STEP * scales[c], top - centres[c] - REACH * scales[c]))
        for node in range(_NODES.size):
            t = top - 0.5 * size * (1.0 - _NODES[node])
            weight = 0.5 * size * _WEIGHTS[node]
            product = 1.0
            for c in range(count):
                z = (t - centres[c]) / scales[c]
                left[c] = product
                if z >= REACH:
                    below[c], heights[c] = 1.0, 0.0
                else:
                    below[c], heights[c] = cumulative(z), density(z) / scales[c]
                    product *= below[c]
            product = weight
            for c in range(count - 1, -1, -1):
                shares[c] += heights[c] * left[c] * product
                product *= below[c]
        top -= size
        rest = 1.0
        for c in range(count):
            rest *= cumulative((top - centres[c]) / scales[c])
        if rest < _LEAST:
            return


@serial
def probabilities_into(first, last, means, widths, alpha, eligible, packing, values, costs, out):
    """``out`` float64[n, k]: probability that each action samples the largest worth.

    ``means``, ``widths`` float64[n, k], ``values``, ``costs`` float64[1 or n, k]. An action that
    cannot reach the others' lower ends gets zero; rows are made to sum to one.
    """
    k = means.shape[1]
    value_step = 0 if values.shape[0] == 1 else 1
    cost_step = 0 if costs.shape[0] == 1 else 1
    centres, scales, actions = np.empty(k), np.empty(k), np.empty(k, np.int64)
    shares, below, heights, left = np.empty(k), np.empty(k), np.empty(k), np.empty(k)
    work = np.empty(MOST_NODES)
    for i in range(first, last):
        floor = -np.inf
        for a in range(k):
            out[i, a] = 0.0
            if allowed(eligible, packing, i, a):
                value = values[i * value_step, a]
                centre = value * means[i, a] - costs[i * cost_step, a]
                floor = max(floor, centre - REACH * abs(value) * alpha * widths[i, a])
        count, certain = 0, False
        for a in range(k):
            if allowed(eligible, packing, i, a):
                value = values[i * value_step, a]
                centres[count] = value * means[i, a] - costs[i * cost_step, a]
                scales[count] = abs(value) * alpha * widths[i, a]
                actions[count] = a
                if centres[count] + REACH * scales[count] >= floor:
                    certain = certain or scales[count] == 0.0
                    count += 1
        if certain or count < 3:
            for c in range(count):
                shares[c] = winning_probability(centres, scales, count, c, work)
        else:
            _descend(centres, scales, count, shares, below, heights, left)
        total = 0.0
        for c in range(count):
            total += shares[c]
        for c in range(count):
            out[i, actions[c]] = shares[c] / total
