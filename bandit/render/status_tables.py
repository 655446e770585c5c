"""A campaign's status as tables for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import counted
from bandit.render.tables import following, notes, pairs
from bandit.results.status import (
    CampaignStatus,
    ExperimentStatus,
    RunStatus,
    SnapshotStatus,
    WaveStatus,
)

MOST = 20


def status_tables(result: CampaignStatus) -> RenderableType:
    """Where it stands, its newest waves, snapshots and runs, and what can be done next."""
    facts = {
        "folder": str(result.folder),
        "configuration": result.config[:12],
        "program": result.program,
        "next wave is decided with": result.serving or "a prior",
        "outcomes taken in": f"{counted(result.events, 'event')},"
        f" {counted(result.deliveries, 'delivery', 'deliveries')}",
    }
    parts: list[RenderableType] = [Text(result.campaign, style="bold"), pairs(facts)]
    if result.waves:
        parts.append(_waves(result.waves))
    if result.snapshots:
        parts.append(_snapshots(result.snapshots))
    if result.experiments:
        parts.append(_experiments(result.experiments))
    if result.runs:
        parts.append(_runs(result.runs))
    return Group(*parts, *notes(result.notes), *following(result.next))


def _waves(waves: list[WaveStatus]) -> Table:
    table = _table("wave", "decided at", "snapshot", "window", "version", "run by")
    for head in ("decisions", "contacted"):
        table.add_column(head, justify="right", no_wrap=True)
    for w in waves[-MOST:]:
        window = "learned" if w.learned else "closed" if w.closed else f"to {w.window_ends[:10]}"
        contacted = "–" if w.contacted is None else f"{w.contacted:,}"
        table.add_row(
            w.name, w.at[:10], w.snapshot, window, w.version or "–",
            w.run_by or "–", f"{w.decisions:,}", contacted,
        )  # fmt: skip
    return table


def _snapshots(snapshots: list[SnapshotStatus]) -> Table:
    pinned = ("pinned by",) if any(s.pinned for s in snapshots) else ()
    table = _table("snapshot", "parent", "of waves", "run by", *pinned)
    shown = [s for s in snapshots[:-MOST] if s.pinned] + snapshots[-MOST:]
    for s in shown:
        waves = f"{len(s.waves):,}, to {s.waves[-1]}" if s.waves else "none"
        arms = (", ".join(s.pinned),) if pinned else ()
        of = f"as {s.restored}" if s.restored else waves
        table.add_row(s.version, s.parent or "–", of, s.run_by or "–", *arms)
    return table


def _experiments(experiments: list[ExperimentStatus]) -> Table:
    table = _table("experiment", "layer", "state", "until")
    for head in ("waves", "closed", "planned"):
        table.add_column(head, justify="right", no_wrap=True)
    for e in experiments[-MOST:]:
        counts = (f"{e.waves:,}", f"{e.closed:,}", f"{e.planned:,}")
        table.add_row(e.name, e.layer, e.state, e.until or "–", *counts)
    return table


def _runs(runs: list[RunStatus]) -> Table:
    table = _table("run at", "command", "made", "by", "version")
    for r in runs[-MOST:]:
        table.add_row(
            r.at[:16].replace("T", " "), r.command, r.made or "–", f"{r.user}@{r.host}", r.version
        )
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=True)
    return table
