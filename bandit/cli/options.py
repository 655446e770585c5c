"""Arguments and options that several commands have."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

MAX_SEED = 2**63 - 1
_YEARS = range(1900, 2500)


def _time(text: str) -> dt.datetime:
    """A time; one that says no offset is the campaign's local time."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; write it as 2026-09-01 or 2026-09-01T14:30"
        ) from None
    if found.year not in _YEARS:
        raise typer.BadParameter(f"{text!r}: give a time from {_YEARS[0]} to {_YEARS[-1]}")
    return found


CampaignArg = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="a folder with a campaign.toml, or the file")
]
CustomerArg = Annotated[str, typer.Argument(metavar="CUSTOMER", help="the customer's key")]
Wave = Annotated[str | None, typer.Option(help="name of the wave; the day by default")]
NewestWave = Annotated[str | None, typer.Option(help="name of the wave; the newest by default")]
Engine = Annotated[
    str | None,
    typer.Option(
        metavar="local|spark[=MASTER]",
        help="where it runs; changes no result (docs/spark.md)",
    ),
]
At = Annotated[
    dt.datetime | None,
    typer.Option(
        parser=_time,
        metavar="TIME",
        help="the time to act at, in the campaign's time zone; today's midnight by default",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, max=MAX_SEED, help="seed of the draws; the campaign's by default"),
]
