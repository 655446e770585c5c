"""One person's page: what was done, what came of it, and what may be offered now."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.preference import Preference
from bandit.results.result import Result


@dataclass(frozen=True)
class Trait:
    """A feature, or another variable, of the person today.

    ``percentile`` is the share of all customers with less, of numbers; ``share`` that of all with
    the same, of others. None where the cell is empty.
    """

    name: str
    value: str
    percentile: float | None
    share: float | None


@dataclass(frozen=True)
class Moment:
    """Something on the person's time line, ``what`` in a few words and ``why`` in a sentence.

    ``kind`` is "contact", "shown", "no contact", "outcome", "refusal" or "contact elsewhere";
    ``probability`` and ``group`` are a decision's, ``reward`` an outcome's; ``source`` is the file
    or table that said so, None where this program decided.
    """

    at: str
    kind: str
    what: str
    why: str
    wave: str | None
    group: str | None
    probability: float | None
    reward: float | None
    source: str | None = None


@dataclass(frozen=True)
class HeardKind:
    """Outcomes of one kind: how many, what they were worth together, and the last one's time."""

    event: str
    count: int
    reward: float
    last: str


ALL, EVERY_OFFER = "all channels", "every offer"
"""What a limit is about that closes everything."""


@dataclass(frozen=True)
class Limit:
    """A limit of contact pressure: ``used`` of ``limit`` contacts within ``days``.

    ``rule`` is the key of campaign.toml, ``of`` a channel, the offers that the same contacts or
    refusals close, or what else it is about.
    ``until`` is the first day that finds it open again, None where it is open; a cooldown, and what
    a refusal closes, are limits of 1.
    """

    rule: str
    of: str
    used: int
    limit: int
    days: float
    until: str | None


@dataclass(frozen=True)
class Open:
    """What may be offered today: worth = value x mean - cost - price, at the newest prices."""

    offer: str
    channel: str
    mean: float
    value: float
    cost: float
    price: float
    worth: float


@dataclass(frozen=True)
class CustomerPage(Result):
    """The person as the record and today's data have them; money is in ``unit``.

    ``words`` say the most important things first. ``consents`` are those of the channels that ask
    for one; ``prefers`` what the channels bring by themselves, best first; ``open`` the offers that
    may be made now, by worth, ``peace`` what no contact is expected to be worth, and ``shut`` for
    each rule the pairs that it takes out; ``segments`` the first by priority first. ``timeline`` is
    from new to old, ``groups`` the group by wave; ``outcomes`` counts those of it by kind.
    ``limits`` say how much contact pressure is used, ``contacts_left`` how many contacts a wave of
    today may make at most, None where today's data do not know the person. ``said`` tells what says
    each of ``consents``, and what was refused live. Of somebody ``forgotten`` on a day only that is
    told, unless something came of them since. Days in ``words`` and ``limits`` are those of the
    campaign's ``time_zone``. ``page`` is the HTML file, if one was written.
    """

    customer: str
    campaign: str
    unit: str
    at: str
    words: list[str]
    consents: dict[str, bool]
    prefers: list[Preference]
    open: list[Open]
    peace: float | None
    shut: dict[str, list[str]]
    timeline: list[Moment]
    traits: list[Trait]
    segments: list[str]
    groups: dict[str, str]
    limits: list[Limit] = field(default_factory=list)
    contacts_left: int | None = None
    outcomes: list[HeardKind] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    forgotten: str | None = None
    time_zone: str = "UTC"
    page: Path | None = None
    notes: list[str] = field(default_factory=list)
