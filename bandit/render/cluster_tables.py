"""Clusters as a table, and as the lines of campaign.toml that make segments of them."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.results.clusters import Clusters


def _largest(result: Clusters, column: str) -> float:
    return max(abs(one.means[column]) for one in result.clusters)


def mean_text(mean: float, largest: float) -> str:
    """A mean to four digits of the ``largest`` of its column: what is less is rounding."""
    decimals = max(3 - math.floor(math.log10(largest)), 0) if largest else 0
    text = f"{round(mean, decimals) + 0.0:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def cluster_tables(result: Clusters) -> RenderableType:
    """The crowds by size with the means of their columns, and what to write for them."""
    head = (
        f"{len(result.clusters)} clusters of {result.customers:,} customers; stability"
        f" {result.stability:.2f} (adjusted Rand between halves, 1 is the same crowds each time)"
    )
    if result.several:
        head += f"; {result.several:.1%} are of several"
    table = Table("cluster", "share")
    for column in result.clusters[0].means:
        table.add_column(f"mean {column}", justify="right")
    for one in result.clusters:
        means = (mean_text(mean, _largest(result, c)) for c, mean in one.means.items())
        table.add_row(one.name, f"{one.share:.1%}", *means)
    lines = [
        line
        for one in result.clusters
        for line in ("[[segment]]", f'name = "{one.name}"', f"where = '{one.where}'", "")
    ]
    told = "to take over into campaign.toml, under names of your own:"
    return Group(
        Text(head), table, Text(told), Text("\n".join(lines), overflow="ignore", no_wrap=True)
    )
