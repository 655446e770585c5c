"""Refusals among outcomes that cannot be taken in as they are: they count as refusals all the same.

An id of [identity] may be several people's, and a row that refuses may have a reward that is no
number, or name a decision that nobody made. Each becomes events of their own ids, worth nothing,
that only refusals are read from: nothing is learned of them and no sum counts them. See
docs/adr/0051.
"""

from __future__ import annotations

from bandit.config.campaign import Campaign
from bandit.config.tables import Outcomes
from bandit.core import sql
from bandit.core.folding import fold, folded
from bandit.sources import identity, identity_map
from bandit.sources.database import Database

MARK = "\x1f"
"""Stands in the ids of such events, and in no other's: a unit separator."""


def is_refusal(campaign: Campaign, event: str) -> str:
    """SQL of whether an event of that kind refuses."""
    kinds = ", ".join(sql.text(fold(kind)) for kind in campaign.pressure.refusal_events)
    return f"coalesce({folded(event)} IN ({kinds or 'NULL'}), false)"


def add(database: Database, names: Outcomes) -> None:
    """Add them to the table ``checked``, from it and ``given``, whose rows are the source's.

    What has no date counts from the latest one of its delivery.
    """
    database.rows(
        f"""
        INSERT INTO checked
        SELECT DISTINCT number,
               coalesce(event_id, md5(concat_ws(' ', customer_text, event, time_text)))
                   || {sql.text(MARK)} || coalesce(whom::VARCHAR, decision_id),
               CASE WHEN whom IS NULL THEN decision_id END, whom, event, 0.0, occurred_at,
               NULL::DOUBLE, NULL
        FROM (
            SELECT * REPLACE (coalesce(occurred_at, max(occurred_at) OVER ()) AS occurred_at)
            FROM ({_whom(names)}) RIGHT JOIN given USING (number)
        ) WHERE found AND occurred_at IS NOT NULL
        """
    )


def count(database: Database) -> int:
    """How many of them the table ``checked`` has."""
    marked = f"fault IS NULL AND contains(event_id, {sql.text(MARK)})"
    return int(database.rows(f"SELECT count(*) FROM checked WHERE {marked}")[0][0])


def _whom(names: Outcomes) -> str:
    """SELECT of number, whom, found: a customer, or NULL for the decision's, of those that refuse.

    Of rows that are refused whom they name, of ids all whom they can mean but the one that is sure.
    """
    known = "decision_id IN (SELECT id FROM known_decisions)"
    said = (
        f"SELECT number, CASE WHEN NOT coalesce({known}, false) THEN customer_id END AS whom,"
        " true AS found FROM given WHERE refuses AND number IN"
        " (SELECT number FROM checked WHERE fault IS NOT NULL)"
        f" AND (customer_id IS NOT NULL OR {known})"
    )
    if (kind := identity.kind_of(names)) is None:
        return said
    return (
        f"{said} UNION SELECT number, maybe.id, true FROM given JOIN {identity_map.POSSIBLE} maybe"
        f" ON maybe.kind IN ({sql.text(kind)}, '') AND maybe.said ="
        f" {identity_map.loose('given.customer_text')} WHERE refuses AND decision_id IS NULL"
        " AND maybe.id IS DISTINCT FROM customer_id"
    )
