"""The commands of controlled experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bandit.cli.command import Commands, How, command
from bandit.cli.console import run
from bandit.cli.options import At, CampaignArg, NewestWave
from bandit.core.errors import GateError

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
    for name, function in _COMMANDS.items():
        command(group, name)(function)
    app.add_typer(group)


def design(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """Say how many customers it takes, whether they are there, and what the control costs."""
    from bandit.workflows.experiment.design import design as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


def start(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """Claim the experiment's buckets; from its start on waves assign its members."""
    from bandit.workflows.experiment.start import start as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


def send_test(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """Write each arm's lists for the people of [insiders], flagged as a test."""
    from bandit.workflows.experiment.send_test import send_test as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


def check_list(
    how: How,
    campaign: CampaignArg,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="an experiment, for its arms too; none by default"),
    ] = None,
    wave: NewestWave = None,
    at: At = None,
) -> None:
    """Say whether a wave's lists may leave: exit code 6 where they must not."""
    from bandit.workflows.experiment.check_list import check_list as workflow

    result = run(how, workflow, campaign_path=campaign, name=name, wave=wave, at=at)
    if not result.passed:
        raise typer.Exit(GateError.exit_code)


def read(
    how: How,
    campaign: CampaignArg,
    name: Name,
    out: Annotated[
        Path | None, typer.Option(help="folder of the page; reports/experiments/NAME by default")
    ] = None,
    at: At = None,
) -> None:
    """Compare the arms over closed waves, if they may be: effect, guardrails, verdict, a page."""
    from bandit.render.pages import with_page
    from bandit.workflows.experiment.read import read as workflow

    run(
        how,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        name=name,
        at=at,
    )


def stop(how: How, campaign: CampaignArg, name: Name, at: At = None) -> None:
    """End it: nobody is assigned any more, and its buckets rest for the cooldown."""
    from bandit.workflows.experiment.start import stop as workflow

    run(how, workflow, campaign_path=campaign, name=name, at=at)


_COMMANDS: dict[str, Callable[..., None]] = {
    "design": design,
    "start": start,
    "test-send": send_test,
    "check-list": check_list,
    "read": read,
    "stop": stop,
}
