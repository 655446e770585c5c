"""Sources that are tables of a cluster: written as Parquet beside the campaign, read like files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bandit.config.campaign import Campaign
from bandit.config.identity import ROLE
from bandit.config.tables import Outcomes, Source, spark_table
from bandit.core.types import Progress
from bandit.runners.runner import Cluster
from bandit.runners.shared import shared
from bandit.sources.database import ROLES
from bandit.sources.given import Given, instead

FOLDER, EVENTS = "tables", "source"
OF_A_WAVE = (*ROLES, ROLE, EVENTS)
"""Sections whose rows a wave reads."""


@contextmanager
def taken(
    campaign: Campaign, cluster: Cluster, roles: Sequence[str], progress: Progress
) -> Iterator[None]:
    """Within this block Spark tables of the sections ``roles`` are read as they were at its begin.

    They are gone from the campaign's folder afterwards. ConfigError where there is no such table.
    """
    sections = _sections(campaign, roles)
    tables = {role: name for role, s in sections.items() if (name := spark_table(s.source))}
    if not tables:
        yield
        return
    with shared(campaign.folder, FOLDER) as folder:
        found = {}
        for role, name in tables.items():
            progress.step(f"reading table {name} of Spark's")
            cluster.table(name, folder / role)
            section = sections[role]
            source = Source(source=str(folder / role), query=section.query, **section.form)
            found[role] = Given(source, f"table {name!r} of Spark's")
        with instead(found):
            yield


def _sections(campaign: Campaign, roles: Sequence[str]) -> dict[str, Source | Outcomes]:
    """Those that are there; ``source`` stands for each [[source]]."""
    found = {role: getattr(campaign, role) for role in roles if role != EVENTS}
    events = campaign.source if EVENTS in roles else ()
    found |= {source.role: source for source in events}
    return {role: section for role, section in found.items() if section is not None}
