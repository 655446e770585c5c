"""Who ran what goes into the journal, once a command that changes the record is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from bandit.core.version import VERSION
from bandit.record import journal
from bandit.results.experiment import ExperimentStart, ExperimentStop
from bandit.results.learn import LearnSummary
from bandit.results.live import Triggered
from bandit.results.operate import Rollback
from bandit.results.privacy import Forgotten
from bandit.results.result import Result
from bandit.results.serve import WaveSummary

R = TypeVar("R", bound=Result)


class Change(NamedTuple):
    """What a command changed: ``made`` names the wave or snapshot that came of it."""

    command: str
    made: str | None


def noted(campaign: Path, result: R) -> R:
    """Write what ``result`` tells of into the journal; a note says so where that fails."""
    change = _change(result)
    if change is None:
        return result
    folder = campaign if campaign.is_dir() else campaign.parent
    try:
        journal.add(folder, *change, VERSION)
    except OSError as e:
        text = f"{folder / journal.NAME} could not be written ({e.strerror}): who ran this is lost"
        told = {"notes": [*getattr(result, "notes", []), text]}  # each result of a change has them
        return replace(result, **told)
    return result


def _change(result: Result) -> Change | None:  # noqa: PLR0911 - one line a command
    """None where nothing was changed."""
    match result:
        case WaveSummary(dry_run=False):
            return Change("serve-batch", result.wave)
        case LearnSummary():
            return Change("learn", result.snapshot if result.new else None)
        case Rollback():
            return Change("rollback", result.snapshot)
        case ExperimentStart():
            return Change("experiment start", result.experiment)
        case ExperimentStop():
            return Change("experiment stop", result.experiment)
        case Triggered():
            return Change("trigger", None)
        case Forgotten():
            return Change("forget", None)
    return None
