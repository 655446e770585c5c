"""`bandit report`: a wave as a page: what went to whom, who was left in peace, what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.days import acting_at
from bandit.core.errors import DataError, UsageError
from bandit.core.types import SILENT, Progress
from bandit.record import journal
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.record.waves import Wave
from bandit.results.inspect import ReportResult
from bandit.results.serve import Price
from bandit.workflows.inspect import report_counts, report_earned
from bandit.workflows.inspect.status import who
from bandit.workflows.judge.job import REPORTS


@steady
def report(
    campaign_path: Path,
    *,
    wave: str | None = None,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> ReportResult:
    """Count a wave, the newest by default, and what came of it and of those before."""
    campaign = campaign_file.load(campaign_path)
    waves = record.waves(campaign.folder)
    chosen = _chosen(campaign, waves, wave)
    until = [w for w in waves if (w.at, w.name) <= (chosen.at, chosen.name)]
    progress.step("reading the wave")
    counted = report_counts.count(campaign, chosen)
    came = report_earned.earned(campaign, until, waves, acting_at(at, campaign.time_zone), progress)
    about, summary = chosen.manifest, chosen.manifest.summary
    return ReportResult(
        campaign=campaign.name,
        version=about.versions.get("bandit"),
        run_by=who(journal.read(campaign.folder).entries, "serve-batch", chosen.name),
        config=about.config,
        wave=chosen.name,
        at=chosen.at.isoformat(),
        snapshot=about.snapshot,
        unit=about.unit or campaign.reward.unit,
        customers=counted.customers,
        contacted=counted.contacted,
        groups=counted.groups,
        at_peace=_known(summary.get("at_peace")),
        grid=counted.grid,
        top=counted.top,
        segments=counted.segments,
        outbound=counted.outbound,
        inbound=counted.inbound,
        costs=counted.costs,
        earned=came.earned,
        returned=came.returned,
        increments=came.increments,
        offers=came.offers,
        drift=came.drift,
        limits=[Price(**limit) for limit in summary.get("limits") or []],
        folder=campaign.folder / REPORTS / chosen.name,
        notes=came.notes,
    )


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
