"""The commands: parse, call one workflow, map errors to exit codes.

Workflows are imported inside the commands, so that `bandit --help` starts at once.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bandit import __version__
from bandit.cli.console import (
    QUERY_INTERRUPTED,
    flush,
    open_streams,
    report_error,
    report_json,
    run,
    say,
)
from bandit.core.errors import UsageError

app = typer.Typer(
    name="bandit",
    help="Each customer gets the offer, on the channel, that is worth most, or is left in peace.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_INTERRUPTED = 130
_MAX_SEED = 2**63 - 1
_YEARS = range(1900, 2500)

CampaignArg = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="a folder with a campaign.toml, or the file")
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object to standard output")]
Wave = Annotated[str | None, typer.Option(help="name of the wave; the day by default")]
At = Annotated[
    dt.datetime | None,
    typer.Option(
        help="the time to act at, in UTC; today's midnight by default", show_default=False
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, max=_MAX_SEED, help="seed of the draws; the campaign's by default"),
]


def _version(value: bool) -> None:
    if value:
        typer.echo(f"bandit {__version__} (offer-bandit)")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="an empty or new folder; kept afterwards")
    ] = None,
    customers: Annotated[int, typer.Option(min=100, help="generated customers")] = 50_000,
    waves: Annotated[int, typer.Option(min=1, max=1000, help="waves to run")] = 8,
    seed: Annotated[int, typer.Option(min=0, max=_MAX_SEED)] = 1,
    as_json: Json = False,
) -> None:
    """Run the whole loop on a generated operator: the shortest way to see it work."""
    from bandit.workflows.start.demo import demo as workflow

    run(as_json, workflow, folder=directory, customers=customers, waves=waves, seed=seed)


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="an empty or new folder")],
    as_json: Json = False,
) -> None:
    """Write a commented campaign.toml and example data."""
    from bandit.workflows.start.init import init as workflow

    run(as_json, workflow, folder=directory)


@app.command()
def check(campaign: CampaignArg, as_json: Json = False) -> None:
    """Check configuration and data, everything wrong at once; writes nothing."""
    from bandit.workflows.start.check import check as workflow

    run(as_json, workflow, campaign_path=campaign)


@app.command("serve-batch")
def serve_batch(
    campaign: CampaignArg,
    wave: Wave = None,
    seed: Seed = None,
    at: At = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="do it all and write nothing")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=NUMBER", help="with --dry-run: another limit"),
    ] = None,
    snapshot: Annotated[
        str | None, typer.Option(help="version to decide with; the newest by default")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=10_000_000, help="customers at a time; changes no result"),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="changes no result")] = None,
    as_json: Json = False,
) -> None:
    """Decide for every customer, write the wave and one list a channel."""
    from bandit.workflows.serve.serve_batch import serve_batch as workflow

    run(
        as_json,
        workflow,
        campaign_path=campaign,
        wave=wave,
        seed=seed,
        at=_utc(at),
        dry_run=dry_run,
        settings=settings or (),
        snapshot=snapshot,
        batch_size=batch_size,
        threads=threads,
    )


@app.command("what-if")
def what_if(
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
    as_json: Json = False,
) -> None:
    """Show what a wave would be worth at other sizes of one limit, as a table and drawn."""
    from bandit.render.pages import with_page
    from bandit.workflows.serve.what_if import what_if as workflow

    run(
        as_json,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        limit=limit,
        low=low,
        high=high,
        points=points,
        at=_utc(at),
    )


@app.command()
def learn(
    campaign: CampaignArg,
    outcomes: Annotated[
        Path | None, typer.Option(help="outcomes to take in first: Parquet, CSV or .duckdb")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="take in the logged campaign of [log] as a wave first")
    ] = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Learn from waves whose window has closed; write a snapshot."""
    from bandit.workflows.learn.learn import learn as workflow

    run(as_json, workflow, campaign_path=campaign, outcomes=outcomes, log=log, at=_utc(at))


@app.command()
def simulate(
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
    as_json: Json = False,
) -> None:
    """Judge candidate policies on a logged campaign: ship, hold or not enough data."""
    from bandit.core.errors import GateError
    from bandit.render.pages import with_page
    from bandit.workflows.judge.simulate import simulate as workflow

    result = run(
        as_json,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        log=log,
        at=_utc(at),
    )
    if gate and not result.gate.ships:
        say(f"gate: {result.gate.decision}: {result.gate.reason}\n")
        raise typer.Exit(GateError.exit_code)


@app.command()
def report(
    campaign: CampaignArg,
    wave: Annotated[
        str | None, typer.Option(help="name of the wave; the newest by default")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder of the report; reports/<wave> by default")
    ] = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Write a page about a wave: what went to whom, who was left in peace, what came of it."""
    from bandit.render.pages import with_page
    from bandit.render.render import need
    from bandit.workflows.inspect.report import report as workflow

    need()
    run(
        as_json,
        workflow,
        finish=lambda result, progress: with_page(result, out, progress),
        campaign_path=campaign,
        wave=wave,
        at=_utc(at),
    )


@app.command()
def rollback(
    campaign: CampaignArg,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="snapshot to return to")],
    as_json: Json = False,
) -> None:
    """Make an older snapshot the newest one, until the next `learn`."""
    from bandit.workflows.operate.rollback import rollback as workflow

    run(as_json, workflow, campaign_path=campaign, version=version)


@app.command()
def explain(
    campaign: CampaignArg,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="the customer's key")],
    wave: Wave = None,
    as_json: Json = False,
) -> None:
    """Show why a customer got what they got."""
    from bandit.workflows.inspect.explain import explain as workflow

    run(as_json, workflow, campaign_path=campaign, customer=customer, wave=wave)


@app.command()
def forget(
    campaign: CampaignArg,
    customers: Annotated[
        list[str], typer.Argument(metavar="CUSTOMER...", help="keys of those to forget")
    ],
    as_json: Json = False,
) -> None:
    """Remove customers from the record, the index and the lists; posteriors are kept."""
    from bandit.workflows.privacy.forget import forget as workflow

    run(as_json, workflow, campaign_path=campaign, customers=customers)


@app.command("export-customer")
def export_customer(
    campaign: CampaignArg,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="the customer's key")],
    out: Annotated[Path | None, typer.Option(help="also write it to this file, as JSON")] = None,
    as_json: Json = False,
) -> None:
    """Give a person everything that is held of them, with each decision's reason."""
    from bandit.workflows.privacy.export_customer import export_customer as workflow

    run(as_json, workflow, campaign_path=campaign, customer=customer, out=out)


def _utc(at: dt.datetime | None) -> dt.datetime | None:
    if at is not None and at.year not in _YEARS:
        raise UsageError(f"--at {at}: give a time from {_YEARS[0]} to {_YEARS[-1]}")
    return None if at is None else at.replace(tzinfo=dt.UTC)


def main(arguments: list[str] | None = None) -> Any:
    """The entry point: every fault the user can mend ends in a message and its exit code."""
    as_json = "--json" in (sys.argv if arguments is None else arguments)
    open_streams()
    try:
        return app(args=arguments, standalone_mode=True)
    except SystemExit as ended:
        if ended.code == _INTERRUPTED:
            return _interrupted(as_json)
        if ended.code == UsageError.exit_code and as_json:
            report_json("wrong usage, told on standard error", UsageError.exit_code)
        raise
    except KeyboardInterrupt:
        return _interrupted(as_json)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        if QUERY_INTERRUPTED.search(str(error)):
            return _interrupted(as_json)
        sys.exit(report_error(error, as_json=as_json))
    finally:
        flush()


def _interrupted(as_json: bool) -> Any:
    text = "interrupted; the next command cleans up what is half-done"
    if as_json:
        report_json(text, _INTERRUPTED)
    say(f"\n{text}\n")
    sys.exit(_INTERRUPTED)
