"""What one group gained over another: nothing is said where hardly anybody bought."""

from __future__ import annotations

import numpy as np

from bandit.results.roi import Return
from bandit.stats.crowds import crowd_of
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.against import FEWEST_REWARDS, Against, Side, contacts_told
from bandit.workflows.inspect.gain import Bought, Gain, Reached

PEOPLE = 500


def _came(buyers: int) -> np.ndarray:
    """A purchase worth 20 of each of some people."""
    return (
        np.where(np.arange(PEOPLE) % (PEOPLE // buyers) == 0, 20.0, 0.0)
        if buyers
        else (np.zeros(PEOPLE))
    )


def _group(buyers: int) -> Return:
    """Half of the people over the other half, each of whom cost 0.1."""
    came, first = _came(buyers), np.arange(PEOPLE) < PEOPLE // 2
    crowd, against = crowd_of(np.arange(PEOPLE, dtype=np.uint64)), Against()
    sides = []
    for mine, cost in ((first, 0.1), (~first, 0.0)):
        side, one = Side(), np.ones(int(mine.sum()))
        side.net.add(crowd[mine], came[mine] - cost, one)
        side.cost.add(crowd[mine], cost * one, one)
        side.rewards = Rewards.of(came[mine])
        sides.append(side)
    against.add(*sides)
    found = against.told("campaign", "holdout", 1.0)
    assert found is not None
    return found


def _offer(buyers: int) -> Return:
    came, first = _came(buyers), np.arange(PEOPLE) < PEOPLE // 2
    crowd, wave, gain = crowd_of(np.arange(PEOPLE, dtype=np.uint64)), Reached(), Gain()
    bought = Bought(came, came - 0.2, None)
    wave.reached(crowd[first], np.full(PEOPLE // 2, 0.1), bought.taken(first))
    wave.left(crowd[~first], np.ones(PEOPLE // 2), bought.taken(~first))
    wave.contacts = PEOPLE // 2
    gain.add(wave)
    (found,) = contacts_told({"offer": gain}, 1.0)
    return found


def test_nothing_is_said_where_fewer_than_ten_bought() -> None:
    few, enough = int(FEWEST_REWARDS) // 2, 2 * int(FEWEST_REWARDS)
    for of in (_group, _offer):
        for buyers in (0, few):
            told = of(buyers)
            assert (told.value, told.net, told.roi, told.bounded) == (None, None, None, False)
            assert told.cost == 0.1 * PEOPLE / 2
        told = of(enough)
        assert told.value is not None
        assert told.value.lower < 0.0 < told.value.upper
        assert told.roi is not None
