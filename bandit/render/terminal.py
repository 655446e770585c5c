"""How each result looks in a terminal; what the user's data hold is shown and never obeyed."""

from __future__ import annotations

import dataclasses
import os
from functools import singledispatch
from typing import TextIO, TypeVar

from rich.console import Console, RenderableType

from bandit.core.wording import harmless
from bandit.render import experiment_tables
from bandit.render import tables as simple
from bandit.render.cluster_tables import cluster_tables
from bandit.render.customer_tables import customer_tables
from bandit.render.demo_tables import demo_tables
from bandit.render.explain_tables import explanation_tables
from bandit.render.roi_tables import roi_tables
from bandit.render.simulate_tables import simulate_tables
from bandit.render.status_tables import status_tables
from bandit.render.wave_tables import report_tables
from bandit.results import (
    clusters,
    customer,
    experiment,
    inspect,
    judge,
    learn,
    live,
    operate,
    privacy,
    roi,
    serve,
    start,
    status,
)
from bandit.results.result import Result

V = TypeVar("V")


@singledispatch
def tables(result: Result) -> RenderableType:
    """The tables of a result; each type of result registers its own below."""
    raise TypeError(f"no tables for a {type(result).__name__}")


tables.register(start.InitResult, simple.init_tables)
tables.register(start.CheckResult, simple.check_tables)
tables.register(start.DemoResult, demo_tables)
tables.register(serve.WaveSummary, simple.wave_tables)
tables.register(serve.WhatIf, simple.what_if_tables)
tables.register(live.Sealed, simple.sealed_tables)
tables.register(live.Triggered, simple.triggered_tables)
tables.register(live.Served, simple.served_tables)
tables.register(learn.LearnSummary, simple.learn_tables)
tables.register(judge.SimulateResult, simulate_tables)
tables.register(experiment.ExperimentDesign, experiment_tables.design_tables)
tables.register(experiment.ExperimentStart, experiment_tables.start_tables)
tables.register(experiment.ExperimentReading, experiment_tables.reading_tables)
tables.register(experiment.ExperimentStop, experiment_tables.stop_tables)
tables.register(experiment.ListCheck, experiment_tables.check_tables)
tables.register(experiment.InsiderLists, experiment_tables.insider_tables)
tables.register(inspect.ReportResult, report_tables)
tables.register(roi.RoiResult, roi_tables)
tables.register(inspect.Explanation, explanation_tables)
tables.register(customer.CustomerPage, customer_tables)
tables.register(clusters.Clusters, cluster_tables)
tables.register(status.CampaignStatus, status_tables)
tables.register(operate.Rollback, simple.rollback_tables)
tables.register(privacy.Forgotten, simple.forget_tables)
tables.register(privacy.CustomerExport, simple.export_tables)


FILE_WIDTH = 200
"""Most characters of a table's line in a file or a pipe; Rich would wrap it at 80."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command: Rich would end the program as if by a defect."""
        raise  # noqa: PLE0704 - called while the error is handled


def show(result: Result, stream: TextIO, width: int | None = None) -> None:
    """Print a result's tables; no text in it is taken for markup, an emoji or a command.

    Tables are as wide as the terminal allows, and as they need where there is none.
    """
    if width is None and not stream.isatty() and "COLUMNS" not in os.environ:
        width = FILE_WIDTH
    console = _Console(
        file=stream, width=width, highlight=False, markup=False, emoji=False,
        soft_wrap=not stream.isatty(),
    )  # fmt: skip
    console.print(tables(_harmless(result)))


def _harmless(value: V) -> V:
    """The same value; what a terminal would obey in its texts is a question mark."""
    if isinstance(value, str):
        return type(value)(harmless(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        found = {f.name: _harmless(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **found)
    if isinstance(value, dict):
        return type(value)((_harmless(k), _harmless(v)) for k, v in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_harmless(v) for v in value)
    return value
