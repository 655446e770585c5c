"""Twin of the winning probabilities with a logistic link, from the formula."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, ndtr

from reference.win_probability import REACH, adaptive


def winning_probability(mean, width, value, cost, own):
    """∫ φ(z) Π P(v_b g(N_b) − c_b ≤ t) dz, ``t = v_a g(μ_a + s_a z) − c_a``.

    Certain ties go to the lowest position.
    """
    others = [b for b in range(len(mean)) if b != own]

    def worth(b, z):
        return value[b] * expit(mean[b] + width[b] * z) - cost[b]

    def below(b, t):
        if width[b] == 0.0 or value[b] == 0.0:
            certain = worth(b, 0.0)
            return ((certain < t) | ((certain == t) & (own < b))).astype(float)
        outcome = np.clip((t + cost[b]) / value[b], 0.0, 1.0)
        p = ndtr((logit(outcome) - mean[b]) / width[b])
        return p if value[b] > 0.0 else 1.0 - p

    def integrand(z):
        level = np.exp(-0.5 * z * z) / np.sqrt(2.0 * np.pi)
        for b in others:
            level = level * below(b, worth(own, z))
        return level

    if width[own] == 0.0 or value[own] == 0.0:
        return float(np.prod([below(b, np.array([worth(own, 0.0)])) for b in others]))
    # A jump between a panel's end and its first node would not be seen: panels end at jumps.
    certain = [worth(b, 0.0) for b in others if width[b] == 0.0 or value[b] == 0.0]
    outcome = np.clip((np.array(certain) + cost[own]) / value[own], 0.0, 1.0)
    jumps = np.clip((logit(outcome) - mean[own]) / width[own], -REACH, REACH)
    edges = np.unique(np.concatenate([np.linspace(-REACH, REACH, 401), jumps]))
    return float(adaptive(integrand, edges))
