"""The commands of controlled experiments."""

from __future__ import annotations

from typing import Annotated

import typer

from bandit.cli.command import Commands, How, command
from bandit.cli.console import run
from bandit.cli.options import At, CampaignArg

Name = Annotated[str, typer.Argument(metavar="NAME", help="the experiment: experiments/NAME.toml")]


def add(app: typer.Typer) -> None:
    """Add `experiment` with its own commands."""
    group = typer.Typer(
        name="experiment",
        cls=Commands,
        help="Controlled experiments over the campaign's waves: designed, started, read, stopped.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for function in (design, start, read, stop):
        command(group)(function)
    app.add_typer(group)


def design(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """Say how many customers it takes, whether they are there, and what the control costs."""
    from bandit.workflows.experiment.design import design as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


def start(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """Claim the experiment's buckets; from its start on waves assign its members."""
    from bandit.workflows.experiment.start import start as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


def read(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """Compare the arms over closed waves, if they may be: effect, guardrails, verdict."""
    from bandit.workflows.experiment.read import read as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


def stop(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """End it: nobody is assigned any more, and its buckets rest for the cooldown."""
    from bandit.workflows.experiment.start import stop as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)
