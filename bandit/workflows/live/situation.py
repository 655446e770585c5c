"""A customer as of now: the generation's row, and what the streams know since."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from bandit.checks.keys import customer_key
from bandit.config.discount import PRODUCT
from bandit.config.section import OUTBOUND
from bandit.core.folding import fold
from bandit.core.types import Bool, Float32
from bandit.workflows.live.answers import cut
from bandit.workflows.live.book import Book, Stood
from bandit.workflows.live.frames import Placed
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.generation import Generation, Made, no_events
from bandit.workflows.live.told import Told, Value
from bandit.workflows.serve import prepare
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.wave import Wave

_MOST_TOLD = 50
"""Offers that a problem lists."""
_DIGITS = re.compile(r"\s*[+-]?[0-9]+\s*")
Standing = dict[str, tuple[Placed, Stood]]
"""By placement: what was decided, and the frame where it stands."""


class Person(NamedTuple):
    """A customer's key as the source writes it, as 64 bits, and where they stand, if anywhere."""

    key: int | str
    bits: int
    position: int | None


class Present(NamedTuple):
    """A known customer, where they stand, and their frames, the newest first.

    ``without`` are the places of offers that are not to be picked; ``context`` float32[d] stands in
    the place of the generation's, where the asker said something.
    """

    customer: int | str
    position: int
    chain: Sequence[Stood]
    without: Sequence[int] = ()
    context: Float32 | None = None

    def was_told(self, stood: Stood) -> bool:
        """Whether a frame was decided by what is known now."""
        if self.context is None:
            return not stood.decided.told
        return stood.decided.context == self.context.tobytes()


class Situation:
    """Looks customers up in one generation, beside what the book knows."""

    def __init__(self, generation: Generation, book: Book) -> None:
        wave = generation.wave
        self._generation, self._book = generation, book
        self._others = {key: group for group in generation.people.together for key in group}
        self._old: dict[int | str, list[int | str]] = {}
        for key, person in generation.people.person.items():
            self._old.setdefault(person, []).append(key)
        self._offers = {o.name: i for i, o in enumerate(wave.catalogue.offers)}
        self._named = {name: [i] for name, i in self._offers.items()}
        for i, offer in enumerate(wave.catalogue.offers):
            whole = str(offer.features.get(PRODUCT, offer.name))
            if whole not in self._offers:
                self._named.setdefault(whole, []).append(i)
        self._channels = {c.name: i for i, c in enumerate(wave.catalogue.channels)}
        self._whole_keys = pa.types.is_integer(generation.customers.ids.type)
        self._folded = [fold(name) for name in self._channels]
        self._odd: dict[str, list[str]] = {}
        for key in [*book.closed, *book.refused]:
            self.refused(key)
        self._told = Told(wave.start.spec, wave.run.at)
        self._zone = ZoneInfo(wave.run.campaign.time_zone)
        self._at = wave.run.at.astimezone(self._zone).replace(tzinfo=None)

    @property
    def wave(self) -> Wave:
        """The wave of the generation."""
        return self._generation.wave

    def person(self, given: int | str) -> Person:
        """Who is meant, by a key of today or of before they became another.

        NotDecidedError for what is no key.
        """
        people = self._generation.customers
        try:
            key = _whole(given) if self._whole_keys else str(given)
        except (ValueError, OverflowError):
            raise NotDecidedError(
                422, f"customer {given!r} is no whole number; the keys of this campaign are"
            ) from None
        key = self._generation.people.person.get(key, key)
        bits = customer_key(key)
        return Person(key, bits, people.find(bits, key))

    def known(self, given: int | str) -> tuple[int | str, int]:
        """Key and position; NotDecidedError if nobody has the key."""
        person = self.person(given)
        if person.position is None:
            raise NotDecidedError(
                404, f"no customer has the key {given!r}, or their row was refused at the start"
            )
        return person.key, person.position

    def without(self, exclude: Sequence[str], among: Sequence[str] | None) -> list[int]:
        """Places of the offers that are not to be picked; NotDecidedError for an unknown name."""
        if not exclude and among is None:
            return []
        out = set(self.offers(exclude))
        if among is not None:
            out |= set(range(len(self._offers))) - set(self.offers(among))
        return sorted(out)

    def offers(self, names: Sequence[str]) -> list[int]:
        """Where offers stand in the catalogue, one with [offer.discount] in all of its depths.

        NotDecidedError for a name that is in none.
        """
        for name in names:
            if name not in self._named:
                known = list(self._named)
                told = ", ".join(known[:_MOST_TOLD])
                more = len(known) - _MOST_TOLD
                rest = f" and {more:,} more, see GET /v1/catalogue" if more > 0 else ""
                raise NotDecidedError(422, f"there is no offer {name!r}; known here: {told}{rest}")
        return [place for name in names for place in self._named[name]]

    def context(self, position: int, given: Mapping[str, Value]) -> Float32 | None:
        """A customer's features with what the asker says; None for who says nothing."""
        if not given:
            return None
        return self._told.into(self._generation.customers.contexts[position], given)

    def ready(
        self, people: Sequence[Present], *, pressed: bool = True, inside: Bool | None = None
    ) -> Prepared:
        """Ask the rules and look up the values, as for a wave.

        Each with what happened since the generation was made; where not ``pressed``, without the
        contacts that they had. Actions that are not ``inside`` bool[k] are as if unknown.
        """
        customers = self._generation.customers
        positions = np.array([one.position for one in people], np.int64)
        rows = customers.rows(
            positions,
            [
                self._contacts(chain) if (chain := self.past(one.customer, one.chain)) else ()
                for one in people
            ],
            [self._refusals(one.customer) if self._book.refused else () for one in people],
            self._closed([one.customer for one in people]),
        )
        if any(one.without for one in people):
            rows = rows._replace(rules=_ruled_out(rows.rules, people))
        if not pressed:
            rows = rows._replace(contacts=no_events(len(people)))
        wave = self._generation.wave
        contexts = customers.contexts[positions]
        for row, one in enumerate(people):
            if one.context is not None:
                contexts[row] = one.context
        found = prepare.ready(_within(wave, inside), rows, contexts)
        return found if inside is None else found._replace(values=prepare.values(wave, rows))

    def standing(self, present: Present, wanted: Mapping[str, int]) -> Standing:
        """What was decided today at the placements wanted, and may still be given.

        Where an asker says something, a list stands if it was decided by just that; a contact
        stands in any case.
        """
        if not present.chain:
            return {}
        newest: Standing = {}
        for stood in present.chain:
            made = stood.decided
            if stood.segment.day == self._generation.day and not (made.cause or made.fallback):
                for placed in stood.own:
                    newest.setdefault(placed.name, (placed, stood))
        asked = {name: newest[name] for name in wanted if name in newest}
        if not asked:
            return {}
        still = self._still(present)
        return {
            name: (placed, stood)
            for name, (placed, stood) in asked.items()
            if wanted[name] <= placed.count
            and (name == OUTBOUND or present.context is None or present.was_told(stood))
            and _may(placed, wanted[name], still)
            and (
                self._book.is_open(stood)
                or not self._book.unshown(stood, cut(placed, wanted[name]))
            )
        }

    def may_still(self, customer: int | str, offer: str, channel: str) -> bool:
        """Whether a customer may get an offer on a channel as of now, contact pressure apart."""
        person = self.person(customer)
        if person.position is None:
            return False
        return f"{offer}/{channel}" in self._still(Present(person.key, person.position, ()))

    def _still(self, present: Present) -> set[str]:
        """Actions that may be taken; a contact presses those after it, never itself."""
        may = self.ready([present], pressed=False).mask[0]
        names = self._generation.wave.plan.space.names
        return {name for a, name in enumerate(names) if may[a]}

    def _contacts(self, chain: Sequence[Stood]) -> Sequence[Made]:
        """The customer's contacts in streams that the generation did not look at."""
        return [
            Made(self._channels.get(p.channel or "", -1), self._offers.get(p.offer, -1), age)
            for stood, age in ((s, self._age_days(s.decided.at)) for s in chain)
            if stood.wave not in self._generation.past
            for placed in stood.own
            if placed.name == OUTBOUND
            for p in placed.picks
            if p.offer is not None
        ]

    def past(self, customer: int | str, chain: Sequence[Stood]) -> Sequence[Stood]:
        """The frames of a customer and of those who became them, the newest first."""
        keys = self._old.get(customer)
        if not keys:
            return chain
        old = [stood for key in keys for stood in self._book.of(key)]
        return sorted([*chain, *old], key=lambda stood: -stood.decided.at)

    def _refusals(self, customer: int | str) -> list[Made]:
        known = self._book.refused
        found = [one for key in self._meant_by(customer) for one in known.get(key, ())]
        return [Made(-1, self._offers.get(r.offer or "", -1), self._age_days(r.at)) for r in found]

    def refused(self, key: int | str) -> None:
        """Take in who refuses: a text that is nobody's key counts for all written alike.

        So it is in the waves (docs/adr/0051).
        """
        if isinstance(key, str) and self._generation.customers.find(customer_key(key), key) is None:
            alike = self._odd.setdefault(fold(key), [])
            if key not in alike:
                alike.append(key)

    def _meant_by(self, customer: int | str) -> Sequence[int | str]:
        """The keys under which what a customer refused may stand."""
        keys = self._others.get(customer, (customer,))
        if not self._odd:
            return keys
        return [*keys, *(odd for key in keys for odd in self._odd.get(fold(str(key)), ()))]

    def _closed(self, customers: Sequence[int | str]) -> Bool:
        """Channels bool[m, c] that customers refused live; an unknown one stands for all."""
        closed = np.zeros((len(customers), len(self._folded)), np.bool_)
        if not self._book.closed:
            return closed
        for row, customer in zip(closed, customers, strict=True):
            keys = self._meant_by(customer)
            refused = [name for key in keys for name in self._book.closed.get(key, ())]
            if refused:
                names = {None if name is None else fold(name) for name in refused}
                every = not names <= set(self._folded)
                row[:] = [every or name in names for name in self._folded]
        return closed

    def _age_days(self, at: int) -> float:
        """Days from a moment to the day's beginning by the clocks of the campaign, at least 0."""
        moment = dt.datetime.fromtimestamp(at / 1e6, self._zone).replace(tzinfo=None)
        return max((self._at - moment) / dt.timedelta(days=1), 0.0)


def _ruled_out(rules: Bool, people: Sequence[Present]) -> Bool:
    """The offers' rules bool[m, offers], which do not hold for what is not to be picked."""
    rules = rules.copy()
    for row, one in zip(rules, people, strict=True):
        row[list(one.without)] = False
    return rules


def _within(wave: Wave, inside: Bool | None) -> Wave:
    """The wave, of whose actions those ``inside`` bool[k] alone are known."""
    if inside is None:
        return wave
    actions = wave.plan.actions
    known = actions._replace(
        offer=np.where(inside, actions.offer, np.int32(-1)), outbound=actions.outbound & inside
    )
    return wave._replace(plan=wave.plan._replace(actions=known))


def _whole(given: int | str) -> int:
    """A key as int64; ValueError or OverflowError for what is none."""
    if type(given) is int and -(2**63) <= given < 2**63:
        return given
    if isinstance(given, str) and _DIGITS.fullmatch(given) is None:
        raise ValueError(given)  # Python takes 1_0 for 10
    return int(np.int64(given))


def _may(placed: Placed, count: int, still: set[str]) -> bool:
    """Whether the first picks may be made today."""
    return all(p.offer is None or f"{p.offer}/{p.channel}" in still for p in placed.picks[:count])
