"""Why a customer got what they got, and what a wave did and earned."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.basket import Gap
from bandit.results.figures import Interval
from bandit.results.money import Money
from bandit.results.preference import Preference
from bandit.results.result import Result
from bandit.results.roi import Budget, Return
from bandit.results.serve import Price


@dataclass(frozen=True)
class Contender:
    """An action that could be taken: worth = value x mean - cost - price, in the campaign's unit.

    ``probability`` is the draw's, before any lot, and ``by_group`` what each group contributes to
    it. ``width`` is the standard deviation of value x mean by what is known, under the model's
    straight line; policies that learn draw by ``drawn_width``, which is never more: the model
    takes for certain there what few events tell. ``kinds``: what value x mean is made of where
    [reward.events] names kinds of events.
    """

    offer: str | None
    channel: str | None
    probability: float
    by_group: dict[str, float]
    mean: float
    width: float
    drawn_width: float
    value: float
    cost: float
    price: float
    worth: float
    kinds: list[Kind] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """What one kind of events contributes to an action's worth, in the campaign's unit.

    ``events`` are expected of it, each worth ``worth``, so ``money`` in all; ``width`` is the
    standard deviation of that by what is known. Kinds learn apart, so squares of widths add up.
    """

    kind: str
    events: float
    worth: float
    money: float
    width: float


@dataclass(frozen=True)
class Slot:
    """One decision: what was planned, at which price, and what the lot made of it.

    ``planned`` is the draw's action, None for no contact, and ``keep`` the probability that the
    lots leave it; ``reason`` says why there is no contact. ``features``: what each feature added to
    the planned action's mean. ``parts``: of that mean, what comes from actions that have something
    in common with it ("shared"), what from its own experience ("own") and, with [[score]] and
    [basket], what from its offer's scores ("score") and from what the basket lacks ("gap"); by how
    much it was moved so that responses rise with the depth ("depth"). Empty where each learns
    alone.
    """

    placement: str
    slot: int
    offer: str | None
    channel: str | None
    group: str
    propensity: float
    planned: str | None
    keep: float
    reason: str | None
    contenders: list[Contender]
    others: int
    features: dict[str, float]
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PastDecision:
    """A decision of the last waves, by the record; ``expected_value`` is over no contact."""

    wave: str
    at: str
    placement: str
    slot: int
    offer: str | None
    channel: str | None
    planned: str | None
    group: str
    propensity: float
    expected_value: float | None
    cost: float | None
    price: float
    keep: float
    reason: str | None
    withheld: bool


@dataclass(frozen=True)
class Explanation(Result):
    """``funnel``: for each rule, the (offer, channel) pairs that it took out.

    ``history``: the customer's decisions in the last waves, this one included. ``gaps``: what the
    basket lacked, where the campaign has a [basket]. ``pinned``: the snapshot that the customer's
    arm decided by in place of ``snapshot``, None where it did not.
    """

    customer: str
    wave: str
    snapshot: str
    unit: str
    slots: list[Slot]
    funnel: dict[str, list[str]]
    history: list[PastDecision]
    notes: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pinned: str | None = None


@dataclass(frozen=True)
class Segment:
    """Some customers of the wave: how many were contacted, and with what most often by group.

    ``prefers``: the channels, the one that suits them best first.
    """

    column: str
    group: str
    customers: int
    contacted: int
    most: dict[str, str]
    prefers: list[Preference]


@dataclass(frozen=True)
class Earned:
    """A group in a wave, a customer: expected when it was decided, and realised with its interval.

    ``closed``: the window has closed, so that nothing more can come.
    """

    wave: str
    group: str
    customers: int
    expected: float
    realised: float
    lower: float
    upper: float
    closed: bool


@dataclass(frozen=True)
class Increment:
    """What a group's customers earned more than those of ``over``, ``each`` and in ``total``.

    ``wave`` None: over all closed waves together. A customer is one unit in all waves and slots.
    """

    wave: str | None
    group: str
    over: str
    customers: int
    each: Interval
    total: Interval
    closed: bool


@dataclass(frozen=True)
class OfferEarned:
    """An offer on a channel in the closed waves: a contact's, or a shown offer's, net reward.

    ``expected`` when it was decided, ``realised`` as the model is taught it: what names the
    customer is on each of the customer's contacts. ``health`` holds one against the other.
    """

    offer: str
    channel: str
    count: int
    cost: float
    expected: float
    realised: Interval
    health: str


@dataclass(frozen=True)
class Drift:
    """What a channel brought in its newest closed ``waves`` of what was expected of it.

    ``ratio`` of gross values, with an interval that holds at every look of a year.
    """

    channel: str
    waves: int
    contacts: int
    ratio: Interval
    health: str


@dataclass(frozen=True)
class HalfLife:
    """Which forgetting would have foretold the newest ``waves`` best, each by those before it.

    ``gains``: log likelihood over never forgetting by half-life in days, of all kinds of events
    together, and ``foretold`` what that has over each action's mean; ``suggested`` is None where no
    half-life wins clearly. ``configured`` is today's.
    """

    configured: float | None
    suggested: float | None
    waves: int
    foretold: float
    gains: dict[str, float]


@dataclass(frozen=True)
class Stage:
    """How many ``contacts`` (or shown offers) of a channel had an event of a kind in the window.

    ``of_before``: of those that had the stage before, the share that had this one too; None
    without an order. ``days`` to the first such event, their median; ``by_day`` counts contacts by
    whole days until then.
    """

    channel: str
    stage: str
    contacts: int
    reached: int
    of_before: float | None
    days: float | None
    by_day: list[int]


@dataclass(frozen=True)
class ReportResult(Result):
    """One wave, and what every group earned in it and in those before; money is in ``unit``.

    ``grid`` counts outbound contacts and shown offers by offer and channel, ``top`` the most
    frequent ones of each group; ``limits`` are those of the wave with their prices. ``outbound``,
    ``inbound`` and ``costs`` (by channel) are of contacts that were made. ``returned`` is what
    everybody who was not held out gained over the holdout: of this wave, and of all closed ones.
    ``budget`` is what other budgets would have brought in the newest closed wave.
    ``folder`` is where its page goes, ``report`` the page.
    """

    campaign: str
    version: str | None
    run_by: str | None
    config: str
    wave: str
    at: str
    snapshot: str
    unit: str
    customers: int
    contacted: int
    groups: dict[str, int]
    at_peace: dict[str, int]
    grid: dict[str, dict[str, int]]
    top: dict[str, dict[str, int]]
    segments: list[Segment]
    prefers: list[Preference]
    outbound: Money
    inbound: Money
    costs: dict[str, float]
    earned: list[Earned]
    returned: list[Return]
    budget: Budget | None
    increments: list[Increment]
    offers: list[OfferEarned]
    drift: list[Drift]
    half_life: HalfLife | None
    funnel: list[Stage]
    limits: list[Price]
    folder: Path
    report: Path | None = None
    notes: list[str] = field(default_factory=list)
