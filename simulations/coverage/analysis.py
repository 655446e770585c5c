"""Coverage and false alarms as Markdown, each against what was promised."""

from __future__ import annotations

from simulations.coverage.environment import KINDS
from simulations.coverage.sweep import coverage, shipped_under_peeking, shipped_without_lift

PROMISE = {"student_t": 0.935, "bootstrap": 0.935}


LOOKS = 1000


def report(logs: int = 2000, n: int = 1000) -> str:
    """Coverage on ``logs`` logs of ``n`` rows of each kind; false alarms on half as many."""
    table = [row for kind in KINDS for row in coverage(kind, logs, n)]
    once = [shipped_without_lift(logs // 2, 2000, method) for method in ("bootstrap", "betting")]
    peeking = shipped_under_peeking(logs // 2, 10 * LOOKS, LOOKS)
    lines = [
        f"{logs:,} logs of {n:,} rows each; nominal 95 %; one standard error of a coverage near "
        f"95 % is {100 * (0.05 * 0.95 / logs) ** 0.5:.2f} points.",
        "",
        "| logging | estimator | interval | coverage | promised | kept | mean width |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in table:
        promised = PROMISE.get(row.method, 0.95)
        lines.append(
            f"| {row.kind} | {row.estimator} | {row.method} | {row.share:.2%} | {promised:.1%} | "
            f"{'yes' if row.share >= promised else 'NO'} | {row.width:.4f} |"
        )
    lines += [
        "",
        f"A policy without any lift, {logs // 2:,} logs, at most 5 % allowed:",
        "",
        "| looked at | interval | shipped |",
        "|---|---|---|",
        f"| once | bootstrap | {once[0]:.1%} |",
        f"| once | betting | {once[1]:.1%} |",
        f"| {LOOKS:,} times while the log grows | betting | {peeking[0]:.1%} |",
        f"| {LOOKS:,} times while the log grows | Student t, as a warning | {peeking[1]:.1%} |",
    ]
    return "\n".join(lines) + "\n"
