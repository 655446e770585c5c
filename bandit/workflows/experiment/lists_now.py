"""Whom a list names, asked again: consent, contact pressure and address as of this minute."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from bandit.checks.keys import customer_keys
from bandit.config.campaign import Campaign
from bandit.config.deciding import Features
from bandit.config.offered import Address
from bandit.config.section import OUTBOUND
from bandit.core import sql
from bandit.core.errors import ConfigError
from bandit.core.problems import nearest
from bandit.core.types import Array, Bool, UInt64
from bandit.record.decisions import Decisions
from bandit.record.waves import Wave
from bandit.results.experiment import ListFault
from bandit.sources import customers, database
from bandit.sources.catalogue import Catalogue
from bandit.sources.customers import CustomerRows
from bandit.workflows.experiment.lists_read import MOST_EXAMPLES, Listed
from bandit.workflows.inspect import as_served
from bandit.workflows.serve import prepare
from bandit.workflows.serve import wave as serve
from bandit.workflows.serve.contact_history import ContactHistory

CHECKS = (
    "no customer any more", "no consent now", "contact pressure now",
    "address missing", "address malformed",
)  # fmt: skip


def faults(campaign: Campaign, wave: Wave, rows: Listed, at: dt.datetime) -> Iterator[ListFault]:
    """What of the listed contacts must not be made now, check by check.

    Pressure is that of everything but the wave itself: contacts and refusals that came since count.
    """
    known = [channel.name for channel in wave.manifest.channels or ()]
    for name in campaign.addresses:
        if name not in known:
            raise ConfigError(f"[addresses.{name}]: no such channel{nearest(name, known)}")
    again = as_served.wave(campaign, Decisions(campaign.folder, wave))
    plain = [o.model_copy(update={"eligible": None, "value": 1.0}) for o in again.catalogue.offers]
    goods = Catalogue(tuple(plain), again.catalogue.channels)
    asking = again.run.campaign.model_copy(
        update={"populations": _questions(campaign), "features": Features()}
    )
    past = ContactHistory.of(campaign, at, wave.name)
    people = _People(campaign, again, rows.contacts())
    roles = ("customers", "consents", "history")
    with database.connect(asking, roles=roles, extra_files=past.files, moment=at) as data:
        for address in campaign.addresses.values():
            data.column("customers", address.column)
        stream = customers.stream(
            data, asking, goods, at=at, record_contacts=past.contacts, withheld=past.withheld,
            refusals=past.refusals,
        )  # fmt: skip
        for batch in stream:
            people.ask(batch)
    return people.told()


def _questions(campaign: Campaign) -> tuple[str, ...]:
    """Of each channel's address whether it is missing, and whether it is malformed."""
    return tuple(q for a in campaign.addresses.values() for q in (_missing(a), _malformed(a)))


def _missing(address: Address) -> str:
    return f"coalesce({_text(address)}, '') = ''"


def _text(address: Address) -> str:
    return f"trim(CAST({sql.name(address.column)} AS TEXT))"


def _malformed(address: Address) -> str:
    """E-mail: one @ with something before and a dotted name behind. Phone: digits, + in front."""
    text = _text(address)
    if address.form == "phone":
        return f"try_cast({text} AS BIGINT) IS NULL OR length({text}) < 6"
    if address.form == "email":
        return f"NOT ({text} LIKE '%_@_%._%') OR {text} LIKE '%@%@%' OR contains({text}, ' ')"
    return "false"


class _People:
    """The listed contacts by customer, and what was found of them."""

    def __init__(self, campaign: Campaign, wave: serve.Wave, contacts: pa.Table) -> None:
        self._wave = wave
        keys = customer_keys(contacts["customer_id"].to_numpy())
        order = np.argsort(keys, kind="stable")
        self._keys: UInt64 = keys[order]
        self._action = contacts["action"].to_numpy()[order]
        self._ids = contacts["decision_id"].take(pa.array(order))
        outbound = np.array(contacts["placement"].to_pylist(), dtype=object) == OUTBOUND
        self._outbound = outbound[order]
        self._addressed = list(campaign.addresses)
        self._seen = np.zeros(len(keys), dtype=np.bool_)
        self._count: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {check: [] for check in CHECKS}

    def ask(self, batch: CustomerRows) -> None:
        """Look at a batch of today's customers."""
        rank = np.argsort(batch.keys, kind="stable")
        known = batch.keys[rank]
        if not len(known) or not len(self._keys):
            return
        at = np.minimum(np.searchsorted(known, self._keys), len(known) - 1)
        mine = np.flatnonzero(known[at] == self._keys)
        self._seen[mine] = True
        row, action = rank[at[mine]], self._action[mine]
        actions = self._wave.plan.actions
        channel, offer = actions.channel[action], actions.offer[action]
        self._note("no consent now", mine, ~batch.consent[row, channel])
        pressed = prepare.pressure(self._wave, batch)
        blocked: Bool = pressed.blocked.channels[row, channel] | pressed.blocked.offers[row, offer]
        blocked |= pressed.allowance[row] < 1
        self._note("contact pressure now", mine, blocked & self._outbound[mine])
        names = [c.name for c in self._wave.catalogue.channels]
        for number, name in enumerate(self._addressed):
            here = channel == names.index(name) if name in names else np.zeros(len(row), np.bool_)
            missing = batch.within[row, 2 * number]
            self._note("address missing", mine, here & missing)
            broken = batch.within[row, 2 * number + 1]
            self._note("address malformed", mine, here & broken & ~missing)

    def told(self) -> Iterator[ListFault]:
        """Each check with its count; addresses only where columns are named."""
        self._note(CHECKS[0], np.arange(len(self._keys)), ~self._seen)
        for check in CHECKS:
            if self._addressed or not check.startswith("address"):
                yield ListFault(check, self._count[check], self._examples[check])

    def _note(self, check: str, places: Array, wrong: Bool) -> None:
        found = places[wrong]
        self._count[check] += len(found)
        room = MOST_EXAMPLES - len(self._examples[check])
        self._examples[check] += self._ids.take(pa.array(found[:room])).to_pylist()
