"""All keys of a person, for those who ask the record alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.config.identity import OWN, ROLE
from bandit.core import sql
from bandit.sources import database, identity_map
from bandit.sources.merges import Key, Merged

NOBODY = Merged({}, (), (), ())
_EVER = dt.datetime(2499, 1, 1, tzinfo=dt.UTC)


class Ids(NamedTuple):
    """``persons``: for each key that was asked for all keys of ours that are the same person's.

    ``elsewhere``: their ids of other kinds, each with its kind as it is compared.
    """

    persons: list[tuple[str, ...]]
    elsewhere: list[tuple[str, str]]

    @property
    def keys(self) -> list[str]:
        """All of them, each once; those that were asked for first."""
        first = [person[0] for person in self.persons]
        return list(dict.fromkeys([*first, *(key for person in self.persons for key in person)]))


def of(campaign: Campaign, at: dt.datetime | None = None) -> Merged:
    """Our own keys by [identity] as of ``at``, or now; nobody where it is not there.

    Nothing else of the user's is read. Before the first wave there is no record to ask.
    """
    if campaign.identity is None:
        return NOBODY
    with database.connect(campaign, roles=(ROLE,), moment=at) as data:
        return NOBODY if data.known is None else data.known.people


def present(campaign: Campaign, customer: str, at: dt.datetime) -> str:
    """The key of a person as of ``at``, by any that they had."""
    known = {str(key): str(person) for key, person in of(campaign, at).person.items()}
    return known.get(customer, customer)


def families(people: Merged) -> Mapping[Key, Key]:
    """Who each of several keys of one person is now, that one itself among them."""
    found = dict(people.person)
    found.update({person: person for person in people.person.values()})
    return found


def ids(campaign: Campaign, keys: Sequence[str]) -> Ids:
    """The keys with all others that are surely the same persons', whatever their dates."""
    alone = Ids([(key,) for key in keys], [])
    if campaign.identity is None:
        return alone
    with database.connect(campaign, roles=(ROLE,), moment=_EVER) as data:
        if data.known is None:
            return alone
        now = {str(key): str(person) for key, person in families(data.known.people).items()}
        found = Ids([_same(now, key) for key in keys], [])
        listed = data.rows(
            f"SELECT DISTINCT folded, id FROM {identity_map.GIVEN} WHERE folded <> {sql.text(OWN)}"
            " AND id IS NOT NULL AND list_contains(?::VARCHAR[], CAST(owner AS VARCHAR))"
            " ORDER BY ALL",
            [found.keys],
        )
        return found._replace(elsewhere=[(str(kind), str(id_)) for kind, id_ in listed])


def _same(now: Mapping[str, str], key: str) -> tuple[str, ...]:
    if key not in now:
        return (key,)
    return (key, *(other for other, one in now.items() if one == now[key] and other != key))
