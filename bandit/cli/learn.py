"""The command that learns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run
from bandit.cli.options import At, CampaignArg, Engine


def add(app: typer.Typer) -> None:
    """Add `learn`."""
    command(app)(learn)


def learn(
    how: How,
    campaign: CampaignArg,
    outcomes: Annotated[
        Path | None, typer.Option(help="outcomes to take in first: Parquet, CSV or .duckdb")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="take in the logged campaign of [log] as a wave first")
    ] = False,
    without_log: Annotated[
        bool,
        typer.Option("--without-log", help="take back the log that was taken in, before all else"),
    ] = False,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="it is true that nothing happened: learn zeros")
    ] = False,
    at: At = None,
    engine: Engine = None,
) -> None:
    """Learn from waves whose window has closed; write a snapshot."""
    from bandit.workflows.learn.learn import learn as workflow

    run(
        how,
        workflow,
        campaign_path=campaign,
        outcomes=outcomes,
        log=log,
        without_log=without_log,
        no_events=no_events,
        at=at,
        engine=engine,
    )
