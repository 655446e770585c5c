"""What a taken action excludes."""

from __future__ import annotations

from bandit.core.types import Array
from bandit.kernels._compile import serial


@serial
def exclude_into(
    first: int,
    last: int,
    allowed: Array,
    taken: Array,
    offer: Array,
    family: Array,
    channel: Array,
    outbound: bool,
    after: Array,
) -> None:
    """Fill rows first to last of ``after`` bool[n, k], from ``allowed`` and ``taken`` int32[n].

    ``offer``, ``family``, ``channel`` int32[k]. ``outbound``: no contact stays open, and the taken
    channel closes. Otherwise no contact opens only when nothing else is left.
    """
    k = allowed.shape[1]
    for i in range(first, last):
        t = taken[i]
        some = False
        for a in range(1, k):
            clash = offer[a] == offer[t] or family[a] == family[t]
            clash = clash or (outbound and channel[a] == channel[t])
            after[i, a] = t != 0 and allowed[i, a] and not clash
            some = some or after[i, a]
        after[i, 0] = outbound or not some
