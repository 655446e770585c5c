"""What a taken action excludes."""

from __future__ import annotations

import numba

from bandit.core.types import Array
from bandit.kernels._compile import parallel


@parallel
def exclude_into(
    allowed: Array,
    taken: Array,
    offer: Array,
    family: Array,
    channel: Array,
    outbound: bool,
    after: Array,
) -> None:
    """Fill ``after`` bool[n, k] from ``allowed`` bool[n, k] and ``taken`` int32[n].

    ``offer``, ``family``, ``channel`` int32[k]. ``outbound``: no contact stays open, and the taken
    channel closes. Otherwise no contact opens only when nothing else is left. ``prange`` runs over
    customers.
    """
    n, k = allowed.shape
    for i in numba.prange(n):
        t = taken[i]
        some = False
        for a in range(1, k):
            clash = offer[a] == offer[t] or family[a] == family[t]
            clash = clash or (outbound and channel[a] == channel[t])
            after[i, a] = t != 0 and allowed[i, a] and not clash
            some = some or after[i, a]
        after[i, 0] = outbound or not some
