"""What is earned by one depth for all, by depths as they are learned, and by the truth."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Float64
from bandit.models.moved import lifts_of
from bandit.models.odds import Seen
from bandit.worlds import Shop
from simulations.depths.environment import Setting

LAST = 2
"""Waves that are counted, the last ones."""


class Run(NamedTuple):
    """EUR a customer in the last waves; ``fixed`` is the best of one depth for all.

    By the truth all products are known; ``learned`` is by the program, of the columns as they are
    and with ``products`` of two columns, as ``fixed_learned``. ``rising``: share of the customers
    whose expected responses rise with the depth for every product, as served and ``crossed``
    without the order.
    """

    seed: int
    best: float
    fixed: float
    fixed_learned: float
    learned: float
    products: float
    rising: float
    crossed: float


def run(seed: int, per_wave: int, waves: int, *, link: bool) -> Run:
    plain = Setting(Shop(seed=seed), per_wave, link=link)
    crossed_columns = replace(plain, products=True)
    every = np.ones(len(plain.space), np.bool_)
    alone = [every & _of_depth(plain, d) for d in range(len(plain.shop.depths))]
    net = np.concatenate([plain.shop.net_values(plain.ids(w)) for w in range(waves - LAST, waves)])
    fixed = [float(np.where(own, net, -np.inf).max(axis=1).mean()) for own in alone]
    learned, rising, crossed = _learned(plain, every, waves)
    products = _learned(crossed_columns, every, waves)[0]
    # Who knew the truth would hold it to one of the two best depths.
    held = [_learned(crossed_columns, alone[d], waves)[0] for d in np.argsort(fixed)[-2:]]
    best = float(net.max(axis=1).mean())
    return Run(seed, best, max(fixed), max(held), learned, products, rising, crossed)


def _of_depth(setting: Setting, depth: int) -> Bool:
    """No contact, and the actions of one depth."""
    place = np.arange(len(setting.space)) - 1
    return np.asarray((place < 0) | (place % len(setting.shop.depths) == depth))


def _learned(setting: Setting, allowed: Bool, waves: int) -> tuple[float, float, float]:
    """The first wave is drawn evenly; then by what the waves before have taught."""
    shop, sums, value = setting.shop, setting.prior(), []
    rng = np.random.default_rng(shop.seed)
    rising = crossed = 0.0
    rows: list[Seen] = []
    for wave in range(waves):
        ids = setting.ids(wave)
        x = setting.contexts(ids)
        if wave == 0:
            chosen = rng.choice(np.flatnonzero(allowed), len(ids)).astype(np.int32)
        else:
            found = setting.moments(sums, rows)
            eligible = np.broadcast_to(allowed, (len(ids), len(allowed)))
            chosen = setting.choose(found, x, ids, np.ascontiguousarray(eligible), wave)
            plain = x.astype(np.float64) @ found.mean.T
            crossed = _rise(setting, plain)
            rising = _rise(setting, plain + lifts_of(found, x))
        value.append(shop.net_values(ids)[np.arange(len(ids)), chosen].mean())
        sold = shop.sold(ids, chosen, wave).astype(np.float64)
        sums = sums.update(x, chosen, sold)
        rows.append(Seen(x, chosen, sold[None], np.ones(len(ids))))
    return float(np.mean(value[-LAST:])), rising, crossed


def _rise(setting: Setting, means: Float64) -> float:
    """Share of the rows whose means rise along the depths of every product."""
    shop = setting.shop
    of: Array = means[:, 1:].reshape(len(means), shop.products, len(shop.depths))
    return float((np.diff(of, axis=2) >= -1e-12).all(axis=(1, 2)).mean())
