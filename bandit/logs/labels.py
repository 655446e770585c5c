"""The labels of a log's actions, and which of the campaign's actions each of them means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bandit.config.campaign import Log
from bandit.core.errors import ConfigError, DataError
from bandit.core.problems import nearest
from bandit.logs import columns
from bandit.sources.database import Database

MOST = 10_000


def found(database: Database, log: Log) -> list[str]:
    """Every action that stands in the log, is listed as eligible, or has a share.

    ConfigError where `no_contact` is none of them: the rows without a contact would be judged as an
    offer.
    """
    view = database.table(columns.ROLE).view
    label = database.read(columns.ROLE, log.action, "text")
    asked = f"SELECT DISTINCT ({label})::VARCHAR AS label FROM {view}"
    if log.eligible is not None:
        listed = columns.eligible_list(database, log)
        asked += f" UNION SELECT DISTINCT unnest({listed}) FROM {view}"
    rows = database.rows(f"SELECT label FROM ({asked}) LIMIT {MOST + 1}")
    labels = [str(text) for (text,) in rows if text]
    if len(labels) > MOST:
        raise DataError(
            f"[log] action = {log.action!r} has more than {MOST:,} values; is it a key?"
        )
    if isinstance(log.propensity, dict):
        labels += [text for text in log.propensity if text not in labels]
    if log.no_contact is not None and log.no_contact not in labels:
        raise ConfigError(
            f"[log] no_contact = {log.no_contact!r} is no action of the log"
            f"{nearest(log.no_contact, labels)}; leave it out if everybody was contacted"
        )
    numbers = all(text.lstrip("-").isdigit() for text in labels)
    return sorted(labels, key=(lambda text: (int(text), text)) if numbers else None)


def meant(log: Log, labels: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """The campaign's action that each label means, no contact left out; ConfigError for the others.

    ``known`` are the campaign's actions, `offer/channel`.
    """
    meaning: dict[str, str] = {}
    faults = []
    for label in labels:
        if label == log.no_contact:
            continue
        named = log.actions.get(label, label)
        full = named if "/" in named else f"{named}/{log.channel}"
        if full in known:
            meaning[label] = full
        else:
            faults.append(
                f"[log] action {label!r} means {full!r}, which is no offer and channel of the"
                f" campaign{nearest(full, known)}; map it in [log.actions]"
            )
    if faults:
        raise ConfigError("\n".join(faults[:20]))
    return meaning


def unused(log: Log, labels: Sequence[str]) -> list[str]:
    """A sentence for each label that [log.actions] maps and the log does not have."""
    return [
        f"[log.actions] maps {label!r}, which is no action of the log{nearest(label, labels)}"
        for label in log.actions
        if label not in labels
    ]
