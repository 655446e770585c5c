"""`bandit.Campaign`: what the commands do, for notebooks and scripts."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import pyarrow.parquet as pq

from bandit.config import campaign_file
from bandit.config.tables import Source
from bandit.core.errors import DataError, UsageError
from bandit.core.frames import table_of
from bandit.core.problems import nearest
from bandit.core.types import SILENT, Progress
from bandit.render.pages import with_page
from bandit.results.clusters import Clusters
from bandit.results.customer import CustomerPage
from bandit.results.experiment import (
    ExperimentDesign,
    ExperimentReading,
    ExperimentStart,
    ExperimentStop,
)
from bandit.results.inspect import Explanation, ReportResult
from bandit.results.judge import SimulateResult
from bandit.results.learn import LearnSummary
from bandit.results.live import Triggered
from bandit.results.operate import Rollback
from bandit.results.privacy import CustomerExport, Forgotten
from bandit.results.result import Result
from bandit.results.roi import RoiResult
from bandit.results.serve import WaveSummary, WhatIf
from bandit.results.start import CheckResult
from bandit.results.status import CampaignStatus
from bandit.sources.given import Given, instead
from bandit.workflows.experiment.design import design
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.start import start, stop
from bandit.workflows.inspect.clusters import clusters
from bandit.workflows.inspect.customer import customer as customer_page
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.roi import roi
from bandit.workflows.inspect.status import status
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.first import hold_installed
from bandit.workflows.operate.journal import noted
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.what_if import what_if
from bandit.workflows.start.check import check

Frame = Any
"""Polars, pandas, Arrow, a DuckDB relation: anything with ``__arrow_c_stream__``."""
R = TypeVar("R", bound=Result)
P = TypeVar("P", ReportResult, SimulateResult, WhatIf, ExperimentReading)
ROLES = (
    "customers", "identity", "offers", "channels", "consents", "history", "outcomes", "log",
)  # fmt: skip


class Experiment:
    """One experiment of a `Campaign`; each method is the command of that name."""

    def __init__(self, run: Callable[..., Any], name: str) -> None:
        self._run, self.name = run, name

    def __repr__(self) -> str:
        return f"Experiment({self.name!r})"

    def design(self, *, at: dt.datetime | None = None) -> ExperimentDesign:
        """How many customers it takes, whether they are there, what the control costs."""
        return cast(ExperimentDesign, self._run(design, name=self.name, at=at))

    def start(self, *, at: dt.datetime | None = None) -> ExperimentStart:
        """Claim its buckets."""
        return cast(ExperimentStart, self._run(start, name=self.name, at=at))

    def read(self, *, at: dt.datetime | None = None) -> ExperimentReading:
        """Compare its arms, if they may be."""
        return cast(ExperimentReading, self._run(read, name=self.name, at=at))

    def stop(self, *, at: dt.datetime | None = None) -> ExperimentStop:
        """End it."""
        return cast(ExperimentStop, self._run(stop, name=self.name, at=at))


class Campaign:
    """A campaign's folder; each method is the command of that name and returns its result.

    A result has the fields of `--json`, its tables by ``.to_polars()`` and shows itself in a
    notebook. ``at`` is a time in UTC unless it says another offset; times, waves and snapshots have
    the commands' defaults. Errors are the commands' too: `bandit.core.errors`.

    Parameters
    ----------
    path
        A folder with a campaign.toml, or the file.
    sources
        Frames by section, ``customers=frame`` for example, that are read in place of the files that
        campaign.toml names there; the rest of the section, its columns, stands. They are copied
        once, to a folder of this object, and never written to.
    progress
        Where the steps are told; nowhere by default.

    Raises
    ------
    ConfigError
        campaign.toml is wrong.
    UsageError, DataError
        A frame for a section that is none or that campaign.toml lacks; what is no frame.
    """

    def __init__(self, path: str | Path, *, progress: Progress = SILENT, **sources: Frame) -> None:
        self.path = Path(path)
        self._progress = progress
        configured = campaign_file.load(self.path)
        self._folder: Path | None = None
        self._given: dict[str, Given] = {}
        for role, frame in sources.items():
            if role not in ROLES:
                raise UsageError(f"{role!r} is no source of a campaign{nearest(role, ROLES)}")
            if getattr(configured, role) is None:
                raise UsageError(
                    f"campaign.toml has no [{role}]; add it, so that the columns of the frame are"
                    " known"
                )
            self._given[role] = Given(Source(source=str(self._written(role, frame))))

    def __repr__(self) -> str:
        return f"Campaign({str(self.path)!r})"

    def check(self, *, at: dt.datetime | None = None, leakage: bool = False) -> CheckResult:
        """Everything wrong with configuration and data at once, as an error; else what there is."""
        return self._run(check, at=at, leakage=leakage)

    def serve(
        self,
        *,
        wave: str | None = None,
        at: dt.datetime | None = None,
        seed: int | None = None,
        dry_run: bool = False,
        settings: Sequence[str] = (),
        snapshot: str | None = None,
        batch_size: int | None = None,
        threads: int | None = None,
        engine: str | None = None,
    ) -> WaveSummary:
        """Decide for every customer, write the wave and one list a channel (`serve-batch`)."""
        return self._run(
            serve_batch,
            wave=wave,
            at=at,
            seed=seed,
            dry_run=dry_run,
            settings=settings,
            snapshot=snapshot,
            batch_size=batch_size,
            threads=threads,
            engine=engine,
        )

    def what_if(
        self, limit: str, low: float, high: float, *, points: int = 7, at: dt.datetime | None = None
    ) -> WhatIf:
        """What a wave would be worth at other sizes of one limit."""
        return self._run(what_if, limit=limit, low=low, high=high, points=points, at=at)

    def learn(
        self,
        outcomes: str | Path | Frame | None = None,
        *,
        log: bool = False,
        without_log: bool = False,
        no_events: bool = False,
        at: dt.datetime | None = None,
        engine: str | None = None,
    ) -> LearnSummary:
        """Take in outcomes, a file or a frame, and learn from waves whose window has closed.

        Without one event in any of their windows it refuses, unless ``no_events`` says that
        nothing happened.
        """
        if outcomes is not None:
            named = isinstance(outcomes, str | Path)
            outcomes = Path(outcomes) if named else self._written("delivered", outcomes)
        return self._run(
            learn,
            outcomes=outcomes,
            log=log,
            without_log=without_log,
            no_events=no_events,
            at=at,
            engine=engine,
        )

    def trigger(self, events: str | Path | Frame | None = None) -> Triggered:
        """Decide at events, a file or a frame, and at those whose time has come.

        UsageError where the packages of the extra [service] are missing.
        """
        hold_installed("`Campaign.trigger` needs packages that are not installed")
        from bandit.workflows.live.trigger import trigger  # noqa: PLC0415 - needs the extra

        if events is not None:
            named = isinstance(events, str | Path)
            events = Path(events) if named else self._written("events", events)
        return self._run(trigger, events=events)

    def simulate(self, *, log: bool = False, at: dt.datetime | None = None) -> SimulateResult:
        """Judge candidate policies on the campaign's waves, or on [log]."""
        return self._run(simulate, log=log, at=at)

    def report(self, *, wave: str | None = None, at: dt.datetime | None = None) -> ReportResult:
        """What a wave did and what came of it, the newest by default."""
        return self._run(report, wave=wave, at=at)

    def experiment(self, name: str) -> Experiment:
        """One of the experiments, with `.design()`, `.start()`, `.read()` and `.stop()`."""
        return Experiment(self._run, name)

    def roi(
        self,
        *waves: str,
        by: str | None = None,
        margin: float = 1.0,
        at: dt.datetime | None = None,
    ) -> RoiResult:
        """What contacts added, what they cost and what came back of it; of all waves by default."""
        return self._run(roi, waves=waves, by=by, margin=margin, at=at)

    def page(self, result: P, out: str | Path | None = None) -> P:
        """Draw the page of a report, a simulation, a what-if or an experiment into ``out``."""
        return with_page(result, None if out is None else Path(out), self._progress)

    def explain(self, customer: object, *, wave: str | None = None) -> Explanation:
        """Why a customer got what they got."""
        return self._run(explain, customer=str(customer), wave=wave)

    def customer(self, customer: object, *, at: dt.datetime | None = None) -> CustomerPage:
        """One person: what was done and why, what came of it, what may be offered now."""
        return self._run(customer_page, customer=str(customer), at=at)

    def clusters(
        self,
        *by: str,
        count: int | None = None,
        soft: float = 1.0,
        at: dt.datetime | None = None,
    ) -> Clusters:
        """Crowds that lie apart in the columns ``by``, as segments to take over."""
        return self._run(clusters, by=by, count=count, soft=soft, at=at)

    def status(self, *, at: dt.datetime | None = None) -> CampaignStatus:
        """Waves, windows, snapshots, who ran what, and what can be done next."""
        return self._run(status, at=at)

    def export_customer(self, customer: object) -> CustomerExport:
        """Everything that is held of a person, with each decision's reason."""
        return self._run(export_customer, customer=str(customer))

    def forget(self, *customers: object) -> Forgotten:
        """Remove customers from the record, the index and the lists."""
        return self._run(forget, customers=[str(c) for c in customers])

    def rollback(self, version: str) -> Rollback:
        """Make an older snapshot the newest one, until the next `learn`."""
        return self._run(rollback, version=version)

    def _run(self, workflow: Callable[..., R], **arguments: object) -> R:
        with instead(self._given):
            result = workflow(campaign_path=self.path, **arguments, progress=self._progress)
        return noted(self.path, result)

    def _written(self, role: str, frame: Frame) -> Path:
        """A frame as Parquet in the object's own folder: a stream can be read but once."""
        try:
            table = table_of(frame)
        except DataError as e:
            raise DataError(f"{role}: {e}") from None
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="bandit-frames-"))
            # Gone with the object, or with the interpreter: what a frame holds is personal.
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{role}.parquet"
        pq.write_table(table, path)
        return path
