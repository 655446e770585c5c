"""`bandit report`: a wave as a page: what went to whom, who was left in peace, what came of it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from bandit.config import campaign_file
from bandit.core.days import acting_at
from bandit.core.types import SILENT, Progress
from bandit.record import journal
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.results.inspect import ReportResult
from bandit.results.serve import Price
from bandit.workflows.inspect import half_life, own_waves, report_counts, report_earned
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
    """Count a wave, the newest by default, and what came of it and of the campaign's before."""
    campaign = campaign_file.load(campaign_path)
    waves = record.waves(campaign.folder)
    mine = own_waves.own(campaign, waves)
    chosen = mine[-1] if wave is None else own_waves.named(campaign, waves, wave)
    until = [w for w in mine if (w.at, w.name) <= (chosen.at, chosen.name)]
    progress.step("reading the wave")
    counted = report_counts.count(campaign, chosen)
    came = report_earned.earned(campaign, until, waves, acting_at(at, campaign.time_zone), progress)
    forgetting = half_life.half_life(campaign, waves)
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
        prefers=counted.prefers,
        outbound=counted.outbound,
        inbound=counted.inbound,
        costs=counted.costs,
        earned=came.earned,
        returned=came.returned,
        budget=came.budget,
        increments=came.increments,
        offers=came.offers,
        drift=came.drift,
        half_life=forgetting,
        funnel=came.funnel,
        limits=[Price(**limit) for limit in summary.get("limits") or []],
        folder=campaign.folder / REPORTS / chosen.name,
        notes=[*came.notes, *half_life.remark(forgetting), *counted.notes],
    )


def _known(counts: Any) -> dict[str, int]:
    return {str(k): int(v) for k, v in (counts or {}).items() if v}
