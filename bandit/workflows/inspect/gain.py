"""Contacts by one offer, or on one channel, against those who stand for who got one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Array, Float64, UInt64
from bandit.stats.crowds import Crowds, Gained
from bandit.stats.rare import Rewards


class Bought(NamedTuple):
    """What people brought: ``gross``, and ``over`` what was expected of no contact, float64[n].

    ``units`` uint64[n] says who belongs together, None where each is their own.
    """

    gross: Float64
    over: Float64
    units: UInt64 | None

    def taken(self, some: Array) -> Bought:
        """Of some of them."""
        units = None if self.units is None else self.units[some]
        return Bought(self.gross[some], self.over[some], units)


class Reached:
    """Whom a wave contacted with it, and who was left in peace, each with the odds.

    ``weight`` Σw and ``squares`` Σw² are of those who stand for the others; ``missed`` what they
    bought.
    """

    def __init__(self) -> None:
        self.worth, self.cost, self.peace = Crowds.none(), Crowds.none(), Crowds.none()
        self.rewards, self.missed = Rewards(), Rewards()
        self.contacts = 0
        self.spent = self.attributed = self.weight = self.squares = 0.0

    def reached(self, crowd: Array, cost: Float64, bought: Bought) -> None:
        """Add people who got a contact; one that was drawn and not made cost nothing."""
        one = np.ones(len(crowd))
        self.worth.add(crowd, bought.over, one)
        self.cost.add(crowd, cost, one)
        self.rewards = self.rewards.plus(Rewards.of(bought.gross, bought.units))
        self.spent += float(cost.sum())

    def left(self, crowd: Array, odds: Float64, bought: Bought) -> None:
        """Add people who were left in peace."""
        self.peace.add(crowd, odds * bought.over, odds)
        self.missed = self.missed.plus(Rewards.of(odds * bought.gross, bought.units))
        self.weight += float(odds.sum())
        self.squares += float(odds @ odds)


class Gain:
    """The same over the waves so far; ``rewards`` are the purchases of both sides."""

    def __init__(self) -> None:
        self.value, self.cost, self.rewards = Gained(), Gained(), Rewards()
        self.contacts = 0
        self.spent = self.attributed = self.weight = self.squares = 0.0

    def add(self, wave: Reached) -> None:
        """Add a wave; one that lacks a side says nothing of the gain."""
        self.contacts += wave.contacts
        self.spent += wave.spent
        self.attributed += wave.attributed
        self.weight += wave.weight
        self.squares += wave.squares
        if wave.worth.n and wave.peace.size:
            nothing = wave.peace._replace(total=np.zeros_like(wave.peace.total))
            self.value.add(wave.worth, wave.peace)
            self.cost.add(wave.cost, nothing, by_chance=False)
            both = wave.rewards.plus(wave.missed, wave.worth.size / wave.peace.size)
            self.rewards = self.rewards.plus(both)

    @property
    def effective(self) -> float:
        """How many people without a contact the weights are worth: (Σw)² / Σw²."""
        return self.weight**2 / self.squares if self.squares else 0.0

    @property
    def matched(self) -> float:
        """Σw over contacts: about 1 where for all of them there are people without a contact."""
        return self.weight / self.contacts if self.contacts else 0.0
