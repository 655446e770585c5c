"""Who ran what goes into the journal, once a command that changes the record is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bandit.core.version import VERSION
from bandit.record import journal
from bandit.results.result import Result

R = TypeVar("R", bound=Result)


def noted(campaign: Path, result: R) -> R:
    """Write what ``result`` tells of into the journal; a note says so where that fails."""
    change = result.change()
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
