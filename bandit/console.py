"""What the commands share: progress on standard error, results on standard output, errors."""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bandit.errors import BanditError
from bandit.types import SILENT, Progress


class Result(Protocol):
    """What a workflow returns: a dataclass that can show itself to a person."""

    def show(self) -> Any:
        """A rich renderable."""
        ...


R = TypeVar("R", bound=Result)


def run(as_json: bool, workflow: Callable[..., R], **arguments: Any) -> R:
    """Call one workflow, print its result, for a person or as one JSON object, and return it."""
    with _progress() as progress:
        result = workflow(**arguments, progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(_plain(result), allow_nan=False, default=str) + "\n")
        return result
    from rich.console import Console

    Console(highlight=False, soft_wrap=not sys.stdout.isatty()).print(result.show())
    return result


def report_error(error: Exception, *, as_json: bool) -> int:
    """Tell what went wrong; the exit code."""
    if isinstance(error, BanditError):
        code, text = error.exit_code, str(error)
    else:
        code = 1
        text = f"a defect of ours, not yours: {type(error).__name__}: {error}\n" + "".join(
            traceback.format_exception(error)[-3:]
        )
    if as_json:
        sys.stdout.write(json.dumps({"error": text, "exit_code": code}) + "\n")
    sys.stderr.write(f"error: {text}\n")
    return code


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
    """Dataclasses, paths and not-a-number as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return _plain(value.item())
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value


class _Silent:
    def __enter__(self) -> Progress:
        return SILENT

    def __exit__(self, *_: object) -> None:
        pass


def _progress() -> Any:
    """A progress view on standard error when that is a terminal."""
    if not sys.stderr.isatty():
        return _Silent()
    from bandit.progress_view import ProgressView

    return ProgressView()
