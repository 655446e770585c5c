"""What a `[[trigger]]` may say: the event, for whom, with what, and when it is too late.

A leaf below `bandit.config.campaign`, which takes it in as a section.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

MOST_MINUTES = 43_200
"""Thirty days: what is to happen later than that is a wave's affair."""
Name = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}$", max_length=60)
]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Minutes = Annotated[float, Field(ge=0, le=MOST_MINUTES, allow_inf_nan=False)]
Some = Annotated[float, Field(gt=0, le=MOST_MINUTES, allow_inf_nan=False)]


class Trigger(BaseModel):
    """A contact that an event gives occasion to.

    ``condition`` is an expression over the customer's columns; ``offers`` and ``channels`` are in
    play, all without them. It is decided ``delay_minutes`` after the event, and not any more
    ``expiry_minutes`` later; once it was decided for a customer, their events of the next and last
    ``quiet_minutes`` give no occasion.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Name
    event: Kind
    condition: str | None = None
    offers: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    delay_minutes: Minutes = 0.0
    quiet_minutes: Minutes = 1440.0
    expiry_minutes: Some = 60.0

    @field_validator("offers", "channels")
    @classmethod
    def _some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError("an empty list leaves nothing in play; name some, or leave it out")
        return names
