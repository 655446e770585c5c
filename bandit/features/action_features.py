"""What is known of the actions themselves: contact, family, offer, channel, declared columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from bandit.config.discount import PRODUCT
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64
from bandit.sources.catalogue import Catalogue

COMMON, FAMILY, OFFER, CHANNEL = "common", "family", "offer", "channel"
DENSE = 2_000
"""Rows of the dense system that is solved some 60 times: a quarter of a second each."""
CELLS = 40_000_000
"""Numbers that offers times the dense system may take: 320 MB."""


class ActionFeatures(NamedTuple):
    """q features of k actions: ``columns`` (level, name), ``table`` float64[k, q]."""

    columns: tuple[tuple[str, str], ...]
    table: Float64

    @property
    def names(self) -> tuple[str, ...]:
        """The levels, in the order of their first column."""
        return tuple(dict.fromkeys(level for level, _ in self.columns))

    @property
    def levels(self) -> Array:
        """Number of each column's level, int64[q]."""
        return np.array([self.names.index(level) for level, _ in self.columns], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Columns, and of each action what is not zero."""
        rows = [
            [[int(c), float(row[c])] for c in np.flatnonzero(row).tolist()] for row in self.table
        ]
        return {"columns": [list(column) for column in self.columns], "rows": rows}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> ActionFeatures:
        """Read what `to_json` wrote; DataError if it is anything else."""
        try:
            columns = tuple((str(level), str(name)) for level, name in content["columns"])
            table = np.zeros((len(content["rows"]), len(columns)))
            for a, row in enumerate(content["rows"]):
                for c, value in row:
                    table[a, int(c)] = float(value)
        except (KeyError, TypeError, ValueError, IndexError) as e:
            raise DataError(f"the record's action features are damaged ({e})") from None
        return cls(columns, table)


def action_features(
    actions: ActionSpace, catalogue: Catalogue, declared: Sequence[str], n_features: int
) -> ActionFeatures:
    """Features of ``actions``, of offers and channels in ``catalogue`` and of those gone from it.

    ``declared`` are columns of the offers: numbers are standardised over the offers, anything else
    is a category, and so is the offer that a depth is of; an offer without a value has the mean, or
    none. Every declared column is a level of its own. Levels that would make the model too large
    for d = ``n_features`` are left out, families first: each pair keeps its own part in any case.
    """
    pairs = actions.pairs
    of = {offer.name: offer for offer in catalogue.offers}
    parts: list[tuple[str, dict[str, Float64]]] = [(COMMON, _common(len(pairs)))]
    families = [of[o].family if o in of else None for o, _ in pairs]
    parts.append((FAMILY, _one_hot(families)))
    parts.append((OFFER, _one_hot([o for o, _ in pairs])))
    parts.append((CHANNEL, _one_hot([c for _, c in pairs])))
    for name in declared:
        values = [of[o].features.get(name) if o in of else None for o, _ in pairs]
        parts.append((name, _one_hot(values) if name == PRODUCT else _declared(values)))
    for level in (FAMILY, OFFER):
        if not _fits(parts, n_features):
            parts = [part for part in parts if part[0] != level]
    columns = tuple((level, name) for level, found in parts for name in found)
    return ActionFeatures(columns, np.stack([v for _, f in parts for v in f.values()], axis=1))


def _fits(parts: Sequence[tuple[str, dict[str, Float64]]], d: int) -> bool:
    """Offers are integrated out one by one; the other levels meet in one dense system."""
    dense = d * sum(len(found) for level, found in parts if level != OFFER)
    offers = sum(len(found) for level, found in parts if level == OFFER)
    return dense <= DENSE and offers * dense * d <= CELLS


def _common(pairs: int) -> dict[str, Float64]:
    contact = np.ones(pairs + 1)
    contact[0] = 0.0
    return {"constant": np.ones(pairs + 1), "contact": contact}


def _one_hot(values: Sequence[Any]) -> dict[str, Float64]:
    """A column a value, in the order of the names, so that the catalogue's order plays no part."""
    texts = [None if value is None else str(value) for value in values]
    found = sorted({text for text in texts if text is not None})
    return {name: np.array([0.0, *(float(text == name) for text in texts)]) for name in found}


def _declared(values: Sequence[Any]) -> dict[str, Float64]:
    known = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) for value in known):
        return _one_hot(values)
    numbers = np.array([np.nan if value is None else float(value) for value in values])
    spread = float(np.nanstd(numbers)) if known else 0.0
    if spread == 0.0:
        return {}
    scaled = (numbers - np.nanmean(numbers)) / spread
    return {"value": np.concatenate([[0.0], np.nan_to_num(scaled)])}
