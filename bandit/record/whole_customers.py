"""What a customer came to in a wave over all slots and lists: the unit of a mean over groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bandit.core.types import Float64


class WholeCustomers:
    """Sums over each customer's rows, which stand together; a batch may end between them."""

    def __init__(self) -> None:
        self._last: object = None
        self._totals: list[Float64] = []
        self._count = 0

    def add(self, ids: pa.Array, net: Float64) -> npt.NDArray[np.int64]:
        """Count a batch's rows in; the number of each row's customer, int64[n]."""
        if not len(ids):
            return np.zeros(0, dtype=np.int64)
        keys = ids.to_numpy(zero_copy_only=False)
        fresh = np.append(self._count == 0 or keys[0] != self._last, keys[1:] != keys[:-1])
        local = np.cumsum(fresh) - fresh[0]
        sums = np.asarray(np.bincount(local, weights=net), np.float64)
        number = self._count - (not fresh[0]) + local
        if not fresh[0]:
            self._totals[-1][-1] += sums[0]
            sums = sums[1:]
        if len(sums):
            self._totals.append(sums)
        self._count += len(sums)
        self._last = keys[-1]
        return np.asarray(number, dtype=np.int64)

    @property
    def totals(self) -> Float64:
        """Σ over the rows of each customer so far, float64[customers]."""
        return np.concatenate([np.zeros(0), *self._totals])
