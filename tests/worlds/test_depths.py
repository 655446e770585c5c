"""The shop: responses rise with the depth, margins fall, and sales are as the truth says."""

from __future__ import annotations

import numpy as np

from bandit.worlds import Shop

WORLD = Shop(seed=2)
IDS = np.arange(1, 20_001)


def test_the_response_rises_and_the_margin_falls_and_is_never_below_nothing() -> None:
    chances, margin = WORLD.chances(IDS), WORLD.margin_eur
    assert (np.diff(chances, axis=2) > 0.0).all()
    assert (np.diff(margin, axis=1) < 0.0).all()
    assert (margin > 0.0).all()
    # Some hardly answer to a discount, others not without one.
    ratio = chances[:, 0, 2] / chances[:, 0, 0]
    assert (ratio < 1.5).mean() > 0.05
    assert (ratio > 3.0).mean() > 0.2


def test_different_depths_are_best_for_different_customers() -> None:
    net = WORLD.net_values(IDS)[:, 1:].reshape(len(IDS), WORLD.products, -1)
    best = np.bincount(net.max(axis=1).argmax(axis=1), minlength=len(WORLD.depths))
    assert (best > 0.02 * len(IDS)).sum() >= 3


def test_sales_come_as_often_as_the_truth_says() -> None:
    action = np.full(len(IDS), 1 + 3 * len(WORLD.depths) + 2)
    chance = WORLD.chances(IDS)[:, 3, 2]
    sold = WORLD.sold(IDS, action, 1).sum()
    # Independent: five standard errors.
    assert abs(sold - chance.sum()) < 5.0 * np.sqrt((chance * (1.0 - chance)).sum())
    assert not WORLD.sold(IDS, np.zeros(len(IDS), np.int64), 1).any()
