"""A person's sources, opened while other work is done: most of it is DuckDB's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.record.manifests import Served
from bandit.record.waves import Wave
from bandit.sources import database
from bandit.sources.database import Database
from bandit.workflows.inspect.one import Alone, alone
from bandit.workflows.serve import taking_part
from bandit.workflows.serve.contact_history import ContactHistory


class Opened(NamedTuple):
    """``campaign`` asks for the ``running`` experiments; ``data`` has the variables of one."""

    campaign: Campaign
    running: tuple[Served, ...]
    past: ContactHistory
    how: Alone
    data: Database


@contextmanager
def aside(
    campaign: Campaign, waves: Sequence[Wave], customer: str, at: dt.datetime
) -> Iterator[Future[Opened]]:
    """The sources as of ``at``, in a thread of their own; closed at the end."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(_opened, campaign, waves, customer, at)
        try:
            yield future
        finally:
            if future.exception() is None:
                future.result().data.close()


def _opened(campaign: Campaign, waves: Sequence[Wave], customer: str, at: dt.datetime) -> Opened:
    running = taking_part.running(campaign, waves, "", at)
    campaign = taking_part.asked(campaign, running, waves)
    past = ContactHistory.of(campaign, at, "", verify=False)
    how = alone(campaign, waves, customer)
    files = [*past.files, *([] if how.served is None else [how.served])]
    data = database.connect(campaign, extra_files=files, at=at, one=how.one)
    return Opened(campaign, running, past, how, data)
