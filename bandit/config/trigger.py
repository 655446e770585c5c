"""What a `[[trigger]]` may say, and where its contacts are sent.

A leaf below `bandit.config.campaign`, which takes it in as a section.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator

from bandit.config.section import Strict, formed, named

MOST_MINUTES = 43_200
"""Thirty days: what is to happen later than that is a wave's affair."""
Name = Annotated[str, named(60)]
Kind = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Variable = Annotated[
    str,
    formed(
        r"[A-Za-z_][A-Za-z0-9_]{0,99}",
        "a variable of the environment is up to 100 letters, digits and underscores and begins with"
        " no digit",
    ),
]
Minutes = Annotated[float, Field(ge=0, le=MOST_MINUTES, allow_inf_nan=False)]
Some = Annotated[float, Field(gt=0, le=MOST_MINUTES, allow_inf_nan=False)]


class Trigger(Strict):
    """A contact that an event gives occasion to.

    ``condition`` is an expression over the customer's columns; ``offers`` and ``channels`` are in
    play, all without them. It is decided ``delay_minutes`` after the event, and not any more
    ``expiry_minutes`` later; once it was decided for a customer, their events of the next and last
    ``quiet_minutes`` give no occasion.
    """

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


class Webhook(Strict):
    """Where `bandit serve` sends a channel's contacts; the token stands in the environment."""

    url: str
    token_variable: Variable | None = None

    @field_validator("url")
    @classmethod
    def _is_one(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            known = parts.scheme in {"https", "http"} and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError(f"{url!r} is no address; write https://host/path")
        if parts.username is not None or parts.password is not None:
            raise ValueError("a password does not belong here; name token_variable")
        return url
