"""The customers of a wave, read once: streamed as they come, or spooled for several passes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core.errors import BanditError, DataError
from bandit.core.types import Progress
from bandit.features.drift import Drift
from bandit.record.rejects import Bound, Rejects
from bandit.record.served_variables import ServedVariables
from bandit.runners.overlap import ahead
from bandit.sources import customers, event_index
from bandit.sources import unusable_rows as beside
from bandit.sources.columns import key_type
from bandit.sources.database import Database
from bandit.sources.event_index import Asked
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.prepare import Prepared, prepare
from bandit.workflows.serve.spool import Spool
from bandit.workflows.serve.wave import Wave


def bound(campaign: Campaign, data: Database) -> Bound:
    """How many customers may be refused; DataError if there are none at all."""
    total, shown = data.count("customers"), data.table("customers").shown
    if total == 0:
        raise DataError(f"{shown} has no rows; is it the right table?")
    return Bound(campaign.limits.reject_share, total, shown, "customer")


def add_unusable_rows(campaign: Campaign, data: Database, rejects: Rejects) -> None:
    """Add the rows of consents and history that cannot be used."""
    for batch in beside.stream(data, campaign):
        rejects.add_batch(pa.Table.from_batches([batch]))


def keep_indexes(campaign: Campaign, data: Database, progress: Progress) -> list[str]:
    """Index large files of events for `bandit customer`; a sentence on each that could not be."""
    told, kept = list[str](), list[Asked]()
    for source in campaign.source:
        if source.role not in data.tables or not campaign.variables_of(source):
            continue
        key = key_type(data, campaign)
        try:
            asked = event_index.asked(data, source.role, source.customer, key)
            if asked is not None:
                progress.step(f"indexing {source.name}")
                event_index.build(data, campaign.folder, asked)
                kept.append(asked)
        except (BanditError, OSError, pa.ArrowException) as e:
            told.append(f"no index of {source.name} was kept: {str(e).splitlines()[0]}")
    try:
        event_index.keep_only(campaign.folder, kept)
    except (BanditError, OSError) as e:
        told.append(f"old indexes of events stay: {e}")
    return told


def prepared(
    wave: Wave,
    data: Database,
    past: ContactHistory,
    rejects: Rejects,
    drift: Drift,
    served: ServedVariables | None = None,
) -> Generator[Prepared]:
    """The customers in the order of their key, batch by batch; refused rows go to `rejects`.

    All are counted in `drift`; their variables and segments go to ``served``. The next batch is
    read while the caller works on one; close it before ``data``, which a thread reads till then.

    DataError once these are too many: the rest is not read then.
    """
    stream = customers.stream(
        data,
        wave.run.campaign,
        wave.catalogue,
        at=wave.run.at,
        batch_size=wave.run.batch_size,
        record_contacts=past.contacts,
        withheld=past.withheld,
        refusals=past.refusals,
    )
    for rows in ahead(stream):
        batch, refused = prepare(wave, rows)
        if rows.rejects or refused:
            rejects.add(rows.rejects + refused)
        drift.add(rows.columns, batch.contexts)
        if served is not None:
            served.add(rows.ids, rows.served)
        yield batch


def spooled(folder: Path, batches: Iterable[Prepared], total: int, progress: Progress) -> Spool:
    """Everything on disk in a folder of the caller's, for what passes over it several times."""
    progress.step("reading customers", total=total)

    def told() -> Iterator[Prepared]:
        for batch in batches:
            yield batch
            progress.advance(len(batch.ids))

    return Spool(folder, told())
