"""Groups of customers that a person understands, read off their contexts as served."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bandit.core.types import Array, Bool
from bandit.features.spec import Column, FeatureSpec

DEFAULT_COLUMNS = 3
MOST_GROUPS = 8


def short_columns(spec: FeatureSpec) -> list[Column]:
    """Columns shown unless others are named: the first few categories, then yes and no."""
    own = [c for kind in ("categorical", "boolean") for c in spec.columns if c.kind == kind]
    return own[:DEFAULT_COLUMNS]


def groups_of(spec: FeatureSpec, contexts: Array, column: Column) -> Iterator[tuple[str, Bool]]:
    """Each group's name and its members, bool[n]; numbers and dates are cut at their mean."""
    start = int(spec.intercept)
    for other in spec.columns:
        if other is column:
            break
        start += len(other.names)
    block = contexts[:, start : start + len(column.names)]
    if column.kind == "categorical":
        member = block.argmax(axis=1)
        for i, name in enumerate(column.names[:MOST_GROUPS]):
            yield name.split("=", 1)[1], np.asarray(member == i)
        return
    names = ("no", "yes") if column.kind == "boolean" else ("below average", "above average")
    above: Bool = np.asarray(block[:, 0] > 0.0)
    yield names[0], ~above
    yield names[1], above
