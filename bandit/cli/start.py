"""Commands that a campaign begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run
from bandit.cli.options import MAX_SEED, At, CampaignArg


def add(app: typer.Typer) -> None:
    """Add `demo`, `init` and `check`."""
    command(app)(demo)
    command(app)(init)
    command(app)(check)


def demo(
    how: How,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="an empty or new folder; kept afterwards")
    ] = None,
    customers: Annotated[int, typer.Option(min=100, help="generated customers")] = 50_000,
    waves: Annotated[int, typer.Option(min=1, max=1000, help="waves to run")] = 8,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="of the generated operator")] = 1,
    curves: Annotated[
        bool,
        typer.Option(
            "--curves/--lines",
            help="learn each kind of event by itself, counts through a logistic curve; or, in a"
            " third of the time, money along a line",
        ),
    ] = True,
) -> None:
    """Run the whole loop on a generated operator: the shortest way to see it work."""
    from bandit.workflows.start.demo import demo as workflow

    run(how, workflow, folder=directory, customers=customers, waves=waves, seed=seed, curves=curves)


def init(
    how: How,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="an empty or new folder")],
) -> None:
    """Write a commented campaign.toml and example data."""
    from bandit.workflows.start.init import init as workflow

    run(how, workflow, folder=directory)


def check(
    how: How,
    campaign: CampaignArg,
    leakage: Annotated[
        bool,
        typer.Option(
            "--leakage",
            help="make past waves' variables again of what was known then, and compare",
        ),
    ] = False,
    at: At = None,
) -> None:
    """Check configuration and data, everything wrong at once; writes nothing."""
    from bandit.workflows.start.check import check as workflow

    run(how, workflow, campaign_path=campaign, leakage=leakage, at=at)
