"""[reward]: what outcomes are worth, by kind of event where there are several."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from bandit.config.section import Strict
from bandit.core.folding import fold

Amount = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, le=36_500)]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""What kind of thing happened, in the user's words: it never becomes a name of anything."""
VALUE, AMOUNT = "value", "reward"
"""Worths in words: the offer's `value`; the money that stands in the event's own `reward`."""


class Reward(Strict):
    """What an outcome is worth, and how long after a decision it still counts.

    ``events``: what one event of a kind is worth in money: a number, `VALUE`, `AMOUNT`, or a column
    of the offers. Without it an event is worth its `reward` times the offer's `value`.
    """

    unit: str = "reward"
    window_days: Days = 14.0
    half_life_days: Days | None = None
    no_contact_value: Amount = 1.0
    ridge: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    events: dict[Kind, Amount | str] = Field(default_factory=dict)

    @field_validator("events")
    @classmethod
    def _told_apart(cls, events: dict[str, float | str]) -> dict[str, float | str]:
        seen: dict[str, str] = {}
        for kind in events:
            if not fold(kind):
                raise ValueError(f"{kind!r} is no kind of event; name it")
            if fold(kind) in seen:
                raise ValueError(f"{seen[fold(kind)]!r} and {kind!r} are one kind; keep one")
            seen[fold(kind)] = kind
        return events

    @model_validator(mode="after")
    def _at_peace(self) -> Reward:
        hang = [k for k, worth in self.events.items() if worth != AMOUNT and isinstance(worth, str)]
        if hang and "no_contact_value" not in self.model_fields_set:
            raise ValueError(
                f"events.{hang[0]} hangs on the offer; say in no_contact_value what it is worth"
                " from a customer left in peace, who had none"
            )
        return self

    @model_serializer(mode="wrap")
    def _only_if_said(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A key that came later stands only where it is used: older waves keep their bytes.
        content: dict[str, Any] = handler(self)
        if not self.events:
            content.pop("events", None)
        return content

    @property
    def kinds(self) -> dict[str, float | str]:
        """``events`` by kind as it is compared, in the order of these names."""
        return dict(sorted((fold(kind), worth) for kind, worth in self.events.items()))

    @property
    def counting(self) -> dict[str, str]:
        """How an event of each of `kinds` counts: as "one", or as its own "amount"."""
        return {kind: "amount" if w == AMOUNT else "one" for kind, w in self.kinds.items()}

    @property
    def amounts(self) -> tuple[bool, ...]:
        """Which of `kinds` count as their own amount."""
        return tuple(worth == AMOUNT for worth in self.kinds.values())
