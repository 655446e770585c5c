"""Commands that show what was done, and why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run
from bandit.cli.lean import lean
from bandit.cli.options import At, CampaignArg, CustomerArg, NewestWave

if TYPE_CHECKING:
    from bandit.core.types import Progress
    from bandit.results.customer import CustomerPage


def add(app: typer.Typer) -> None:
    """Add `status`, `report`, `roi`, `explain`, `customer` and `clusters`."""
    command(app)(status)
    command(app)(report)
    command(app)(roi)
    command(app)(explain)
    command(app)(customer)
    command(app)(clusters)


def status(how: How, campaign: CampaignArg, at: At = None) -> None:
    """Show waves, windows, snapshots, who ran what, and what can be done next."""
    from bandit.workflows.inspect.status import status as workflow

    run(how, workflow, campaign_path=campaign, at=at)


def report(
    how: How,
    campaign: CampaignArg,
    wave: NewestWave = None,
    out: Annotated[
        Path | None, typer.Option(help="folder of the report; reports/<wave> by default")
    ] = None,
    at: At = None,
) -> None:
    """Write a page about a wave: what went to whom, who was left in peace, what came of it."""
    from bandit.render.pages import with_page
    from bandit.render.render import need
    from bandit.workflows.inspect.report import report as workflow

    need()
    run(
        how,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        wave=wave,
        at=at,
    )


def roi(
    how: How,
    campaign: CampaignArg,
    wave: Annotated[
        list[str] | None,
        typer.Option(help="name of a wave, may be given again; all of them by default"),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="also by the values of this feature, or by segment"),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="share of value that is kept, where the value is revenue"
        ),
    ] = 1.0,
    at: At = None,
) -> None:
    """Show what contacts added, what they cost, and what came back of it."""
    from bandit.workflows.inspect.roi import roi as workflow

    run(how, workflow, campaign_path=campaign, waves=wave or (), by=by, margin=margin, at=at)


def explain(
    how: How,
    campaign: CampaignArg,
    customer: CustomerArg,
    wave: Annotated[
        str | None,
        typer.Option(help="name of the wave; by default the newest that decided for the customer"),
    ] = None,
) -> None:
    """Show why a customer got what they got."""
    from bandit.workflows.inspect.explain import explain as workflow

    run(how, workflow, campaign_path=campaign, customer=customer, wave=wave)


def customer(
    how: How,
    campaign: CampaignArg,
    customer: CustomerArg,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="also write the page to this file")
    ] = None,
    at: At = None,
) -> None:
    """Show one person: what was done and why, what came of it, what may be offered now."""
    lean(campaign)
    from bandit.workflows.inspect.customer import customer as workflow

    run(
        how,
        workflow,
        finish=None if html is None else _written(html),
        campaign_path=campaign,
        customer=customer,
        at=at,
    )


def _written(html: Path) -> Callable[[CustomerPage, Progress], CustomerPage]:
    """What writes the page to ``html``; what draws it is loaded for that alone."""
    from bandit.render.customer_page import with_customer_page
    from bandit.render.render import need

    need()
    return lambda result, _: with_customer_page(result, html)


def clusters(
    how: How,
    campaign: CampaignArg,
    by: Annotated[
        str, typer.Option(metavar="COLUMN,COLUMN", help="numbers and truths, variables among them")
    ],
    count: Annotated[
        int | None, typer.Option(help="how many; the most stable of 2 to 6 by default")
    ] = None,
    soft: Annotated[
        float,
        typer.Option(
            metavar="RATIO",
            help="also of a cluster who is so many times as likely of it as of the likeliest, say"
            " 0.5; 1 is one cluster each",
        ),
    ] = 1.0,
    at: At = None,
) -> None:
    """Find crowds that lie apart and write them as [[segment]] to take over."""
    from bandit.workflows.inspect.clusters import clusters as workflow

    columns = tuple(column.strip() for column in by.split(","))
    run(how, workflow, campaign_path=campaign, by=columns, count=count, soft=soft, at=at)
