"""Twin of what a mixture does beside its components, from its definition, a customer at a time."""

from __future__ import annotations

from reference.draws import cell

HOLDOUT, EXPLORATION = -1, -2
"""`bandit.core.types` has the same."""
PURPOSES = {"holdout": 1, "share": 2, "explore": 3, "pick": 4}


def unit(word: int) -> float:
    """Uniform on (0, 1): the upper 53 bits, at the middle of their cell."""
    return ((word >> 11) + 0.5) / 2.0**53


def draw(seed: int, wave: int, slot: int, key: int, purpose: str) -> float:
    """A customer's one uniform number for a purpose."""
    return unit(cell(seed, wave, key, 0, slot, PURPOSES[purpose]))


def group(key: int, seed: int, share_seed: int, holdout: float, shares: list[float]) -> int:
    """HOLDOUT with probability ``holdout``, else a component by its share."""
    if draw(seed, 0, 0, key, "holdout") < holdout:
        return HOLDOUT
    where, below = draw(share_seed, 0, 0, key, "share"), 0.0
    for component, share in enumerate(shares[:-1]):
        below += share
        if where < below:
            return component
    return len(shares) - 1


def explored(
    key: int, seed: int, wave: int, slot: int, eligible: list[bool], exploration: float
) -> int | None:
    """The action of who explores."""
    if draw(seed, wave, slot, key, "explore") >= exploration:
        return None
    open_ones = [a for a, may in enumerate(eligible) if may]
    return open_ones[int(draw(seed, wave, slot, key, "pick") * len(open_ones))]


def joint(
    action: int, chances: list[float], prior: list[float], eligible: list[bool], exploration: float
) -> tuple[list[float], float]:
    """Joint probability of each group (the holdout last) and the action; its propensity."""
    floor = exploration * (eligible[action] / sum(eligible))
    each = [p * ((1.0 - exploration) * c + floor) for p, c in zip(prior, chances, strict=False)]
    each.append(prior[-1] if action == 0 else 0.0)
    return each, min(sum(each) / sum(prior), 1.0)
