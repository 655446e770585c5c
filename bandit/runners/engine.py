"""Which engine a command runs on: what it was asked for, else what campaign.toml says."""

from __future__ import annotations

from bandit.config.campaign import Campaign
from bandit.core.errors import UsageError
from bandit.runners.spark import Spark

LOCAL, SPARK = "local", "spark"


def cluster(campaign: Campaign, asked: str | None) -> Spark | None:
    """The cluster to enter, None for this machine alone; ``asked`` is local or spark[=MASTER].

    UsageError for anything else, and where Spark cannot run.
    """
    said = campaign.engine
    kind, equals, master = (asked or said.kind).partition("=")
    if kind == LOCAL and not equals:
        return None
    if kind != SPARK or (equals and not master):
        raise UsageError(f"--engine {asked!r}: write local, spark or spark=MASTER")
    return Spark(master or said.master, said.options, said.partitions, campaign.folder)
