"""All commands under one name, and the map from errors to exit codes.

Workflows are imported inside the commands, so that `bandit --help` starts at once.
"""

from __future__ import annotations

import sys
from copy import copy
from typing import Annotated, Any, NoReturn

import typer

from bandit.cli import experiment, inspect, judge, learn, operate, privacy, serve, signals, start
from bandit.cli.command import Commands
from bandit.cli.console import (
    QUERY_INTERRUPTED,
    flush,
    open_streams,
    report_error,
    report_json,
    say,
)
from bandit.cli.lean import SHORT
from bandit.core.errors import BanditError, UsageError
from bandit.core.version import VERSION

app = typer.Typer(
    name="bandit",
    cls=Commands,
    help="Each customer gets the offer, on the channel, that is worth most, or is left in peace.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for group in (start, serve, learn, judge, experiment, inspect, operate, privacy):
    group.add(app)

_INTERRUPTED = 130
_Wrong: Any = typer.BadParameter.__mro__[1]
"""A wrong command line: Click's own error, or that of Typer's copy of it."""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"bandit {VERSION} (offer-bandit)")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> NoReturn:
    """The entry point: every fault the user can mend ends in a message and its exit code."""
    as_json = "--json" in (sys.argv if arguments is None else arguments)
    open_streams()
    try:
        code = _code(arguments, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        known = isinstance(error, BanditError | OSError | MemoryError)
        stopped = QUERY_INTERRUPTED.search(str(error)) or (signals.came() and not known)
        code = _INTERRUPTED if stopped else report_error(error, as_json=as_json)
    if code == _INTERRUPTED:
        code = _interrupted(as_json=as_json)
    signals.ignore()
    flush()
    SHORT.code = code
    sys.exit(code)


def _code(arguments: list[str] | None, *, as_json: bool) -> int:
    """Run the command; its exit code."""
    try:
        told = sys.argv[1:] if arguments is None else arguments
        return int(_only(told[:1])(args=arguments, prog_name="bandit", standalone_mode=False) or 0)
    except _Wrong as wrong:
        wrong.show()
        if as_json:
            report_json(wrong.format_message(), UsageError.exit_code)
        return UsageError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED


def _only(named: list[str]) -> typer.Typer:
    """The program with the command ``named`` alone, if there is one: Typer builds all it has."""
    found = [c for c in app.registered_commands if [c.name] == named]
    if not found:
        return app
    one = copy(app)
    one.registered_commands, one.registered_groups = found, []
    return one


def _interrupted(*, as_json: bool) -> int:
    text = "interrupted; the next command cleans up what is half-done"
    if as_json:
        report_json(text, signals.code())
    say(f"\n{text}\n")
    return signals.code()
