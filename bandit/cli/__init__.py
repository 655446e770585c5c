"""The command line: parse, call one workflow, map errors to exit codes."""

from __future__ import annotations

from typing import NoReturn


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program that `bandit` names."""
    from bandit.cli.app import main as run

    run(arguments)
