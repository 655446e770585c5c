"""The customers of a wave, read once: streamed as they come, or spooled for several passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from bandit.config.campaign import Campaign
from bandit.core import spill
from bandit.core.types import Progress
from bandit.sources import customers
from bandit.sources import side_rejects as beside
from bandit.sources.database import Database
from bandit.workflows.serve.contact_history import Past
from bandit.workflows.serve.prepare import Prepared, prepare
from bandit.workflows.serve.spool import Spool
from bandit.workflows.serve.wave import Wave


def side_rejects(campaign: Campaign, data: Database) -> list[customers.Reject]:
    """Rows of consents and history that cannot be used; DataError if there are too many."""
    found = beside.count(data, campaign)
    beside.hold_share(campaign, found)
    if not found:
        return []
    return [row for batch in beside.stream(data, campaign) for row in batch.to_pylist()]


def prepared(
    wave: Wave, data: Database, past: Past, rejects: list[customers.Reject]
) -> Iterator[Prepared]:
    """The customers in the order of their key, batch by batch; refused rows go to `rejects`."""
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
    for rows in stream:
        batch, refused = prepare(wave, rows)
        rejects += rows.rejects + refused
        yield batch


def spooled(stack: ExitStack, batches: Iterable[Prepared], total: int, progress: Progress) -> Spool:
    """Everything on disk until `stack` closes, for what passes over it several times."""
    progress.step("reading customers", total=total)

    def told() -> Iterator[Prepared]:
        for batch in batches:
            yield batch
            progress.advance(len(batch.ids))

    return Spool(spill.new(stack), told())
