"""How often the hidden category is found, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulations.baskets.sweep import TOP, Found


def report(found: Sequence[Found]) -> str:
    lines = [
        f"Among the {TOP} that a household is said to lack first; ± standard errors.",
        "",
        "| draw | households | lacking | by like baskets | by households that hold it |"
        " by purchases | over the better |",
        "|---|---|---|---|---|---|---|",
        *(_row(str(one.seed), [one]) for one in found),
        _row("all", found),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, found: Sequence[Found]) -> str:
    gap, popular, bought = (
        np.concatenate([ranks < TOP for ranks in part])
        for part in ([f.gap for f in found], [f.popular for f in found], [f.bought for f in found])
    )
    lacking = np.concatenate([one.missing for one in found])
    best = max(popular, bought, key=lambda hit: hit.mean())
    more = gap.astype(np.float64) - best
    # Draws are of the same households: more of them make no more households.
    n = len(found[0].gap)
    return (
        f"| {name} | {n:,} | {lacking.mean():.0f} | {_share(gap, n)} | {_share(popular, n)} |"
        f" {_share(bought, n)} |"
        f" {more.mean():+.3f} ± {more.std() / n**0.5:.3f} |"
    )


def _share(hit: np.ndarray, n: int) -> str:
    return f"{hit.mean():.3f} ± {hit.std() / n**0.5:.3f}"
