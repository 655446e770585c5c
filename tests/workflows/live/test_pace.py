"""A step of prices: its twin, its bounds, and the day that it plans."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bandit.workflows.live import pace, pacer
from bandit.workflows.live.frames import Paced, Priced
from bandit.workflows.live.pace import Use
from reference import price_epochs as twin

HOUR, MINUTE = 3_600_000_000, 60_000_000
EVEN = [1.0 / 24.0] * 24


def paced(most: list[list[float]], prices: list[list[float]], **other: object) -> Paced:
    """A day from 0 o'clock on, an hour of which has passed."""
    p, m = np.shape(most)
    squares = np.zeros((p, m)).tolist()
    made = Paced(
        [f"limit {j}" for j in range(m)], [f"population {i}" for i in range(p)], most,
        [1.0] * m, np.zeros((p, m)).tolist(), [9.0] * m, [1.0] * m, [1.0] * p, [-2], EVEN,
        0, 24 * HOUR, 60.0, Priced(3, HOUR, prices, squares),
    )  # fmt: skip
    return msgspec.structs.replace(made, **other)


def used(since: float | list[list[float]], shape: tuple[int, int], deaf: float = 0.0) -> Use:
    now = np.broadcast_to(np.asarray(since, np.float64), shape)
    return Use(now + 40.0, now, np.full(shape, deaf))


def test_a_step_is_its_twins() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        p, m = rng.integers(1, 4), rng.integers(1, 5)
        most, prices = rng.uniform(0, 900, (p, m)), rng.uniform(0, 9, (p, m))
        least, highest = -rng.uniform(0, 2, (p, m)), rng.uniform(0, 9, m)
        unit, spread, heeding = rng.uniform(0.1, 2, m), rng.uniform(0, 3, m), rng.random(p)
        since, deaf = rng.uniform(0, 30, (p, m)), rng.uniform(0, 9, (p, m))
        hours = rng.dirichlet(np.ones(24)).tolist()
        at = int(rng.integers(HOUR + MINUTE, 25 * HOUR))
        one = paced(
            most.tolist(), prices.tolist(), least=least.tolist(), highest=highest.tolist(),
            unit=unit.tolist(), spread=spread.tolist(), answering=heeding.tolist(), hours=hours,
        )  # fmt: skip
        found = pace.step(one, at, Use(since + 40.0, since, deaf))
        done, total = twin.planned(hours, 1.0), twin.planned(hours, 24.0)
        part = (twin.planned(hours, min(at / HOUR, 24.0)) - done) / (total - done)
        for i, j in np.ndindex(p, m):
            wanted = twin.step(
                prices[i, j], 0.0, most=most[i, j], before=40.0, used=since[i, j], deaf=deaf[i, j],
                heeding=heeding[i], part=part, epochs=(at - HOUR) / MINUTE, unit=unit[j],
                spread=spread[j], least=least[i, j], highest=highest[j],
            )  # fmt: skip
            assert (found.prices[i][j], found.squares[i][j]) == pytest.approx(wanted, rel=1e-9)


def test_a_price_keeps_its_bounds_and_falls_again() -> None:
    high = paced([[1000.0]], [[8.9]])
    up = pace.step(high, HOUR + MINUTE, used(500.0, (1, 1)))
    assert up.prices == [[9.0]]
    assert up.epoch == 4
    above = paced([[1000.0]], [[20.0]])  # what a wave began with may be higher
    assert pace.step(above, HOUR + MINUTE, used(500.0, (1, 1))).prices == [[20.0]]
    assert pace.step(above, HOUR + MINUTE, used(0.0, (1, 1))).prices[0][0] < 20.0
    low = paced([[1000.0]], [[0.0]])
    idle = pace.step(low, 9 * HOUR, used(0.0, (1, 1)))
    assert idle.prices == [[0.0]]
    assert idle.epoch == 3  # nothing moved: no other prices to be told of
    committed = paced([[1000.0]], [[-0.4]], least=[[-0.5]])
    assert pace.step(committed, 9 * HOUR, used(0.0, (1, 1))).prices == [[-0.5]]


def test_what_is_no_limit_has_the_price_that_it_had() -> None:
    """A committed minimum alone; and of nothing there is nothing to plan."""
    one = paced([[np.inf, 0.0]], [[-1.5, 2.0]], least=[[-1.5, 0.0]])
    found = pace.step(
        one, 2 * HOUR, Use(np.array([[90.0, 0.0]]), np.array([[9.0, 0.0]]), np.zeros((1, 2)))
    )
    assert found.prices == [[-1.5, 2.0]]
    assert found.epoch == 3


def test_where_the_clock_goes_back_prices_stay_and_time_counts_anew() -> None:
    one = paced([[1000.0]], [[4.0]], priced=Priced(3, 9 * HOUR, [[4.0]], [[2.0]]))
    assert not pace.due(one, 9 * HOUR - MINUTE // 2)
    assert pace.due(one, 2 * HOUR)
    found = pace.step(one, 2 * HOUR, used(500.0, (1, 1)))
    assert found == Priced(3, 2 * HOUR, [[4.0]], [[2.0]])
    assert pace.due(msgspec.structs.replace(one, priced=found), 2 * HOUR + MINUTE)


def test_of_a_limit_that_is_gone_a_minimum_alone_costs_something() -> None:
    found = pacer._uncharged(Priced(3, HOUR, [[4.0, 3.0, -2.0]], [[0.0] * 3]), np.arange(3) == 0)
    assert found.prices == [[4.0, 0.0, -2.0]]


def test_who_heeds_prices_keeps_half_a_part_beside_who_does_not() -> None:
    """Of a plan of 10, 60 % of it theirs: 3, whatever the others take."""
    one = paced([[40.0 + 230.0]], [[4.0]], answering=[0.6])
    at = 2 * HOUR
    assert pace.step(one, at, used(90.0 + 3.0, (1, 1), 90.0)).prices[0][0] == pytest.approx(4.0)
    assert pace.step(one, at, used(90.0 + 4.0, (1, 1), 90.0)).prices[0][0] > 4.0
    assert pace.step(one, at, used(10.0, (1, 1), 1.0)).prices[0][0] == pytest.approx(4.0)


@pytest.mark.parametrize("length", [23, 24, 25])
def test_a_day_is_planned_to_its_end(length: int) -> None:
    """Whatever the clocks do; what comes after it may have all that is left."""
    one = paced([[10.0]], [[0.0]], ends=length * HOUR)
    parts, left = [], 1.0
    for hour in range(length):
        parts.append(left * pace.part(one, hour * HOUR, (hour + 1) * HOUR))
        left -= parts[-1]
    assert parts == pytest.approx([1.0 / length] * length)
    assert pace.part(one, length * HOUR, (length + 1) * HOUR) == 1.0
