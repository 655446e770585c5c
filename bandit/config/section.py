"""What every section of campaign.toml is, and the kinds of values that they share.

Names become file and column names further on, so a name is held to letters, digits, dot, dash and
underscore here, and nowhere later.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bandit.core.problems import shown


def formed(pattern: str, needed: str) -> AfterValidator:
    """A text that a pattern matches as a whole, else a ValueError that says what is ``needed``."""
    form = re.compile(pattern)

    def hold(text: str) -> str:
        if form.fullmatch(text) is None:
            raise ValueError(f"{shown(text)} will not do: {needed}")
        return text

    return AfterValidator(hold)


def named(most: int) -> AfterValidator:
    """A name of at most so many characters; it may become one of a file or a column."""
    return formed(
        rf"[A-Za-z0-9_][A-Za-z0-9_.\-]{{0,{most - 1}}}",
        f"a name is up to {most} letters, digits, dots, dashes and underscores and begins with a"
        " letter, digit or underscore",
    )


Name = Annotated[str, named(100)]
Link = Literal["identity", "logit"]
"""What makes an expected count of events of a score: the score itself, or σ of it."""


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


Cost = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]


Count = Annotated[int, Field(ge=0, le=10**12)]
"""Contacts: more than anybody has customers is a slip."""


Day = Annotated[dt.date, Field(gt=dt.date(1900, 1, 1), lt=dt.date(2500, 1, 1))]
"""Beyond lie years of two digits and the days that stand for "never": leave those out."""


OUTBOUND = "outbound"


INBOUND = "inbound"


class Strict(BaseModel):
    """A section: unknown keys are faults, and so is what is nearly of the right kind."""

    # Built when one is first read: most commands read whole campaigns, which build their parts.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, defer_build=True
    )
