"""Twin of the winning probabilities: the integral by panels that are halved until nothing moves."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr

REACH = 8.5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def _log_rivals(t, centres, scales):
    """log Π P(worth_b ≤ t) over rivals with spread, t float64[points]."""
    return log_ndtr((t[:, None] - centres) / scales).sum(axis=1)


def adaptive(integrand, edges):
    """Global adaptive quadrature: whichever panel still moves is halved."""
    low, high, total = edges[:-1], edges[1:], 0.0

    def each(low, high):
        half = 0.5 * (high - low)
        z = (0.5 * (low + high))[:, None] + half[:, None] * _NODES
        return half * (integrand(z.ravel()).reshape(z.shape) @ _WEIGHTS)

    whole = each(low, high)
    for _ in range(40):
        middle = 0.5 * (low + high)
        left, right = each(low, middle), each(middle, high)
        moving = np.abs(left + right - whole) > 1e-12
        total += (left + right)[~moving].sum()
        if not moving.any():
            return total
        low, high = (
            np.concatenate([low[moving], middle[moving]]),
            np.concatenate([middle[moving], high[moving]]),
        )
        whole = np.concatenate([left[moving], right[moving]])
    raise AssertionError("the twin does not converge")


def winning_probability(centres, scales, own):
    """∫ φ(z) Π Φ((m + s z − m_b)/s_b) dz; certain rivals cut the range, ties to the lowest."""
    m, s = centres[own], scales[own]
    others = np.arange(len(centres)) != own
    loose, sure = others & (scales > 0.0), others & (scales == 0.0)
    if s == 0.0:
        ahead = (centres > m) | ((centres == m) & (np.arange(len(centres)) < own))
        return (
            0.0
            if (sure & ahead).any()
            else float(ndtr((m - centres[loose]) / scales[loose]).prod())
        )
    floor = max([-REACH, *((centres[sure] - m) / s)])
    if floor >= REACH:
        return 0.0
    narrow = loose & (scales < 0.5 * s)
    bends = (centres[narrow] + scales[narrow] * np.linspace(-6.0, 6.0, 9)[:, None] - m) / s
    bends = np.sort(bends.ravel())
    bends = bends[:: 1 + bends.size // 24]
    edges = np.concatenate([np.linspace(floor, REACH, 18), bends])
    edges = np.unique(np.clip(edges, floor, REACH))

    def integrand(z):
        logs = _log_rivals(m + s * z, centres[loose], scales[loose]) - 0.5 * z * z
        return np.exp(logs) / np.sqrt(2.0 * np.pi)

    return float(adaptive(integrand, edges))
