"""What a column says today against the customers that its encoding was fitted on.

A wave is encoded as the snapshot was learned, whatever the source has become: a column that is
empty now, that came in another unit or with new words would be served without a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bandit.core.types import Float32, Float64
from bandit.features.spec import SCORE, Column, FeatureSpec

FEW = 30
"""Rows below which nothing is said."""
FACTOR = 20.0
"""Numbers so many times larger or smaller are in another unit, not of other people."""
MORE_BLANK = 0.2
MORE_OTHER = 0.1
TURNED = 1.0
"""Ranks that have moved by so many standard deviations are of another scale."""


class Drift:
    """Sums over batches of encoded customers, and sentences about columns that are not as before.

    Of a column with mean m and scale s at the fit, and z = (x − m) / s of those that are known:
    E x² = m² + 2 m s E z + s² E z² is held against m² + s². Gaps are made anew at each wave, and
    nothing is said of them.
    """

    def __init__(self, spec: FeatureSpec) -> None:
        self._spec = spec
        self._rows = 0
        self._sum = np.zeros(spec.n_features)
        self._squares = np.zeros(spec.n_features)
        self._blank = dict.fromkeys((c.name for c in spec.columns if c.product is None), 0)

    def add(self, columns: pa.RecordBatch, contexts: Float32) -> None:
        """Count a batch: its columns, and the contexts float32[n, d] of them that are kept."""
        self._rows += len(contexts)
        self._sum += contexts.sum(axis=0, dtype=np.float64)
        self._squares += np.einsum("ij,ij->j", contexts, contexts, dtype=np.float64)
        for name in self._blank:
            self._blank[name] += columns.column(name).null_count

    def told(self) -> list[str]:
        """A sentence for each column that has changed."""
        if self._rows < FEW:
            return []
        return [
            text
            for column, first in self._placed()
            if column.product is None and (text := self._of(column, first))
        ]

    def _placed(self) -> Iterator[tuple[Column, int]]:
        """The columns with the place of their first feature."""
        start = int(self._spec.intercept)
        for column in self._spec.columns:
            yield column, start
            start += len(column.names)

    def _of(self, column: Column, first: int) -> str | None:
        n, said = self._rows, f"column {column.name!r}"
        blank = min(self._blank[column.name], n) / n
        if blank == 1.0:
            return f"{said} is empty for everybody; the snapshot was learned while it was filled"
        if column.blank is not None and blank > column.blank + MORE_BLANK:
            return (
                f"{said} is empty for {blank:.0%} of the customers, it was for {column.blank:.0%}"
            )
        known = n - self._blank[column.name]
        if column.kind == SCORE:
            return self._score(column, first, known)
        if column.kind == "vector" or known < FEW:
            return None
        if column.kind == "categorical":
            width = len(column.categories) + 1
            shares = self._sum[first : first + width] / known
            return self._categories(said, column, shares)
        return _numbers(said, column, self._sum[first] / known, self._squares[first] / known)

    def _score(self, column: Column, first: int, known: int) -> str | None:
        """Of ranks with mean 0 and variance 1 at the fit; who has none is always told."""
        blank = self._rows - known
        told = [f"{blank:,} of {self._rows:,} customers have none and are judged without"] * (
            blank > 0
        )
        if known >= FEW:
            means = self._sum[first : first + 2] / known
            squares = self._squares[first : first + 2] / known
            if (squares - means**2 <= 1e-9 * np.maximum(1.0, squares)).all():
                told.append("it says the same of everybody, it did not")
            elif abs(means).max() > TURNED:
                way = "higher" if means.sum() > 0.0 else "lower"
                told.append(f"it is much {way} than where it was ranked; is it in another unit?")
        return f"score {column.name!r}: {'; '.join(told)}" if told else None

    def _categories(self, said: str, column: Column, shares: Float64) -> str | None:
        other = float(shares[-1])
        if column.other is not None and other > column.other + MORE_OTHER:
            return (
                f"{said}: {other:.0%} of the customers have none of the categories that the"
                f" snapshot knows ({', '.join(column.categories[:3])}, ...), it was for"
                f" {column.other:.0%}; are the words written in another way?"
            )
        alone = int(np.argmax(shares))
        if shares[alone] == 1.0 and alone < len(column.categories):
            return f"{said} is {column.categories[alone]!r} for everybody; it was not"
        return None


def _numbers(said: str, column: Column, z: float, squares: float) -> str | None:
    mean, scale = column.mean, column.scale
    now = mean + scale * z
    if squares - z * z <= 1e-9 * max(1.0, squares):
        return None if column.kind == "date" else f"{said} is {now:.4g} for everybody; it was not"
    if column.kind != "numeric":
        return None
    size = math.sqrt(max(mean**2 + 2 * mean * scale * z + scale**2 * squares, 0.0))
    ratio = size / math.hypot(mean, scale)
    turned = max(ratio, 1 / ratio) if ratio > 0 else math.inf
    if turned < FACTOR:
        return None
    what = f"{float(f'{turned:.1g}'):,.0f} times {'larger' if ratio > 1 else 'smaller'}"
    return (
        f"{said}: numbers are about {what} than those that the snapshot was learned from (mean"
        f" {now:.4g}, it was {mean:.4g}); are they in another unit?"
    )
