"""How a function becomes a command: `--json`, `--quiet` and `--log-file` on each, help in full."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from bandit.cli.lean import clean_up
from bandit.core.errors import UsageError
from bandit.core.problems import nearest, shown


class How(NamedTuple):
    """How a command tells what it does and what came out."""

    as_json: bool = False
    quiet: bool = False
    log_file: Path | None = None
    command: str = ""


_COMMON = {
    "as_json": (
        Annotated[bool, typer.Option("--json", help="print one JSON object to standard output")],
        False,
    ),
    "quiet": (
        Annotated[
            bool, typer.Option("--quiet", "-q", help="print errors only, and what --json asks for")
        ],
        False,
    ),
    "log_file": (
        Annotated[
            Path | None,
            typer.Option(metavar="FILE", help="also add each step, with its time, to this file"),
        ],
        None,
    ),
}


class Commands(TyperGroup):
    """All commands, each with the whole of what it says of itself first."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write name and first paragraph of each command."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, " ".join((command.help or "").split("\n\n")[0].split()))
            for name, command in found
            if command is not None and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that was asked for; a wrong name is told the nearest one."""
        name, known = args[0], self.list_commands(ctx)
        if not name.startswith("-") and name not in known and not ctx.resilient_parsing:
            begun = [k for k in known if k.startswith(name)]
            ctx.fail(f"there is no command {name!r}{nearest(begun[0] if begun else name, known)}")
        return super().resolve_command(ctx, args)


def command(
    app: typer.Typer, name: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function whose first parameter is ``how`` as a command of ``app``."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function, eval_str=True)
        called = name or function.__name__

        @wraps(function)
        def call(*, as_json: bool, quiet: bool, log_file: Path | None, **asked: object) -> None:
            clean_up()
            _hold_texts(asked)
            function(How(as_json, quiet, log_file, called), **asked)

        keyword = inspect.Parameter.KEYWORD_ONLY
        asked = [p.replace(kind=keyword) for n, p in own.parameters.items() if n != "how"]
        common = [
            inspect.Parameter(n, keyword, default=default, annotation=kind)
            for n, (kind, default) in _COMMON.items()
        ]
        # What Typer reads the parameters from.
        vars(call)["__signature__"] = own.replace(parameters=[*asked, *common])
        return app.command(called)(call)

    return register


def _hold_texts(asked: Mapping[str, object]) -> None:
    """UsageError of an argument whose bytes are no text: keys and names are; paths may be any."""
    for value in asked.values():
        for text in value if isinstance(value, list | tuple) else (value,):
            if isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text):
                raise UsageError(f"{shown(text)} is no text in UTF-8; write the key or name so")
