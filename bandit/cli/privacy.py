"""Commands for the rights of a person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bandit.cli.command import How, command
from bandit.cli.console import run
from bandit.cli.options import CampaignArg, CustomerArg


def add(app: typer.Typer) -> None:
    """Add `forget` and `export-customer`."""
    command(app)(forget)
    command(app, "export-customer")(export_customer)


def forget(
    how: How,
    campaign: CampaignArg,
    customers: Annotated[
        list[str], typer.Argument(metavar="CUSTOMER...", help="keys of those to forget")
    ],
) -> None:
    """Remove customers from the record, the index and the lists; posteriors are kept."""
    from bandit.workflows.privacy.forget import forget as workflow

    run(how, workflow, campaign_path=campaign, customers=customers)


def export_customer(
    how: How,
    campaign: CampaignArg,
    customer: CustomerArg,
    out: Annotated[Path | None, typer.Option(help="also write it to this file, as JSON")] = None,
) -> None:
    """Give a person everything that is held of them, with each decision's reason."""
    from bandit.workflows.privacy.export_customer import export_customer as workflow

    run(how, workflow, campaign_path=campaign, customer=customer, out=out)
