"""The command line: parse, call one workflow, map errors to exit codes."""

from __future__ import annotations

import sys
from typing import NoReturn

from bandit.cli import signals


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program that `bandit` names; signals are heeded while it is still being loaded."""
    signals.install()
    try:
        from bandit.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(signals.code())
    run(arguments)
