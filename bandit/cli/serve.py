"""Commands that decide for customers, or say what deciding would come to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run, say
from bandit.cli.lean import spare, swift
from bandit.cli.options import At, CampaignArg, Engine, Seed, Wave


def add(app: typer.Typer) -> None:
    """Add `serve-batch`, `what-if`, `serve`, `seal` and `trigger`."""
    command(app, "serve-batch")(serve_batch)
    command(app, "what-if")(what_if)
    command(app)(serve)
    command(app)(seal)
    command(app)(trigger)


def serve_batch(
    how: How,
    campaign: CampaignArg,
    wave: Wave = None,
    seed: Seed = None,
    at: At = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="do it all and write nothing")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="LIMIT=NUMBER",
            help="with --dry-run: another limit, named as for `what-if --limit`, or sms.cost",
        ),
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="version to decide with; the newest by default")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=10_000_000, help="customers at a time; changes no result"),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="changes no result")] = None,
    engine: Engine = None,
) -> None:
    """Decide for every customer, write the wave and one list a channel."""
    spare()
    from bandit.workflows.serve.serve_batch import serve_batch as workflow

    run(
        how,
        workflow,
        campaign_path=campaign,
        wave=wave,
        seed=seed,
        at=at,
        dry_run=dry_run,
        settings=settings or (),
        snapshot=snapshot,
        batch_size=batch_size,
        threads=threads,
        engine=engine,
    )


def what_if(
    how: How,
    campaign: CampaignArg,
    limit: Annotated[str, typer.Option(help="email.capacity, fibre.budget, limits.max_contacts")],
    low: Annotated[float, typer.Option("--from", help="smallest size of the limit")],
    high: Annotated[float, typer.Option("--to", help="largest size of the limit")],
    points: Annotated[int, typer.Option(min=1, max=100, help="rows of the table")] = 7,
    out: Annotated[
        Path | None,
        typer.Option(help="folder of the report; reports/what-if/<limit> by default"),
    ] = None,
    at: At = None,
) -> None:
    """Show what a wave would be worth at other sizes of one limit, as a table and drawn."""
    from bandit.render.pages import with_page
    from bandit.workflows.serve.what_if import what_if as workflow

    run(
        how,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        limit=limit,
        low=low,
        high=high,
        points=points,
        at=at,
    )


def serve(
    how: How,
    campaign: CampaignArg,
    host: Annotated[
        str, typer.Option(help="address to listen at; one that others reach needs --keys")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one")] = 8000,
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="who may ask: see docs/live.md")
    ] = None,
) -> None:
    """Decide over HTTP for one customer at a time, as a wave would, until it is stopped."""
    from bandit.workflows.live.first import hold_installed

    hold_installed("`bandit serve` needs packages that are not installed")
    swift()
    from bandit.service.server import serve as workflow

    def told(line: str) -> None:
        if not how.quiet:
            say(f"{line}\n")

    run(how, workflow, campaign_path=campaign, host=host, port=port, keys=keys, say=told)


def seal(how: How, campaign: CampaignArg) -> None:
    """Make waves of what was decided live; `serve-batch`, `learn` and `forget` do so first."""
    from bandit.workflows.live.first import hold_installed

    hold_installed("`bandit seal` needs packages that are not installed")
    from bandit.workflows.live.seal import seal as workflow

    run(how, workflow, campaign_path=campaign)


def trigger(
    how: How,
    campaign: CampaignArg,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON lines, CSV or Parquet; only what has waited is decided without",
        ),
    ] = None,
) -> None:
    """Decide at events, as campaign.toml's triggers say, and put the contacts into the outbox."""
    from bandit.workflows.live.first import hold_installed

    hold_installed("`bandit trigger` needs packages that are not installed")
    from bandit.workflows.live.trigger import trigger as workflow

    run(how, workflow, campaign_path=campaign, events=events)
