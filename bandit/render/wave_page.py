"""A wave as a page that opens from disk."""

from __future__ import annotations

from pathlib import Path

from bandit.core.wording import price_text
from bandit.render import render
from bandit.render.wave_figures import wave_figures
from bandit.render.wave_tables import realised
from bandit.results.inspect import ReportResult
from bandit.results.serve import Price


def write_wave(folder: Path, result: ReportResult, made_by: str) -> Path:
    """Write report.html and the figures of a wave into ``folder``; the page's path."""
    share = result.contacted / max(result.customers, 1)
    content = {
        "title": f"Wave {result.wave}",
        "words": _words(result, share),
        "facts": {
            "decided at": result.at.replace("T", " ").replace("+00:00", " UTC"),
            "customers": f"{result.customers:,}",
            "contacted": f"{result.contacted:,} ({share:.1%})",
            "snapshot": result.snapshot,
        },
        "notes": result.notes,
        "unit": result.unit,
        "groups": [
            [e.group, f"{e.customers:,}", f"{e.expected:.2f}", realised(e)]
            for e in result.earned
            if e.wave == result.wave
        ],
        "limits": [_limit(limit) for limit in result.limits],
        "made_by": made_by,
    }
    return render.write(folder, "wave.html", wave_figures(result), content)


def _words(result: ReportResult, share: float) -> str:
    text = f"{result.contacted:,} of {result.customers:,} customers ({share:.1%}) were contacted"
    if result.grid:
        offer, cells = next(iter(result.grid.items()))
        text += f", most often with {offer} ({sum(cells.values()):,})"
    if result.at_peace:
        reason, count = max(result.at_peace.items(), key=lambda item: item[1])
        text += f". Of the others, most were left in peace because: {reason} ({count:,})"
    return text + "."


def _limit(limit: Price) -> list[str]:
    return [
        limit.name,
        f"{limit.least:,.0f}" if limit.least else "–",
        "–" if limit.most is None else f"{limit.most:,.0f}",
        f"{limit.used:,.0f}",
        price_text(limit.price),
    ]
