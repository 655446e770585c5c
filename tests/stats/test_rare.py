"""How far a sum of few rewards may be off: Wilson's where they are alike, else the normal's."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.stats.crowds import Crowds, crowd_of
from bandit.stats.rare import OTHERS, Rewards, lumped, seldom

Z = 1.959963984540054


def bought(count: int, people: int, amount: float = 20.0) -> tuple[float, Rewards]:
    """The sum's variance by those who bought, and what they bought."""
    values = np.zeros(people)
    values[:count] = amount
    return people * float(values.var()), Rewards.of(values)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_ends_of_rewards_that_are_alike(count: int) -> None:
    variance, own = bought(count, 100_000)
    below, above = seldom(variance, 100_000, own, own)
    assert below == pytest.approx(20.0 * Z * count**0.5, rel=1e-4)
    # (M - T)² = z² a M
    assert above**2 == pytest.approx(Z**2 * 20.0 * (20.0 * count + above), rel=1e-4)


def test_nobody_bought_where_others_did() -> None:
    _, every = bought(50, 2_000)
    below, above = seldom(0.0, 200, Rewards(), every)
    assert below == 0.0
    assert above == pytest.approx(Z**2 * 20.0)
    assert seldom(0.0, 200, Rewards(), Rewards()) == (0.0, 0.0)


def test_many_are_the_normals() -> None:
    values = np.random.default_rng(1).normal(10.0, 1.0, 5_000)
    variance, own = 5_000 * float(values.var()), Rewards.of(values)
    below, above = seldom(variance, 5_000, own, own)
    assert below == pytest.approx(Z * variance**0.5)
    assert above == pytest.approx(below, rel=0.01)


def test_a_few_amounts_are_held_up_by_all() -> None:
    own, every = Rewards.of(np.full(2, 5.0)), Rewards.of(np.full(500, 20.0))
    assert own.amount_among(every) == pytest.approx((2 * 5.0 + OTHERS * 20.0) / (2 + OTHERS))
    assert every.amount_among(own) == 20.0


def test_a_home_that_buys_together_is_one_purchase() -> None:
    homes = np.repeat(np.arange(500), 4)
    together = np.where(np.isin(homes, [3, 77]), 20.0, 0.0)
    assert Rewards.of(together).effective == pytest.approx(8.0)
    assert Rewards.of(together, homes).effective == pytest.approx(2.0, rel=0.01)
    r = together - together.mean()
    by_home = r.reshape(-1, 4).sum(axis=1)
    assert lumped(together, homes) == pytest.approx(by_home @ by_home - r @ r)
    assert Rewards.of(together, np.arange(2_000)) == Rewards.of(together)


def test_people_of_a_home_who_have_nothing_in_common_count_each() -> None:
    rng = np.random.default_rng(0)
    homes, alone = np.repeat(np.arange(5_000), 4), np.where(rng.random(20_000) < 0.3, 20.0, 0.0)
    assert Rewards.of(alone, homes).effective == pytest.approx(6_000, rel=0.06)


def test_the_mean_of_a_group_of_homes_is_held_by_its_interval() -> None:
    """Where homes of eight buy together: by persons it held the truth in six of ten."""
    rng, homes, held = np.random.default_rng(1), np.repeat(np.arange(100), 8), np.zeros(2)
    crowd = crowd_of(homes.astype(np.uint64))
    for _ in range(150):
        mine, others = (np.repeat(rng.random(h) < 0.02, 8) * 20.0 for h in (100, 2_000))
        group = Crowds.none()
        group.add(crowd, mine, np.ones(800))
        for way, (whose, theirs) in enumerate(
            [(None, None), (homes, np.repeat(np.arange(2_000), 8))]
        ):
            own = Rewards.of(mine, whose)
            _, low, high = group.interval(own, own.plus(Rewards.of(others, theirs)))
            held[way] += low <= 0.4 <= high
    assert held[1] >= 0.93 * 150
    assert held[0] < 0.93 * 150
