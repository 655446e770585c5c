"""What the commands share: progress on standard error, results on standard output, errors."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

import typer

from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.core.wording import harmless
from bandit.results.result import SCHEMA, Result

if TYPE_CHECKING:
    from bandit.cli.command import How
    from bandit.core.types import Progress  # NumPy comes with it: not for `bandit --help`

TRACEBACK = "BANDIT_TRACEBACK"
"""Environment variable: set, it adds Python's traceback to an error."""

QUERY_INTERRUPTED = re.compile(r"Query interrupted|INTERRUPT Error: ")
"""How DuckDB tells, in errors of several kinds, that it was stopped by the keyboard."""

_OUT_OF_MEMORY = re.compile(r"Out of Memory Error|OutOfMemoryException")
"""How DuckDB tells that its memory limit is reached, in errors of several kinds."""

_READER_GONE = 141


R = TypeVar("R", bound=Result)


def run(
    how: How,
    workflow: Callable[..., R],
    *,
    finish: Callable[[R, Progress], R] | None = None,
    **arguments: object,
) -> R:
    """Call one workflow, print its result, for a person or as one JSON object, and return it.

    ``finish`` has the result before it is printed, to draw its page.
    """
    with ExitStack() as stack:
        progress = _progress(how, stack)
        result = workflow(**arguments, progress=progress)
        if isinstance(campaign := arguments.get("campaign_path"), Path):
            from bandit.workflows.operate.journal import noted

            result = noted(campaign, result)
        if finish is not None:
            result = finish(result, progress)
    try:
        _show(how, result)
        sys.stdout.flush()
    except BrokenPipeError:
        _to_nobody(sys.stdout)
        raise typer.Exit(_READER_GONE) from None
    except OSError as e:
        _to_nobody(sys.stdout)
        raise DataError(
            f"the command is done, but its result could not be printed: {e.strerror}; make room for"
            " standard output"
        ) from None
    return result


def _show(how: How, result: Result) -> None:
    if how.as_json:
        sys.stdout.write(json.dumps(result.to_json(), allow_nan=False) + "\n")
    if how.as_json or how.quiet:
        return
    from bandit.render.terminal import show

    show(result, sys.stdout)


def report_error(error: Exception, *, as_json: bool) -> int:
    """Tell what went wrong, in words; the exit code."""
    if isinstance(error, BrokenPipeError):
        _to_nobody(sys.stdout)
        return _READER_GONE
    code, text = _told(error)
    if as_json:
        report_json(text, code)
    say(f"error: {harmless(text)}\n")
    if os.environ.get(TRACEBACK):
        say("".join(traceback.format_exception(error)))
    return code


def open_streams() -> None:
    """Somewhere to write to, whatever the caller closed, in an encoding that takes every text."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Write to standard error; where that is full or gone, the exit code has to do."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _to_nobody(sys.stderr)


def flush() -> None:
    """Hand over what was printed; whoever read it may have seen enough."""
    try:
        sys.stdout.flush()
    except OSError:
        _to_nobody(sys.stdout)


def _to_nobody(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def report_json(text: str, code: int) -> None:
    """The one JSON object of a command that failed."""
    try:
        sys.stdout.write(json.dumps({"schema": SCHEMA, "error": text, "exit_code": code}) + "\n")
        sys.stdout.flush()
    except OSError:
        _to_nobody(sys.stdout)


def _told(error: Exception) -> tuple[int, str]:
    """Exit code and message; what the machine refuses is the user's to mend, the rest is ours."""
    if isinstance(error, BanditError):
        return error.exit_code, str(error)
    if isinstance(error, MemoryError):
        text = "memory is used up; lower limits.batch_size or limits.memory_mb, or free some"
        return ConfigError.exit_code, f"{text}; nothing was published"
    if _OUT_OF_MEMORY.search(str(error)):
        what = str(error).split("\n", 1)[0]
        text = f"limits.memory_mb is too little for what DuckDB has to do ({what}); raise it"
        return ConfigError.exit_code, f"{text}; nothing was published"
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        text = f"{name}{error.strerror or error}; mend that and run the command again"
        return DataError.exit_code, text
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = str(error).split("\n", 1)[0]
    return BanditError.exit_code, (
        f"a defect of ours, not yours: {type(error).__name__}: {what}"
        f" (at {Path(frame.filename).name}:{frame.lineno}; {TRACEBACK}=1 tells more)"
    )


def _progress(how: How, stack: ExitStack) -> Progress:
    """A view on standard error when that is a terminal, and the log, if they are wanted."""
    from bandit.core.compiling import COMPILING
    from bandit.core.types import SILENT

    if not how.quiet:
        COMPILING.say = lambda line: say(f"{line}\n")
    view: Progress = SILENT
    if sys.stderr.isatty() and not how.quiet:
        from bandit.cli.progress_view import ProgressView

        view = stack.enter_context(ProgressView())
    if how.log_file is not None:
        from bandit.cli.log_file import Both, LogFile

        view = Both(stack.enter_context(LogFile(how.log_file, how.command)), view)
    return view
