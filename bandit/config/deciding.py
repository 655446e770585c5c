"""Who decides for whom, from what, and how often."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from bandit.config.discount import Deep
from bandit.config.reward import Days
from bandit.config.section import Count, Link, Name, Share, Strict

KINDS = ("numeric", "boolean", "categorical", "date", "vector")
"""Kinds of columns that [features] lists."""


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
        names = [name for kind in KINDS for name in getattr(self, kind)]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"column {twice[0]!r} is named twice; a feature has one kind")
        if not names and not self.intercept:
            raise ValueError("no features: name columns or set intercept = true")
        return self


class Model(Strict):
    """What the offers and channels learn from each other."""

    share: bool = True
    columns: tuple[Name, ...] = ()
    link: Link = "identity"

    @model_serializer(mode="wrap")
    def _only_if_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A key that came later stands only where it is used: older waves keep their bytes.
        content: dict[str, Any] = handler(self)
        if self.link == "identity":
            content.pop("link", None)
        return content

    @model_validator(mode="after")
    def _shared(self) -> Model:
        if self.link == "logit" and not self.share:
            raise ValueError('link = "logit" is learned of all pairs together: drop share = false')
        return self


class Pressure(Strict):
    """How often a customer may be contacted."""

    slots: Annotated[int, Field(ge=1, le=20)] = 1
    max_contacts: Annotated[int, Field(ge=1)] | None = None
    per_days: Days | None = None
    quiet_days: Days | None = None
    same_offer_days: Days | None = None
    refusal_days: Days | None = None
    deep: Deep | None = None
    refusal_events: tuple[str, ...] = ("refusal", "unsubscribe", "complaint")

    @model_serializer(mode="wrap")
    def _only_if_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A key that came later stands only where it is used: older waves keep their bytes.
        content: dict[str, Any] = handler(self)
        if self.deep is None:
            content.pop("deep", None)
        return content

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


class Shadow(Strict):
    """A policy that decides beside the served one, live, and changes nothing."""

    policy: Literal["lin_ucb", "lin_ts", "greedy", "epsilon_greedy", "uniform", "rules"]
    name: Name | None = None
    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    epsilon: Share = 0.1

    @property
    def label(self) -> str:
        """Its name among the candidates."""
        return self.name or f"shadow {self.policy}"


class GroupCap(Strict):
    """At most so many contacts for a set of offers, or of channels, or of pairs of both."""

    name: Name
    offers: tuple[Name, ...] | None = None
    channels: tuple[Name, ...] | None = None
    capacity: Count
