"""Commands of whoever runs a campaign."""

from __future__ import annotations

from typing import Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run
from bandit.cli.options import CampaignArg


def add(app: typer.Typer) -> None:
    """Add `rollback`."""
    command(app)(rollback)


def rollback(
    how: How,
    campaign: CampaignArg,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="snapshot to return to")],
) -> None:
    """Make an older snapshot the newest one, until the next `learn`."""
    from bandit.workflows.operate.rollback import rollback as workflow

    run(how, workflow, campaign_path=campaign, version=version)
