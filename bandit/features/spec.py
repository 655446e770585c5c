"""The fitted encoding: frozen, stored as JSON with every snapshot, used unchanged ever after."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from bandit.core.errors import DataError
from bandit.core.types import Float64

Kind = Literal["numeric", "boolean", "categorical", "date", "vector", "score"]
KINDS: tuple[Kind, ...] = ("numeric", "boolean", "categorical", "date", "vector")
SCORE: Kind = "score"
SCALARS = frozenset({"numeric", "boolean", "date"})

OTHER = "(other)"
MISSING = "(missing)"


@dataclass(frozen=True, slots=True)
class Column:
    """How one column of the customers becomes features.

    numeric, boolean, date (age in days at the wave): ``(x − mean) / scale``, missing 0, and where
    the fit saw missing values one feature more that is 1 for missing. categorical: one feature for
    each of `categories`, one for all others, one for missing values where the fit saw some. vector:
    its `length` numbers as they are, missing 0, with the same indicator. score (of [[score]]): its
    two `terms` by the bin that `cuts` put it in, see `ranks`, missing 0, with the same indicator;
    only actions of `offers` have coefficients on them, or those whose offer names the ``product``
    of a gap. ``blank`` and ``other`` are the shares of missing values and of values that are no
    category at the fit, for `drift`; None where the fit is older than that was kept.
    """

    name: str
    kind: Kind
    mean: float = 0.0
    scale: float = 1.0
    missing: bool = False
    categories: tuple[str, ...] = ()
    length: int = 1
    blank: float | None = None
    other: float | None = None
    offers: tuple[str, ...] | None = None
    known_at: str | None = None
    cuts: tuple[float, ...] | None = None
    terms: tuple[tuple[float, float], ...] | None = None
    product: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its features."""
        if self.kind == "categorical":
            values = (*self.categories, OTHER, *((MISSING,) if self.missing else ()))
            return tuple(f"{self.name}={value}" for value in values)
        indicator = (f"{self.name}={MISSING}",) if self.missing else ()
        if self.kind == "vector":
            return tuple(f"{self.name}[{i}]" for i in range(self.length)) + indicator
        if self.kind == SCORE:
            return (f"{self.name}:low", f"{self.name}:high", *indicator)
        return (self.name, *indicator)


@dataclass(frozen=True)
class FeatureSpec:
    """The d features in their order: the intercept if any, then column by column."""

    intercept: bool
    columns: tuple[Column, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the d features."""
        start = ("intercept",) if self.intercept else ()
        return start + tuple(name for column in self.columns for name in column.names)

    @cached_property
    def constant(self) -> Float64 | None:
        """Coefficients of the function that is 1 for everybody, float64[d].

        The intercept, else the features of a categorical column, of which each customer has one;
        None where neither is there.
        """
        out = np.zeros(len(self.names))
        if self.intercept:
            out[0] = 1.0
            return out
        start = 0
        for column in self.columns:
            if column.kind == "categorical":
                out[start : start + len(column.names)] = 1.0
                return out
            start += len(column.names)
        return None

    @cached_property
    def scored(self) -> tuple[tuple[Column, tuple[int, ...]], ...]:
        """The scores, each with the places of its features."""
        found, start = [], int(self.intercept)
        for column in self.columns:
            places = tuple(range(start, start := start + len(column.names)))
            if column.kind == SCORE:
                found.append((column, places))
        return tuple(found)

    @property
    def n_features(self) -> int:
        """The d of the contexts' shape."""
        return len(self.names)

    @property
    def digest(self) -> str:
        """sha256 of the JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Canonical JSON: the same spec gives the same bytes."""
        content = {"intercept": self.intercept, "columns": [_known(c) for c in self.columns]}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> FeatureSpec:
        """Read what `to_json` wrote; DataError if it is anything else."""
        try:
            content = json.loads(text)
            columns = tuple(_column(c) for c in content["columns"])
            intercept = content["intercept"]
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise DataError(f"the feature spec is damaged ({e}); restore the snapshot") from None
        if not isinstance(intercept, bool):
            raise DataError("the feature spec is damaged (intercept); restore the snapshot")
        return cls(intercept, columns)


def _known(column: Column) -> dict[str, Any]:
    return {name: value for name, value in asdict(column).items() if value is not None}


def _column(content: dict[str, Any]) -> Column:
    lists: dict[str, Any] = {
        name: tuple(content[name]) for name in ("offers", "cuts") if name in content
    }
    if "terms" in content:
        lists["terms"] = tuple((float(low), float(high)) for low, high in content["terms"])
    column = Column(**{**content, **lists, "categories": tuple(content["categories"])})
    good = (
        isinstance(column.name, str)
        and column.kind in {*KINDS, SCORE}
        and isinstance(column.mean, float | int)
        and isinstance(column.scale, float | int)
        and column.scale > 0
        and isinstance(column.missing, bool)
        and all(isinstance(c, str) for c in column.categories)
        and isinstance(column.length, int)
        and 1 <= column.length <= 1_000_000
        and isinstance(column.blank, float | None)
        and isinstance(column.other, float | None)
        and (column.kind != SCORE or _ranked(column))
    )
    if not good:
        raise ValueError(f"column {content.get('name')!r}")
    return column


def _ranked(column: Column) -> bool:
    cuts, terms = column.cuts or (), column.terms or ()
    return (
        len(terms) == len(cuts) + 1 >= 2
        and all(isinstance(cut, float) for cut in cuts)
        and list(cuts) == sorted(cuts)
        and all(isinstance(name, str) for name in column.offers or (column.product,))
        and isinstance(column.known_at, str | None)
    )
