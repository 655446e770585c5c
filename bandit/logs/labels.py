"""The labels of a log's actions, and which of the campaign's actions each of them means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bandit.config.tables import Log
from bandit.core.errors import ConfigError, DataError
from bandit.core.problems import nearest
from bandit.logs import columns
from bandit.sources.database import Database

MOST = 10_000
SHARE_SLACK = 1e-6


def found(database: Database, log: Log) -> list[str]:
    """Every action that stands in the log, is listed as eligible, or has a share.

    ConfigError where `no_contact` is none of them: the rows without a contact would be judged as an
    offer; and where shares are no probabilities of what stands in the log.
    """
    label = database.read(columns.ROLE, log.action, "text")
    labels = logged = _distinct(database, f"({label})::VARCHAR")
    if log.eligible is not None:
        listed = _distinct(database, f"unnest({columns.eligible_list(database, log)})")
        labels = [*logged, *(text for text in listed if text not in logged)]
    if len(labels) > MOST:
        raise DataError(
            f"[log] action = {log.action!r} has more than {MOST:,} values; is it a key?"
        )
    if isinstance(log.propensity, dict):
        _hold_shares(log.propensity, logged)
        labels = [*labels, *(text for text in log.propensity if text not in labels)]
    if log.no_contact is not None and log.no_contact not in labels:
        raise ConfigError(
            f"[log] no_contact = {log.no_contact!r} is no action of the log"
            f"{nearest(log.no_contact, labels)}; leave it out if everybody was contacted"
        )
    numbers = all(text.lstrip("-").isdigit() for text in labels)
    return sorted(labels, key=(lambda text: (int(text), text)) if numbers else None)


def _distinct(database: Database, label: str) -> list[str]:
    view = database.table(columns.ROLE).view
    rows = database.rows(f"SELECT DISTINCT {label} AS label FROM {view} LIMIT {MOST + 1}")
    return [str(text) for (text,) in rows if text]


def _hold_shares(shares: Mapping[str, float], there: Sequence[str]) -> None:
    total = sum(shares.values())
    if total > 1.0 + SHARE_SLACK:
        raise ConfigError(
            f"[log] propensity: the shares sum to {total:g}; they are probabilities of one decision"
            " and sum to 1"
        )
    missing = sorted(label for label in there if label not in shares)
    if missing:
        raise ConfigError(
            f"[log] propensity has no share for {missing[0]!r}, which stands in the log; add it"
        )


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
