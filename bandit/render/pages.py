"""The page of each result that has one: a file that opens from disk, with its figures beside it."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from pathlib import Path
from typing import TypeVar

from bandit.core.types import SILENT, Progress
from bandit.core.version import VERSION
from bandit.render import render
from bandit.render.experiment_page import write_experiment
from bandit.render.simulate_page import write_simulation
from bandit.render.wave_page import write_wave
from bandit.render.what_if_page import write_what_if
from bandit.results.experiment import ExperimentReading
from bandit.results.inspect import ReportResult
from bandit.results.judge import SimulateResult
from bandit.results.serve import WhatIf

Paged = TypeVar("Paged", ReportResult, SimulateResult, WhatIf, ExperimentReading)


def with_page(result: Paged, folder: Path | None = None, progress: Progress = SILENT) -> Paged:
    """Draw the page of ``result`` into ``folder``, its own by default; the result with its path.

    Without the extra that draws, a note says so.
    """
    progress.step("drawing the report")
    try:
        render.need()
    except render.MissingExtraError as missing:
        return replace(result, notes=[*result.notes, f"no report was written: {missing}"])
    return replace(result, report=_write(result, folder or result.folder))


@singledispatch
def _write(result: object, folder: Path) -> Path:
    raise TypeError(f"a {type(result).__name__} has no page for {folder}")


@_write.register
def _(result: ReportResult, folder: Path) -> Path:
    return write_wave(folder, result, f"bandit {VERSION}, report")


@_write.register
def _(result: SimulateResult, folder: Path) -> Path:
    return write_simulation(folder, result, f"bandit {VERSION}, simulate")


@_write.register
def _(result: WhatIf, folder: Path) -> Path:
    return write_what_if(folder, result, f"bandit {VERSION}, what-if")


@_write.register
def _(result: ExperimentReading, folder: Path) -> Path:
    return write_experiment(folder, result, f"bandit {VERSION}, experiment read")
