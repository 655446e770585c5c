"""The command that judges policies before they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run, say
from bandit.cli.options import At
from bandit.core.errors import GateError


def add(app: typer.Typer) -> None:
    """Add `simulate`."""
    command(app)(simulate)


def simulate(
    how: How,
    campaign: Annotated[
        Path,
        typer.Argument(
            metavar="CAMPAIGN_OR_SIMULATION",
            help="a campaign, a folder with a simulation.toml, or a log of the Open Bandit Dataset",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="folder of the report; reports/simulate by default")
    ] = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="exit code 6 unless the verdict is ship")
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", help="judge on the logged campaign of [log], not on the waves")
    ] = False,
    at: At = None,
) -> None:
    """Judge candidate policies on a logged campaign: ship, hold or not enough data."""
    from bandit.render.pages import with_page
    from bandit.workflows.judge.simulate import simulate as workflow

    result = run(
        how,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        log=log,
        at=at,
    )
    if gate and not result.gate.ships:
        say(f"gate: {result.gate.decision}: {result.gate.reason}\n")
        raise typer.Exit(GateError.exit_code)
