"""`bandit report`: a wave as a page: what went to whom, who was left in peace, what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bandit import __version__
from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.errors import DataError, UsageError
from bandit.core.types import SILENT, Progress
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.render import render
from bandit.render.wave_page import write_wave
from bandit.render.wave_tables import report_tables
from bandit.workflows.inspect import report_counts
from bandit.workflows.inspect.report_counts import Earned, Segment
from bandit.workflows.judge.job import REPORTS
from bandit.workflows.serve.plan import midnight


@dataclass(frozen=True)
class ReportResult:
    """One wave, and what every group earned in it and in those before; money is in ``unit``.

    ``grid`` counts outbound contacts and shown offers by offer and channel; ``limits`` are those
    of the wave with their prices.
    """

    wave: str
    at: str
    snapshot: str
    unit: str
    customers: int
    contacted: int
    groups: dict[str, int]
    at_peace: dict[str, int]
    grid: dict[str, dict[str, int]]
    segments: list[Segment]
    earned: list[Earned]
    limits: list[dict[str, Any]]
    report: Path
    notes: list[str] = field(default_factory=list)

    def show(self) -> Any:
        """Tables for a terminal."""
        return report_tables(self)


def report(
    campaign_path: Path,
    *,
    wave: str | None = None,
    out: Path | None = None,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> ReportResult:
    """Write the page of a wave, the newest by default, into ``out`` (reports/<wave>)."""
    campaign = campaign_file.load(campaign_path)
    render.need()
    waves = record.waves(campaign.folder)
    chosen = _chosen(campaign, waves, wave)
    until = [w for w in waves if (w.at, w.name) <= (chosen.at, chosen.name)]
    progress.step("reading the wave")
    counted = report_counts.count(chosen)
    earned, notes = report_counts.earned(campaign, until, at or midnight(), progress)
    summary = chosen.manifest["summary"]
    folder = out or campaign.folder / REPORTS / chosen.name
    result = ReportResult(
        wave=chosen.name,
        at=chosen.at.isoformat(),
        snapshot=str(chosen.manifest["snapshot"]),
        unit=campaign.reward.unit,
        customers=counted.customers,
        contacted=counted.contacted,
        groups=counted.groups,
        at_peace=_known(summary.get("at_peace")),
        grid=counted.grid,
        segments=counted.segments,
        earned=earned,
        limits=list(summary.get("limits") or []),
        report=folder / "report.html",
        notes=notes,
    )
    progress.step("drawing the report")
    write_wave(folder, result, f"bandit {__version__}, report")
    return result


def _chosen(campaign: Campaign, waves: Sequence[Wave], name: str | None) -> Wave:
    if not waves:
        raise DataError(f"{campaign.folder} has no wave yet; run `bandit serve-batch` first")
    if name is None:
        return waves[-1]
    for wave in waves:
        if wave.name == name:
            return wave
    raise UsageError(
        f"{campaign.folder} has no wave {name!r}; it has {', '.join(w.name for w in waves[-8:])}"
    )


def _known(counts: Any) -> dict[str, int]:
    return {str(k): int(v) for k, v in (counts or {}).items() if v}
