"""How far expected responses must move so that they rise along chains of actions.

Of responses r_1 … r_m along a chain the nearest that rise are found by pooling adjacent violators:
neighbours that fall are given their mean, until none falls.

Source: Barlow, Bartholomew, Bremner, Brunk (1972), Statistical inference under order restrictions.
"""

from __future__ import annotations

from bandit.core.types import Float32, Float64, Int64
from bandit.kernels._compile import serial
from bandit.kernels.linear.link import response as outcome


@serial
def lifts_into(
    first: int, last: int, narrow: Float32, broad: Float64, theta: Float64, link: int,
    chain: Int64, start: Int64, weight: Float64, room: Float64, out: Float64,
) -> None:  # fmt: skip
    """Add to ``out`` float64[n, k] ``weight_a · (f − g(xᵀθ_a))`` along each chain.

    Rows first to last. f rises and is nearest to ``g(xᵀθ)`` by least squares. ``chain`` int64[m]
    are actions, ``start`` int64[c + 1] where each chain begins; ``narrow`` float32[n, d] or
    ``broad`` float64[n, d], the other empty; ``theta`` float64[k, d], ``weight`` float64[k];
    ``room`` float64[n, 3, m] is scratch, a row's own. Summed in the order of the features, so it is
    the same in every batch.
    """
    d = theta.shape[1]
    for i in range(first, last):
        response, level, size = room[i, 0], room[i, 1], room[i, 2]
        for c in range(start.size - 1):
            pools = 0
            for p in range(start[c], start[c + 1]):
                total = 0.0
                for j in range(d):
                    x = broad[i, j] if narrow.shape[0] == 0 else narrow[i, j]
                    total += x * theta[chain[p], j]
                response[p] = outcome(link, total)
                level[pools], size[pools] = response[p], 1.0
                pools += 1
                while pools > 1 and level[pools - 2] > level[pools - 1]:
                    whole = size[pools - 2] + size[pools - 1]
                    level[pools - 2] += (
                        (level[pools - 1] - level[pools - 2]) * size[pools - 1] / whole
                    )
                    size[pools - 2] = whole
                    pools -= 1
            p = start[c]
            for pool in range(pools):
                for _ in range(int(size[pool])):
                    action = chain[p]
                    out[i, action] += weight[action] * (level[pool] - response[p])
                    p += 1
