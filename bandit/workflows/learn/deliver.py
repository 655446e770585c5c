"""Deliveries of outcomes: a file, the campaign's own source, or what a stream has heard."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.config.tables import Source
from bandit.core import spill
from bandit.core.types import Progress
from bandit.record import outcome_notes
from bandit.record import outcomes as deliveries
from bandit.record import waves as record
from bandit.sources import database
from bandit.sources.columns import key_type


def take_in(
    campaign: Campaign, given: Path | None, at: dt.datetime, progress: Progress
) -> deliveries.Delivery | None:
    """Store the outcomes of ``given``, else of the campaign's [outcomes], if there are any.

    Whose ids are is asked as of ``at``.
    """
    if given is None and campaign.outcomes.source is None:
        return None
    progress.step("taking in outcomes")
    source = None if given is None else _source(campaign, given)
    return _deliver(campaign, source, at, heard=False)


def deliver(campaign: Campaign, events: pa.Table) -> deliveries.Delivery:
    """Store events with our own keys that lie in the columns that [outcomes] names."""
    own = campaign.outcomes.model_copy(update={"id": None})
    campaign = campaign.model_copy(update={"outcomes": own})
    with ExitStack() as stack:
        path = spill.new(stack) / "events.parquet"
        pq.write_table(events, path)
        return _deliver(campaign, Source(source=str(path)), None, heard=True)


def _deliver(
    campaign: Campaign, source: Source | None, at: dt.datetime | None, *, heard: bool
) -> deliveries.Delivery:
    more = {} if source is None else {"outcomes": source}
    waves = record.waves(campaign.folder)
    known = [path for wave in waves for path in wave.decisions]
    with database.connect(
        campaign, roles=("customers", "outcomes"), more=more, extra_files=known, moment=at
    ) as data:
        key = key_type(data, campaign)
        delivery = deliveries.take_in(campaign, data, key, waves, heard=heard)
        told = outcome_notes.strangers(data, campaign, known)
        return delivery._replace(notes=(*delivery.notes, *told))


def _source(campaign: Campaign, given: Path) -> Source:
    """A file named on the command line; its table is the configured one if it is a database."""
    table = campaign.outcomes.table or "outcomes"
    path = str(given.resolve())
    is_database = given.suffix.lower() in {".duckdb", ".db"}
    form = campaign.outcomes.form
    return Source(source=path, table=table if is_database else None, **form)
