r"""The hidden response: what each action earns from each customer, in EUR.

For customer x, offer o on channel c, day t:

    P(sale)    = top · fit[o, c] · σ(taste_o(t)·x + base_o + region_o[x]) · σ(reach_c·x + base_c)
    P(refusal) = annoys_c · exp(1.3 · sensitivity(x) + 0.25 · recent contacts)   (at most 0.6)
    E[reward]  = E[organic | x] + P(sale) · P(delay ≤ window) · margin_o − P(refusal) · refusal cost

A sale, a refusal and an organic purchase are independent; no contact earns the organic part alone.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from bandit.worlds.assortment import Assortment
from bandit.worlds.draws import logistic
from bandit.worlds.people import TRAITS, People

SALE_CEILING = 0.4
REFUSAL_CEILING = 0.6
STRANGE_TASTE, STRANGE_BASE = 0.5, -3.0
DRIFT_PERIOD_DAYS = 365.0
ORGANIC_MARGIN_EUR = 9.0


def _sigmoid(z: Float64) -> Float64:
    return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float64)


def appeal(
    assortment: Assortment, crowd: People, day: float, drift: float, whim: Float64 | float = 0.0
) -> Float64:
    """float64[n, o]: how much each customer wants each offer on `day`, in (0, 1).

    ``whim`` float64[n, o] is what no column and no trait says of it.
    """
    turned = drift * np.sin(2.0 * np.pi * day / DRIFT_PERIOD_DAYS)
    taste = assortment.taste + turned * assortment.turn
    score = crowd.traits @ taste.T + assortment.taste_base
    return _sigmoid(score + assortment.taste_region[:, crowd.region].T + whim)


def reach(assortment: Assortment, crowd: People) -> Float64:
    """float64[n, c]: how surely each channel reaches each customer, in (0, 1)."""
    return _sigmoid(crowd.traits @ assortment.reach.T + assortment.reach_base)


def refusal(assortment: Assortment, crowd: People, recent: Float64) -> Float64:
    """float64[n, c]: probability that one more contact is refused, after `recent` contacts."""
    fed_up = np.exp(1.3 * crowd.sensitivity + 0.25 * recent)
    return np.minimum(fed_up[:, None] * assortment.annoys, REFUSAL_CEILING)


def organic(crowd: People) -> Float64:
    """float64[n]: probability that a customer left in peace buys of itself within a period."""
    score = 0.6 * crowd.traits[:, TRAITS.index("wealth")]
    score += 0.5 * crowd.traits[:, TRAITS.index("contract_near")]
    return np.asarray(0.3 * _sigmoid(score - 1.4), dtype=np.float64)


def sale(assortment: Assortment, liked: Float64, reached: Float64) -> Float64:
    """P(sale) / top of aligned `liked` [..., o] and `reached` [..., c]: float64[..., o, c]."""
    return np.asarray(liked[..., :, None] * reached[..., None, :] * assortment.fit)


def strange(assortment: Assortment, crowd: People, seed: int) -> Float64:
    """P(sale) / top where no two pairs have anything in common, float64[n, o, c].

    Each pair of offer and channel has a taste and a base of its own, drawn apart.
    """
    o, c = len(assortment.offers), len(assortment.channels)
    pair, t = np.arange(o * c)[:, None], np.arange(len(TRAITS))
    taste = STRANGE_TASTE * logistic(seed, "strange taste", pair, t)
    base = STRANGE_BASE + 0.6 * logistic(seed, "strange base", pair[:, 0])
    return _sigmoid(crowd.traits @ taste.T + base).reshape(-1, o, c)
