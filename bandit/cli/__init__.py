"""The command line: parse, call one workflow, map errors to exit codes."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import NoReturn

from bandit.core.errors import UsageError


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program that `bandit` names; signals are heeded while it is still being loaded."""
    if find_spec("fcntl") is None:
        sys.stderr.write(
            "error: this system has no POSIX file locks, without which two runs could write one"
            " record: on Windows run it in the Windows Subsystem for Linux\n"
        )
        sys.exit(UsageError.exit_code)
    from bandit.cli import lean, signals

    signals.install()
    lean.SHORT.own = arguments is None
    lean.brief()
    lean.keep_all()
    try:
        from bandit.cli.app import main as run

        run(arguments)
    except KeyboardInterrupt:  # before the command heeds it itself
        sys.exit(signals.code())
    except Exception:  # what a library made of a signal that came while it was loaded
        if not signals.came():
            raise
        sys.exit(signals.code())
