"""A figure and the interval around it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A figure and the interval around it."""

    value: float
    lower: float
    upper: float
