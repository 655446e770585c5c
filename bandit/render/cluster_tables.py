"""Clusters as a table, and as the lines of campaign.toml that make segments of them."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.results.clusters import Clusters


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
        means = (f"{mean:,.6g}" for mean in one.means.values())
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
