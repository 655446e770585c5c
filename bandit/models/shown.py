"""How a posterior shows itself: one line, and a small table in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bandit.core.types import Float64
from bandit.core.wording import counted

_ROWS = 20


def line(name: str, shape: tuple[int, int], count: Float64) -> str:
    """Posterior(4 actions, 7 features, 20,000 rows)."""
    k, d = shape
    return f"{name}({counted(k, 'action')}, {counted(d, 'feature')}, {count.sum():,.10g} rows)"


def table(title: str, names: Sequence[str], count: Float64, reward_sum: Float64) -> str:
    """HTML of rows and mean reward of the actions that were taken most, at most 20."""
    most = sorted(range(len(count)), key=lambda a: (-count[a], a))[:_ROWS]
    rows = "".join(
        f"<tr><td>{escape(names[a])}</td><td>{count[a]:,.10g}</td>"
        f"<td>{reward_sum[a] / count[a] if count[a] else 0.0:.4g}</td></tr>"
        for a in sorted(most)
    )
    left = len(count) - len(most)
    others = counted(left, "action that was", "actions that were")
    more = f"<tr><td colspan=3>and {others} taken less</td></tr>" if left else ""
    return (
        f"<table><caption>{escape(title)}</caption><thead><tr><th>action</th><th>rows</th>"
        f"<th>mean reward</th></tr></thead><tbody>{rows}{more}</tbody></table>"
    )
