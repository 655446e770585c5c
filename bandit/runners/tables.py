"""Sources that are tables of a cluster: written as Parquet beside the campaign, read like files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bandit.config.campaign import Campaign
from bandit.config.tables import Form, Source, spark_table
from bandit.core.types import Progress
from bandit.runners.runner import Cluster
from bandit.runners.shared import shared
from bandit.sources.given import Given, instead

FOLDER = "tables"


@contextmanager
def taken(
    campaign: Campaign, cluster: Cluster, roles: Iterable[str], progress: Progress
) -> Iterator[None]:
    """Within this block Spark tables of the sections ``roles`` are read as they were at its begin.

    They are gone from the campaign's folder afterwards. ConfigError where there is no such table.
    """
    tables = {role: name for role in roles if (name := _table(campaign, role)) is not None}
    if not tables:
        yield
        return
    with shared(campaign.folder, FOLDER) as folder:
        found = {}
        for role, name in tables.items():
            progress.step(f"reading table {name} of Spark's")
            cluster.table(name, folder / role)
            section = getattr(campaign, role)
            form = {key: getattr(section, key) for key in Form.model_fields}
            source = Source(source=str(folder / role), query=section.query, **form)
            found[role] = Given(source, f"table {name!r} of Spark's")
        with instead(found):
            yield


def _table(campaign: Campaign, role: str) -> str | None:
    return spark_table(getattr(getattr(campaign, role), "source", None))
