"""What some gained over others, unit by unit, from the formula in `bandit.stats.moderated`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

Person = tuple[int, float, float]
"""The unit that a person belongs to, the person's weight, and what came."""


class Found(NamedTuple):
    """``total``, what each unit moves it by, and what is added to the sum of their squares."""

    total: float
    parts: Mapping[int, float]
    doubt: float

    @property
    def error(self) -> float:
        """Standard error."""
        return (sum(part * part for part in self.parts.values()) + self.doubt) ** 0.5


def gained(waves: Sequence[tuple[Sequence[Person], Sequence[Person]]], worth: float) -> Found:
    """People of one side over those of the other, wave by wave; ``worth`` is `PRIOR`, 0: none."""
    total, doubt = 0.0, 0.0
    parts: dict[int, float] = defaultdict(float)
    for sides in waves:
        sizes = [sum(w for _, w, _ in side) for side in sides]
        means = [sum(w * x for _, w, x in side) / n for side, n in zip(sides, sizes, strict=True)]
        total += sizes[0] * (means[0] - means[1])
        factors = (1.0, sizes[0] / sizes[1])
        spreads = []
        for side, n, mean, factor, sign in zip(sides, sizes, means, factors, (1, -1), strict=True):
            weight: dict[int, float] = defaultdict(float)
            square: dict[int, float] = defaultdict(float)
            rest: dict[int, float] = defaultdict(float)
            for unit, w, x in (person for person in side if person[1]):
                weight[unit] += w
                square[unit] += w * w
                rest[unit] += w * (x - mean)
            moved = {u: rest[u] / (1.0 - weight[u] / n) for u in rest}
            own = sum(m * m for m in moved.values())
            fourth = sum(m**4 for m in moved.values())
            each = sum(weight[u] / square[u] * rest[u] * moved[u] for u in rest) / n
            heard = own * own / fourth if fourth else 0.0
            reach = sum(square.values()) ** 2 / sum(s * s for s in square.values())
            alone = [(rest[u] / weight[u]) ** 2 for u in rest]
            spreads.append((sum(square.values()), own, each, heard, reach, alone, factor))
            for u, m in moved.items():
                parts[u] += sign * factor * m
        both = [r for *_, alone, _ in spreads for r in alone]
        fourth = sum(r * r for r in both)
        alike = sum(both) ** 2 / (len(both) * fourth) if fourth else 0.0
        spoken = [min(heard, alike * reach) for _, _, _, heard, reach, _, _ in spreads]
        reach = sum(s[4] for s in spreads)
        each = sum(s[2] * s[4] for s in spreads) / reach
        for (squares, own, *_, factor), m in zip(spreads, spoken, strict=True):
            if worth:
                doubt += factor**2 * max(0.0, worth * (squares * each - own) / (m + worth))
    return Found(total, parts, doubt)
