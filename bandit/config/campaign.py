"""What campaign.toml may say: the whole of it, and what its sections must agree on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from bandit.config.basket import BOUGHT, Basket
from bandit.config.deciding import KINDS, Features, GroupCap, Model, Policy, Pressure, Shadow
from bandit.config.discount import expanded
from bandit.config.household import Household
from bandit.config.identity import Identity, hold_known
from bandit.config.offered import Address, Channel, Offer, none_so_deep
from bandit.config.reward import AMOUNT, VALUE, Kind, Reward
from bandit.config.running import Engine, Exports, Insiders, Limits, Live
from bandit.config.score import Score
from bandit.config.section import Name, Strict
from bandit.config.simulation import Simulate
from bandit.config.tables import Consents, Customers, History, Log, Outcomes, Source
from bandit.config.trigger import Trigger, Webhook
from bandit.config.variables import EventSource, Segment, Variable, Word, hold_named_once, resolved
from bandit.core.days import Window
from bandit.core.folding import fold
from bandit.core.problems import nearest

DEFAULT_FILE = "campaign.toml"


class Campaign(Strict):
    """The whole of campaign.toml."""

    folder: Path = Field(exclude=True)
    # Several campaigns may lie in one folder and share its customers: the file tells them apart.
    file: str = Field(default=DEFAULT_FILE, exclude=True)
    # Of the experiments that run and of triggers: asked of each customer, as offers' rules are.
    populations: tuple[str | None, ...] = Field(default=(), exclude=True)
    # Of the experiments that assign households.
    households: tuple[Household, ...] = Field(default=(), exclude=True)
    name: Name = "campaign"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    time_zone: str = "UTC"
    customers: Customers
    identity: Identity | None = None
    features: Features = Features()
    score: tuple[Score, ...] = ()
    offers: Source | None = None
    offer: tuple[Offer, ...] = ()
    channels: Source | None = None
    channel: tuple[Channel, ...] = ()
    consents: Consents | None = None
    history: History | None = None
    outcomes: Outcomes = Outcomes()
    source: tuple[EventSource, ...] = ()
    variables: dict[Word, Variable] = Field(default_factory=dict)
    segment: tuple[Segment, ...] = ()
    basket: Basket | None = None
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
    shadow: Shadow | None = Field(default=None, exclude=True)
    live: Live = Field(default=Live(), exclude=True)
    log: Log | None = None
    # How past waves are read and judged changes no wave, so it is no part of the digest.
    funnel: tuple[Kind, ...] = Field(default=(), exclude=True)
    simulate: Simulate = Field(default=Simulate(), exclude=True)

    @property
    def window(self) -> Window:
        """In which outcomes count for a wave."""
        return Window(self.reward.window_days, self.time_zone)

    @property
    def crowds(self) -> tuple[str, ...]:
        """The names of the segments, the first by priority first."""
        return tuple(s.name for s in sorted(self.segment, key=lambda s: s.priority))

    def variables_of(self, source: EventSource) -> dict[str, Variable]:
        """The variables that are made of a source."""
        return {
            name: variable
            for name, variable in self.variables.items()
            if resolved(self.source, variable) is source
        }

    def read_of(self, source: EventSource) -> dict[str, Variable]:
        """What is read of a source: its variables, and the products of [basket]."""
        found = self.variables_of(source)
        if self.basket is not None and resolved(self.source, self.basket.bought) is source:
            found[BOUGHT] = self.basket.bought
        return found

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
    def _ids(self) -> Campaign:
        sections = (
            ("[consents]", self.consents),
            ("[history]", self.history),
            ("[outcomes]", self.outcomes),
            *((f"[[source]] {s.name!r}", s) for s in self.source),
        )
        hold_known(self.identity, sections)
        return self

    @model_validator(mode="after")
    def _variables(self) -> Campaign:
        hold_named_once(self.source, tuple(self.variables), self.segment)
        for name, variable in self.variables.items():
            try:
                resolved(self.source, variable)
            except ValueError as e:
                raise ValueError(f"variables.{name}: {e}") from None
        return self

    @model_validator(mode="after")
    def _baskets(self) -> Campaign:
        if self.basket is None:
            return self
        try:
            resolved(self.source, self.basket.bought)
        except ValueError as e:
            raise ValueError(f"basket: {e}") from None
        if not self.model.share:
            raise ValueError(
                "what a basket lacks is learned of the offers that name it: leave [model] share ="
                " false out, or [basket]"
            )
        if self.log is not None:
            raise ValueError(
                "of a log nobody can say what was bought before each of its decisions: leave [log]"
                " out, or [basket]"
            )
        return self

    @field_validator("funnel")
    @classmethod
    def _stages(cls, funnel: tuple[str, ...]) -> tuple[str, ...]:
        names = [fold(stage) for stage in funnel]
        for number, name in enumerate(names):
            if not name or name in names[:number]:
                raise ValueError(f"{funnel[number]!r} is no stage of its own; name each kind once")
        return funnel

    @model_validator(mode="before")
    @classmethod
    def _depths(cls, raw: Any) -> Any:
        return expanded(raw) if isinstance(raw, Mapping) else raw

    @model_validator(mode="after")
    def _deep(self) -> Campaign:
        for fault in none_so_deep(self.offer, self.pressure.deep):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _scores(self) -> Campaign:
        features = {c: kind for kind in KINDS for c in getattr(self.features, kind)}
        seen: set[str] = set()
        for score in self.score:
            said = f"score {score.column!r}"
            if score.column in features:
                raise ValueError(f"{said} stands in [features] too; leave it in one of them")
            if score.column in seen:
                raise ValueError(f"{said} stands twice; name all of its offers in one [[score]]")
            if features.get(score.known_at or "", "date") != "date":
                raise ValueError(f"{said}: known_at = {score.known_at!r} is listed as no date")
            seen.add(score.column)
        if dates := sorted({s.known_at for s in self.score if s.known_at} & seen):
            raise ValueError(f"{dates[0]!r} is a score and the known_at of one; it cannot be both")
        if self.score and not self.model.share:
            raise ValueError(
                "a score is learned of its own offers alone, by what they share: leave"
                " [model] share = false out, or [[score]]"
            )
        if self.score and self.log is not None:
            raise ValueError(
                "of a log nobody can say which scores were known at each of its decisions: leave"
                " [log] out, or [[score]]"
            )
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
        # What changes no result counts as its default (ADR 375).
        usual = Limits().model_dump(include={"memory_mb", "query_seconds", "batch_size"})
        content["limits"].update(usual)
        # Keys that came later count only where they are used: older waves keep their digest.
        if self.model == Model():
            del content["model"]
        for section in (
            content["consents"], content["history"], content["outcomes"], *content["source"]
        ):  # fmt: skip
            if section is not None and section["id"] is None:
                del section["id"]
        for later in ("source", "variables", "segment", "score", "identity", "basket"):
            if not content[later]:
                del content[later]
        for offer in content["offer"]:
            if not offer["features"]:
                del offer["features"]
        for channel in content["channel"]:
            if channel["fill"] == "all":
                del channel["fill"]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
