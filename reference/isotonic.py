"""The nearest rising sequence, by the formula of its largest least means."""

from __future__ import annotations

from collections.abc import Sequence


def rising(values: Sequence[float]) -> list[float]:
    """``f_j = max_{i ≤ j} min_{k ≥ j} mean(values_i … values_k)``."""
    m = len(values)

    def mean(i: int, k: int) -> float:
        return sum(values[i : k + 1]) / (k + 1 - i)

    return [max(min(mean(i, k) for k in range(j, m)) for i in range(j + 1)) for j in range(m)]
