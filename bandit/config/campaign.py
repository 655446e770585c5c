"""What campaign.toml may say: the models, their units and limits.

Names become file and column names further on, so a name is held to letters, digits, dot, dash and
underscore here, and nowhere later.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from bandit.config.reward import AMOUNT, VALUE, Amount, Days, Reward
from bandit.config.simulation import Simulate
from bandit.config.trigger import Trigger, Webhook
from bandit.core.days import Window
from bandit.core.folding import fold
from bandit.core.problems import nearest

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Cost = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**12)]
"""Contacts: more than anybody has customers is a slip."""
Day = Annotated[dt.date, Field(gt=dt.date(1900, 1, 1), lt=dt.date(2500, 1, 1))]
"""Beyond lie years of two digits and the days that stand for "never": leave those out."""

OUTBOUND = "outbound"
INBOUND = "inbound"


DEFAULT_FILE = "campaign.toml"


class Strict(BaseModel):
    """A section: unknown keys are faults, and so is what is nearly of the right kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Form(Strict):
    """How a source's cells are written, where that differs from 1.5, 2026-11-23 and true."""

    decimal: Literal[".", ","] = "."
    date_format: Annotated[str, StringConstraints(pattern="%[dymYbjG]")] | None = None
    missing: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()

    @property
    def form(self) -> dict[str, Any]:
        """Its settings, for a source that takes this one's place."""
        return {name: getattr(self, name) for name in Form.model_fields}


class Source(Form):
    """Rows from the user's own files: a table or query of a .duckdb file, Parquet, or CSV."""

    source: str
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Source:
        if self.table is not None and self.query is not None:
            raise ValueError("give either table or query, not both")
        if (
            Path(self.source).suffix.lower() in {".duckdb", ".db"}
            and self.table is None
            and self.query is None
        ):
            raise ValueError("a .duckdb source needs a table or a query")
        return self


class Customers(Source):
    """One row a customer."""

    key: str = "customer_id"


class Features(Strict):
    """Which columns make the context, by kind."""

    numeric: tuple[str, ...] = ()
    boolean: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    date: tuple[str, ...] = ()
    vector: tuple[str, ...] = ()
    intercept: bool = True
    max_categories: Annotated[int, Field(ge=1, le=1000)] = 20
    min_category_share: Share = 0.005

    @model_validator(mode="after")
    def _some_and_once(self) -> Features:
        names = [*self.numeric, *self.boolean, *self.categorical, *self.date, *self.vector]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"column {twice[0]!r} is named twice; a feature has one kind")
        if not names and not self.intercept:
            raise ValueError("no features: name columns or set intercept = true")
        return self


class Offer(Strict):
    """What may be offered, to whom, when, through which channels, and what it is worth."""

    name: Name
    family: Name | None = None
    value: Amount | str = 1.0
    cost: Cost = 0.0
    channels: tuple[Name, ...] | None = None
    eligible: str | None = None
    starts: Day | None = None
    ends: Day | None = None
    priority: int = 0
    max_contacts: Count | None = None
    min_contacts: Count | None = None
    budget: Cost | None = None
    features: dict[Name, Amount | bool | str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ordered(self) -> Offer:
        if self.starts and self.ends and self.ends < self.starts:
            raise ValueError(f"ends {self.ends} lies before starts {self.starts}; swap them")
        if (
            self.min_contacts
            and self.max_contacts is not None
            and self.min_contacts > self.max_contacts
        ):
            raise ValueError(
                f"min_contacts {self.min_contacts} is above max_contacts {self.max_contacts}"
            )
        return self


class Channel(Strict):
    """Outbound: a contact, counted and capped. Inbound: a ranked list of `ranks` offers.

    An inbound list fills all its ranks; with `fill` "only_worth" no contact competes for each, and
    the list ends where it wins.
    """

    name: Name
    kind: Literal["outbound", "inbound"] = "outbound"
    fill: Literal["all", "only_worth"] = "all"
    cost: Cost = 0.0
    consent: bool = True
    ranks: Annotated[int, Field(ge=1, le=50)] = 1
    capacity: Count | None = None
    max_contacts: Annotated[int, Field(ge=1)] | None = None
    per_days: Days | None = None

    @model_validator(mode="after")
    def _kind(self) -> Channel:
        if self.kind == OUTBOUND and self.ranks != 1:
            raise ValueError("ranks is for inbound channels; an outbound one makes one contact")
        if self.kind == INBOUND and self.capacity is not None:
            raise ValueError("capacity is for outbound channels; an inbound one makes no contact")
        if self.kind == OUTBOUND and self.fill != "all":
            raise ValueError("fill is for inbound channels; outbound, no contact always competes")
        if (self.max_contacts is None) != (self.per_days is None):
            raise ValueError("max_contacts and per_days go together")
        return self


class Consents(Source):
    """Who agreed to be contacted on which channel; a refusal outweighs a grant."""

    customer: str = "customer_id"
    channel: str = "channel"
    granted: str = "granted"


class History(Source):
    """Contacts made outside this program; they count for contact pressure."""

    customer: str = "customer_id"
    channel: str = "channel"
    offer: str = "offer"
    contacted_at: str = "contacted_at"


class Outcomes(Form):
    """Where outcomes come from when `learn` is given no file, and how their columns are called."""

    source: str | None = None
    table: str | None = None
    query: str | None = None
    event_id: str = "event_id"
    decision: str = "decision_id"
    customer: str = "customer_id"
    event: str = "event"
    reward: str = "reward"
    occurred_at: str = "occurred_at"
    version: str = "version"


class Model(Strict):
    """What the offers and channels learn from each other."""

    share: bool = True
    columns: tuple[Name, ...] = ()


class Pressure(Strict):
    """How often a customer may be contacted."""

    slots: Annotated[int, Field(ge=1, le=20)] = 1
    max_contacts: Annotated[int, Field(ge=1)] | None = None
    per_days: Days | None = None
    quiet_days: Days | None = None
    same_offer_days: Days | None = None
    refusal_days: Days | None = None
    refusal_events: tuple[str, ...] = ("refusal", "unsubscribe", "complaint")

    @model_validator(mode="after")
    def _pairs(self) -> Pressure:
        if (self.max_contacts is None) != (self.per_days is None):
            raise ValueError("max_contacts and per_days go together")
        return self


class PolicyShare(Strict):
    """One rollout share."""

    policy: Literal["lin_ucb", "lin_ts", "greedy", "epsilon_greedy", "beta_ts", "uniform", "rules"]
    share: Share
    name: Name | None = None
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    epsilon: Share = 0.1

    @property
    def label(self) -> str:
        """The group's name in the record."""
        return self.name or self.policy


class Policy(Strict):
    """The complete logging policy: holdout, rollout shares, exploration floor."""

    holdout: Share = 0.05
    exploration: Share = 0.02
    regroup: Literal["shares", "every_wave", "never"] = "shares"
    shares: tuple[PolicyShare, ...] = Field(
        default=(PolicyShare(policy="lin_ts", share=1.0),), alias="share"
    )

    @model_validator(mode="after")
    def _shares(self) -> Policy:
        total = sum(s.share for s in self.shares)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the shares sum to {total:g}; they must sum to 1")
        labels = [s.label for s in self.shares]
        if len(set(labels)) != len(labels):
            raise ValueError("two shares have one name; give each a name of its own")
        if reserved := {"holdout", "exploration"} & set(labels):
            raise ValueError(f"{min(reserved)!r} is the name of a group already; choose another")
        return self


class GroupCap(Strict):
    """At most so many contacts for a set of offers, or of channels, or of pairs of both."""

    name: Name
    offers: tuple[Name, ...] | None = None
    channels: tuple[Name, ...] | None = None
    capacity: Count


class Limits(Strict):
    """Guards of a run."""

    reject_share: Share = 0.01
    max_contacts: Count | None = None
    memory_mb: Annotated[int, Field(ge=100)] = 400
    query_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3600.0
    batch_size: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000


SparkOption = Annotated[
    str,
    StringConstraints(
        pattern=r"^spark\.(executor\.(memory|memoryOverhead|cores|instances)|task\.(cpus|maxFailures)"
        r"|cores\.max|default\.parallelism|speculation(\.\w+)*|dynamicAllocation(\.\w+)*"
        r"|network\.timeout|driver\.(memory|host|bindAddress|port))$"
    ),
]
"""What sizes a run. What loads code (jars, class paths) is for who submits, not for this file."""


class Engine(Strict):
    """Where `serve-batch` and `learn` run; it changes no result."""

    kind: Literal["local", "spark"] = "local"
    master: str | None = None
    partitions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    options: dict[SparkOption, str] = Field(default_factory=dict)


class Exports(Strict):
    """The lists that go to the channels."""

    format: Literal["csv", "parquet"] = "csv"


class Address(Strict):
    """Where the customers' address of a channel stands; asked by `experiment check-list` alone."""

    column: str
    form: Literal["email", "phone", "other"] = "other"


class Insiders(Strict):
    """Our own people among the customers, whom `experiment test-send` writes lists for."""

    customers: Annotated[tuple[str | int, ...], Field(min_length=1)]


class Log(Source):
    """A campaign logged elsewhere, for `learn --log` and `simulate`: which column is what."""

    action: str
    reward: str
    propensity: str | float | dict[str, float] | None = None
    customer: str | None = None
    cluster: str | None = None
    time: str | None = None
    position: str | None = None
    eligible: str | None = None
    channel: Name | None = None
    no_contact: str | None = None
    actions: dict[str, str] = Field(default_factory=dict)


class Campaign(Strict):
    """The whole of campaign.toml."""

    folder: Path = Field(exclude=True)
    # Several campaigns may lie in one folder and share its customers: the file tells them apart.
    file: str = Field(default=DEFAULT_FILE, exclude=True)
    # Of the experiments that run and of triggers: asked of each customer, as offers' rules are.
    populations: tuple[str | None, ...] = Field(default=(), exclude=True)
    name: Name = "campaign"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    time_zone: str = "UTC"
    customers: Customers
    features: Features = Features()
    offers: Source | None = None
    offer: tuple[Offer, ...] = ()
    channels: Source | None = None
    channel: tuple[Channel, ...] = ()
    consents: Consents | None = None
    history: History | None = None
    outcomes: Outcomes = Outcomes()
    reward: Reward = Reward()
    model: Model = Model()
    pressure: Pressure = Pressure()
    policy: Policy = Policy()
    group_cap: tuple[GroupCap, ...] = ()
    limits: Limits = Limits()
    exports: Exports = Exports()
    # None of these changes what a wave is, so they are no part of the digest.
    engine: Engine = Field(default=Engine(), exclude=True)
    addresses: dict[Name, Address] = Field(default_factory=dict, exclude=True)
    insiders: Insiders | None = Field(default=None, exclude=True)
    trigger: tuple[Trigger, ...] = Field(default=(), exclude=True)
    webhooks: dict[Name, Webhook] = Field(default_factory=dict, exclude=True)
    log: Log | None = None
    # How past waves are judged changes no wave, so it is no part of the digest.
    simulate: Simulate = Field(default=Simulate(), exclude=True)

    @property
    def window(self) -> Window:
        """In which outcomes count for a wave."""
        return Window(self.reward.window_days, self.time_zone)

    def asking_conditions(self) -> Campaign:
        """The same, which asks each customer for the triggers' conditions after the populations."""
        conditions = tuple(trigger.condition for trigger in self.trigger)
        return self.model_copy(update={"populations": (*self.populations, *conditions)})

    @model_validator(mode="after")
    def _names(self) -> Campaign:
        for kind, inline, table in (
            ("offer", self.offer, self.offers),
            ("channel", self.channel, self.channels),
        ):
            if not inline and table is None:
                raise ValueError(
                    f"no {kind}s: write [[{kind}]] entries or name a table in [{kind}s]"
                )
            if inline and table is not None:
                raise ValueError(f"{kind}s stand both in [[{kind}]] and in [{kind}s]; keep one")
        return self

    @model_validator(mode="after")
    def _worths(self) -> Campaign:
        refusals = {fold(kind) for kind in self.pressure.refusal_events}
        for kind, worth in self.reward.events.items():
            where = f"reward.events.{kind} = {worth!r}"
            if isinstance(worth, str) and worth not in {VALUE, AMOUNT, *self.model.columns}:
                raise ValueError(
                    f"{where}: write a number, {VALUE!r} for the offer's, {AMOUNT!r} for what the"
                    " event itself says, or a column of the offers that [model] columns names"
                    f"{nearest(worth, self.model.columns)}"
                )
            if fold(kind) in refusals and not (isinstance(worth, float | int) and worth <= 0):
                raise ValueError(
                    f"{where}: nothing is to be gained by a refusal (pressure.refusal_events);"
                    " write what it costs as a number below 0"
                )
        if self.reward.events and any(s.policy == "beta_ts" for s in self.policy.shares):
            raise ValueError(
                "beta_ts learns the rate of one outcome, [reward.events] are several; take lin_ts"
            )
        return self

    @model_validator(mode="after")
    def _nobody_for_refusing(self) -> Campaign:
        if self.pressure.refusal_days is not None:
            refusals = {fold(kind) for kind in self.pressure.refusal_events}
            for trigger in self.trigger:
                if fold(trigger.event) in refusals:
                    raise ValueError(
                        f"trigger {trigger.name!r} heeds {trigger.event!r}, by which customers"
                        " refuse (pressure.refusal_events), and nobody is contacted for that; name"
                        " another event"
                    )
        return self

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(
                f"{name!r} is no time zone; write one such as 'Europe/Berlin' or 'UTC'"
            ) from None
        return name

    @property
    def digest(self) -> str:
        """sha256 of the configuration's content, comments and layout apart."""
        content = self.model_dump(mode="json", by_alias=True)
        # Keys that came later count only where they are used: older waves keep their digest.
        if self.model == Model():
            del content["model"]
        for offer in content["offer"]:
            if not offer["features"]:
                del offer["features"]
        for channel in content["channel"]:
            if channel["fill"] == "all":
                del channel["fill"]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
