"""What a channel brings by itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preference:
    """What a contact on a channel brings over the mean of all channels, whatever is offered.

    Money before costs, ``width`` its standard deviation: it is learned across offers.
    """

    channel: str
    mean: float
    width: float
