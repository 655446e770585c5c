"""Experiments as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import counted, interval_text, number
from bandit.render.tables import notes, page, pairs
from bandit.results.experiment import (
    ExperimentDesign,
    ExperimentReading,
    ExperimentStart,
    ExperimentStop,
    InsiderLists,
    ListCheck,
)

Heads = tuple[tuple[str, ...], Sequence[tuple[str, ...]]]
"""The heads of a table, and its rows."""


def design_tables(result: ExperimentDesign) -> RenderableType:
    """Who, how many it takes, and whether it can succeed."""
    missed = (
        "not measured: no wave ran both" if result.control_cost is None
        else f"{interval_text(result.control_cost, signed=True)} {result.unit}"
    )  # fmt: skip
    reached = ", ".join(f"{share:.0f} {name}" for name, share in result.reached.items())
    facts = {
        "hypothesis": result.hypothesis,
        "population": f"{counted(result.population, 'customer')}, {result.members:,} of them"
        " members",
        "waves": f"{result.waves}, looks by {result.looks} at {result.looks_cost:.2f} times the"
        " customers of a single one",
        "measured on": ", ".join(result.measured),
        "of 100 people": reached,
        "the control misses": missed,
        "and if the effect is there": f"{number(result.control_cost_if)} {result.unit}",
    }
    return Group(
        Text(f"experiment {result.experiment}", style="bold"),
        pairs(facts),
        _rows(
            ("arm", "policy", "share", "customers"),
            [(a.arm, a.policy, f"{a.share:.0%}", f"{a.customers:,}") for a in result.arms],
        ),
        _rows(
            ("against control", "metric", "mean", "sd", "rho", "effect", "needed", "there",
             "least shown", "chance"),
            [
                (p.arm, p.metric, number(p.mean), number(p.sd), f"{p.rho:.2f}", number(p.effect),
                 f"{p.needed:,}", f"{p.available:,}", number(p.detectable), f"{p.chance:.0%}")
                for p in result.plans
            ],
        ),
        Text(result.verdict, style="bold green" if result.can_succeed else "bold red"),
        *notes(result.notes),
    )  # fmt: skip


def start_tables(result: ExperimentStart) -> RenderableType:
    """What was claimed."""
    by = {arm: f" by snapshot {version}" for arm, version in result.pinned.items()}
    arms = ", ".join(f"{a} {share:.0%}{by.get(a, '')}" for a, share in result.arms.items())
    return Group(
        Text(
            f"experiment {result.experiment} has {result.buckets:,} of 10,000 buckets of layer"
            f" {result.layer} from {result.start} on, for {counted(result.waves, 'wave')}: {arms}"
        ),
        *notes(result.notes),
    )


def stop_tables(result: ExperimentStop) -> RenderableType:
    """When it ended and until when its buckets rest."""
    return Group(
        Text(
            f"experiment {result.experiment} ended on {result.end} after {len(result.served)}"
            f" waves; its buckets of layer {result.layer} are free from {result.free_from} on"
        ),
        *notes(result.notes),
    )


def check_tables(result: ListCheck) -> RenderableType:
    """What was checked, what is wrong, and whether the lists may leave."""
    faults = {fault.check: fault for fault in result.faults}
    rows = [
        (check, f"{faults[check].count:,}", ", ".join(faults[check].examples))
        if check in faults
        else (check, "0", "")
        for check in result.checks
    ]
    if result.ratio is not None:
        rows.append(("arms against plan", f"p = {result.ratio.p_value:.3g}", ""))
    lists = ", ".join(f"{name} {count:,}" for name, count in result.lists.items())
    facts = {"rows": lists or "none", "digest": result.digest}
    return Group(
        Text(f"lists of wave {result.wave}", style="bold"),
        pairs(facts),
        _rows(("check", "rows", "such as"), rows),
        Text(result.verdict, style="bold green" if result.passed else "bold red"),
        *notes(result.notes),
    )


def insider_tables(result: InsiderLists) -> RenderableType:
    """What was written for whom."""
    lists = ", ".join(f"{name} {count:,}" for name, count in result.lists.items())
    arms = ", ".join(f"{name} {count:,}" for name, count in result.arms.items())
    text = f"test lists of {result.experiment} for {result.insiders} insiders in {result.folder}:"
    return Group(Text(f"{text} {lists}; by arm {arms}"), *notes(result.notes))


def reading_tables(result: ExperimentReading) -> RenderableType:
    """Whether it may be read, what it showed, and the verdict."""
    facts = {
        "hypothesis": result.hypothesis,
        "look": f"{result.look} of {result.looks}, {result.method}",
        "waves compared": ", ".join(result.waves) or "none",
        "waves still open": ", ".join(result.waiting) or "none",
    }
    parts: list[RenderableType] = [
        Text(f"experiment {result.experiment}", style="bold"), pairs(facts)
    ]  # fmt: skip
    if result.arms:
        parts += [_rows(*arm_rows(result)), _rows(*check_rows(result))]
    if result.effects:
        parts += [_rows(*effect_rows(result))]
    if result.segments:
        parts += [_rows(*segment_rows(result))]
    parts += [Text(result.verdict, style="bold"), Text(result.words)]
    return Group(*parts, *page(result.report), *notes(result.notes))


def arm_rows(result: ExperimentReading) -> Heads:
    """The arms with their sizes."""
    homes = ["households"] if any(a.units is not None for a in result.arms) else []
    return (
        ("arm", "policy", "share", "assigned", "compared", *homes, "contacts", "exported"),
        [
            (a.arm, a.policy, f"{a.share:.0%}", f"{a.assigned:,}", f"{a.compared:,}",
             *(f"{a.units:,}" for _ in homes), f"{a.contacts:,}", f"{a.exported:,}")
            for a in result.arms
        ],
    )  # fmt: skip


def check_rows(result: ExperimentReading) -> Heads:
    """Whether the arms may be compared."""
    found = [
        (f"sizes as {r.stage}", f"{r.p_value:.3g}", "alarm" if r.alarm else "as drawn")
        for r in result.ratios
    ]
    if result.balance is not None:
        b = result.balance
        found.append(
            (f"before, {b.feature} ({b.arm})", f"{b.p_value:.3g}", "alarm" if b.alarm else "alike")
        )
    if result.deliveries:
        least = min(one.p_value for one in result.deliveries)
        odd = any(one.alarm or one.dropped for one in result.deliveries)
        stage = result.deliveries[0].stage
        found.append((f"contacts with {stage!r}", f"{least:.3g}", "see notes" if odd else "alike"))
    return ("check", "p", ""), found


def effect_rows(result: ExperimentReading) -> Heads:
    """The differences by metric and arm."""
    return (
        ("metric", "role", "arm", f"{result.control} has", "difference", "relative", "p", "said"),
        [
            (e.metric, e.role, e.arm, number(e.control_mean),
             interval_text(e.interval, signed=True), _percent(e.relative.value),
             f"{e.p_value:.3g}", e.said)
            for e in result.effects
        ],
    )  # fmt: skip


def segment_rows(result: ExperimentReading) -> Heads:
    """The primary difference by segment."""
    return (
        ("segment", "arm", "customers", "difference", "shrunken", "p, raised"),
        [
            (f"{s.column} {s.segment}", s.arm, f"{s.customers:,}",
             interval_text(s.interval, signed=True), interval_text(s.shrunken, signed=True),
             f"{s.adjusted_p:.3g}")
            for s in result.segments
        ],
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{share:+.1%}" if abs(share) < float("inf") else "–"


def _rows(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    return table
