"""The grocer: what is bought elsewhere shows in no purchase, and answers as the truth says."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa

from bandit.worlds import Grocer
from bandit.worlds.baskets import COST_EUR, MARGIN_EUR, REACH, SELLS

WORLD = Grocer(20_000, seed=4)
IDS = np.arange(1, 20_001)


def test_what_is_bought_elsewhere_is_in_no_basket_and_all_else_that_is_needed_is() -> None:
    needed, elsewhere = WORLD.needs(IDS)
    assert not (elsewhere & ~needed).any()
    assert abs(elsewhere.sum() / needed.sum() - 1 / 3) < 0.005
    bought = WORLD.purchases(IDS)
    held = np.zeros(needed.shape, np.bool_)
    product = np.array([int(str(name)[-2:]) for name in bought["product"].to_pylist()])
    held[bought["customer_id"].to_numpy() - 1, product] = True
    np.testing.assert_array_equal(held, needed & ~elsewhere)
    last = max(bought["bought_at"].to_pylist())
    assert last < WORLD.origin.replace(tzinfo=None) - dt.timedelta(hours=12)
    first = bought.filter(pa.array(bought["customer_id"].to_numpy() <= 50))
    assert WORLD.purchases(IDS[:50]).equals(first)


def test_contacts_sell_by_the_class_that_no_column_says() -> None:
    needed, elsewhere = WORLD.needs(IDS)
    assert WORLD.actions[4] == ("coupon_1", "email")
    chance = REACH[1] * SELLS[needed[:, 1].astype(int) + elsewhere[:, 1]]
    np.testing.assert_allclose(WORLD.net_values(IDS)[:, 4], MARGIN_EUR * chance - COST_EUR[1])
    assert (WORLD.net_values(IDS)[:, 0] == 0.0).all()
    decisions = pa.table(
        {
            "customer_id": IDS,
            "decision_id": [str(i) for i in IDS],
            "offer": ["coupon_1"] * len(IDS),
            "channel": ["email"] * len(IDS),
        }
    )
    sold = WORLD.respond(decisions, WORLD.origin)
    assert sold["reward"].to_pylist()[0] == MARGIN_EUR
    # Sales are independent: five standard errors.
    assert abs(len(sold) - chance.sum()) < 5.0 * np.sqrt((chance * (1.0 - chance)).sum())
