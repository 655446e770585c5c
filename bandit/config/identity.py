"""[identity]: which ids elsewhere mean which customer, and which customers became one."""

from __future__ import annotations

from collections.abc import Sequence

from bandit.config.tables import Consents, History, Outcomes, Source
from bandit.config.variables import EventSource
from bandit.core.folding import fold

OWN = "customer"
"""The kind of ids that are keys of our own: such a row says that a customer became another."""
ROLE = "identity"


class Identity(Source):
    """One row a link: an ``id`` of some ``kind`` is the customer's from ``valid_from`` on.

    ``known_at``: when it could be known, where it is told later than it holds.
    """

    customer: str = "customer_id"
    id: str = "id"
    kind: str = "kind"
    valid_from: str = "valid_from"
    known_at: str | None = None


Section = Consents | History | Outcomes | EventSource


def hold_known(identity: Identity | None, sections: Sequence[tuple[str, Section | None]]) -> None:
    """ValueError for a section whose rows name people by ids that nothing translates."""
    for where, section in sections:
        if section is None or section.id is None:
            continue
        if fold(section.id) == OWN:
            raise ValueError(
                f"{where} id = {section.id!r} is what our own keys are called: leave it out, or"
                " name the kind of ids that its rows have"
            )
        if identity is None:
            raise ValueError(
                f"{where} id = {section.id!r}, and no [identity] says whose these are: add it with"
                " its source, or leave id out where the rows have our own keys"
            )
