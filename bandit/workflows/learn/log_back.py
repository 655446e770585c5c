"""The logged campaign that was taken in: which log it was, and out of the record again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from bandit.config.campaign import Campaign
from bandit.config.tables import Log
from bandit.core import files
from bandit.core.errors import DataError
from bandit.core.wording import counted
from bandit.record import outcomes
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.sources import sources
from bandit.sources.given import given


def digest(campaign: Campaign, log: Log) -> str:
    """sha256 of what [log] says and of the files it names, wherever they lie."""
    source = given("log") or log
    found = hashlib.sha256(
        json.dumps(log.model_dump(mode="json", exclude={"source"}), sort_keys=True).encode()
    )
    for file in sources.locate("log", source, campaign.folder).files:
        found.update(files.sha256(file).encode())
    return found.hexdigest()


def taken_in(campaign: Campaign, waves: Sequence[Wave]) -> Wave | None:
    """The wave that the campaign's log became."""
    for wave in waves:
        if wave.manifest.kind == record.LOGGED and wave.campaign == campaign.file:
            return wave
    return None


def hold_same(campaign: Campaign, log: Log, wave: Wave) -> str:
    """That this log was taken in already; DataError if it was another one."""
    known = wave.manifest.log
    if known is not None and known != digest(campaign, log):
        raise DataError(
            f"[log] is not the log that was taken in as wave {wave.name!r}: its files or its"
            " settings have changed since; take that one back with `bandit learn --without-log`,"
            " with --log beside it to take in this one in its place"
        )
    return "the log was taken in already, and nothing of it has changed"


def take_back(campaign: Campaign) -> tuple[Wave, str]:
    """Remove the log's decisions and rewards from the record, and say so.

    The caller holds the lock. The decisions go first: rewards without them count for nothing, and
    the next import removes them.
    """
    wave = taken_in(campaign, record.waves(campaign.folder))
    if wave is None:
        raise DataError("no log of this campaign was taken in; there is nothing to take back")
    files.remove(wave.folder)
    files.remove(campaign.folder / outcomes.OUTCOMES / wave.name)
    return (
        wave,
        f"took the log back: {counted(wave.manifest.decisions, 'decision')} left the record",
    )
