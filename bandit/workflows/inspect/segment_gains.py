"""What contacts added by segment, as served: a feature's values, or the campaign's segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from bandit.config.variables import FIRST_SEGMENT
from bandit.core.errors import UsageError
from bandit.core.problems import nearest
from bandit.core.types import Array, Bool, Float64
from bandit.features.spec import FeatureSpec
from bandit.record import served_variables
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.record.waves import Wave
from bandit.results.roi import Return
from bandit.stats.crowds import crowd_of
from bandit.stats.rare import Rewards
from bandit.workflows.inspect.against import Against, Side
from bandit.workflows.inspect.realised import HOLDOUT, group_of, keys_of, units_of
from bandit.workflows.judge.groups import groups_of

_COLUMNS = ("action", "group", "value", "cost", "features", "customer_id")


class Segments:
    """Those who were not held out over those who were, by the values of the column ``by``.

    By "segment" they are the campaign's [[segment]]: who is of several counts in each.
    """

    def __init__(self, waves: Sequence[Wave], by: str) -> None:
        known = [c.name for c in _spec(waves[-1]).columns]
        known += [FIRST_SEGMENT] if any(_crowds(wave) for wave in waves) else []
        if by not in known:
            raise UsageError(f"{by!r} is no feature of the waves{nearest(by, known)}")
        self._by = by
        self._found: dict[str, Against] = defaultdict(Against)

    def add(self, decisions: Decisions, came: Attributed) -> None:
        """Add a closed wave; one without the column is left out."""
        groups, last = _groups(decisions.wave, self._by), ""
        if groups is None:
            return
        sides: dict[str, tuple[Side, Side]] = defaultdict(lambda: (Side(), Side()))
        for rows in decisions.rows(*_COLUMNS):
            group = group_of(rows, last)
            last = str(group[-1]) if len(group) else last
            net = rows.net(came.rewards[rows.place])
            for name, member in groups(rows):
                for side, mine in zip(
                    sides[name], (group != HOLDOUT, group == HOLDOUT), strict=True
                ):
                    _add(side, rows, net, member & mine)
        for name, (one, other) in sides.items():
            self._found[name].add(one, other)

    def told(self, margin: float) -> list[Return]:
        """Each segment that both sides have somebody of, the one that gained most first."""
        told = [against.told(name, HOLDOUT, margin) for name, against in self._found.items()]
        found = [one for one in told if one is not None]
        return sorted(found, key=lambda one: -(one.net.value if one.net else 0.0))


def _groups(wave: Wave, by: str) -> Callable[[Rows], Iterable[tuple[str, Bool]]] | None:
    """What gives each group's name and its members among some rows; None if the wave has none."""
    crowds = _crowds(wave) if by == FIRST_SEGMENT else ()
    if crowds:
        return served_variables.Crowds(wave, crowds).of
    spec = _spec(wave)
    column = next((c for c in spec.columns if c.name == by), None)
    if column is None:
        return None
    return lambda rows: groups_of(spec, rows.contexts, column)


def _crowds(wave: Wave) -> tuple[str, ...]:
    """The segments that the record tells the members of."""
    made = wave.manifest.made
    if made is None or served_variables.NAME not in wave.manifest.files:
        return ()
    return tuple(segment.name for segment in made.segment)


def _spec(wave: Wave) -> FeatureSpec:
    return FeatureSpec.from_json(wave.manifest.features.spec)


def _add(side: Side, rows: Rows, net: Float64, mine: Bool) -> None:
    """Add the rows ``mine`` bool[n]: customers by their first row."""
    cost = np.where(rows.withheld, 0.0, rows.terms.cost)
    crowd: Array = crowd_of(keys_of(rows))[mine]
    side.net.add(crowd, net[mine], rows.first[mine])
    side.cost.add(crowd, cost[mine], rows.first[mine])
    units = units_of(rows)
    whose = None if units is None else units[mine]
    side.rewards = side.rewards.plus(Rewards.of((net + cost)[mine], whose))
    made = mine & (rows.action > 0) & ~rows.withheld
    side.contacts += int(made.sum())
    side.attributed += float((net + cost)[made].sum())
