"""Figures in words: as many digits as an interval is worth."""

from __future__ import annotations

import math
import re
from typing import NamedTuple, Protocol


class Span(NamedTuple):
    """A figure and the interval around it."""

    value: float
    lower: float
    upper: float


class Spanning(Protocol):
    """Anything that has a figure and an interval."""

    @property
    def value(self) -> float:
        """The figure."""

    @property
    def lower(self) -> float:
        """The lower end of its interval."""

    @property
    def upper(self) -> float:
        """The upper end."""


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would obey; a cell of the user's data may hold it."""


def harmless(text: str) -> str:
    """The text with a question mark for each character that a terminal would obey."""
    return _CONTROL.sub("?", text)


def number(value: float, *, signed: bool = False) -> str:
    """Four significant digits, never as a power of ten; a sign where it is a difference."""
    if not math.isfinite(value):
        return f"{value:+}" if signed else f"{value}"
    value = round(value, 12) + 0.0
    decimals = 0 if value == 0.0 else min(max(3 - math.floor(math.log10(abs(value))), 0), 12)
    text = f"{value:{'+' if signed else ''},.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def rounded_up(rows: int) -> str:
    """A number of rows to two digits: more are not known of what would decide."""
    step = 10 ** max(len(str(rows)) - 2, 0)
    return f"{-(-rows // step) * step:,}"


def price_text(price: float) -> str:
    """A price to four decimals; what rounds to nothing has no sign."""
    return f"{round(price, 4) + 0.0:,.4f}"


def interval_text(interval: Spanning | None, *, signed: bool = False) -> str:
    """A figure with its interval in brackets, two digits of the half-width."""
    if interval is None or math.isnan(interval.value):
        return "–"
    width = interval.upper - interval.lower
    if not math.isfinite(width) or width <= 0.0:
        return number(interval.value, signed=signed)
    decimals = min(max(1 - math.floor(math.log10(0.5 * width)), 0), 9)
    sign = "+" if signed else ""
    value, low, high = (
        f"{v:{sign},.{decimals}f}" for v in (interval.value, interval.lower, interval.upper)
    )
    return f"{value} ({low} to {high})"


def counted(count: float, one: str, several: str = "") -> str:
    """So many of something: "1 row is", "2 rows are"; ``several`` where it is not ``one`` and s."""
    return f"{count:,.15g} {one if count == 1 else several or one + 's'}"
