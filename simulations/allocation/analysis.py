"""The figures as text."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import numba
import numpy as np

from simulations.allocation.sweep import Bound, Large, Speed, Tally


def report(
    tallies: Sequence[Tally],
    bounds: Sequence[Bound],
    customers: int,
    big: Large,
    speeds: dict[str, Speed],
) -> str:
    """Markdown of everything."""
    parts = [instances(tallies), programmes(bounds), million(customers, big), passes(speeds)]
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    versions = f"numpy {np.__version__}, numba {numba.__version__}"
    return "\n".join([*parts, f"Measured on {machine}, {versions}.\n"])


def instances(tallies: Sequence[Tally]) -> str:
    """Random instances against HiGHS's integer programme."""
    solved = [t for t in tallies if t.feasible]
    loss = np.array([t.loss for t in solved])
    gap = np.array([t.gap for t in solved])
    rows = [
        ("instances", f"{len(tallies)}"),
        ("feasible / infeasible", f"{len(solved)} / {len(tallies) - len(solved)}"),
        ("verdict on feasibility as HiGHS's", f"{sum(t.agreed for t in tallies)}"),
        ("a cap passed", f"{sum(not t.caps_kept for t in solved)}"),
        ("a minimum missed though feasible", f"{sum(not t.minimums_met for t in solved)}"),
        ("dual bound below the optimum", f"{sum(not t.bound_holds for t in solved)}"),
        ("optimum farther than the printed gap", f"{sum(not t.within_gap for t in solved)}"),
        ("exactly optimal", f"{np.mean(loss < 1e-7):.1%}"),
        ("loss against the optimum, mean / largest", f"{loss.mean():.3%} / {loss.max():.2%}"),
        ("printed gap, median / largest", f"{np.median(gap):.1e} / {gap.max():.2f}"),
        ("HiGHS out of time", f"{sum(not t.settled for t in solved)}"),
    ]
    return "## Random instances\n\n" + _table(("", ""), rows)


def programmes(bounds: Sequence[Bound]) -> str:
    """Dual bound against HiGHS's linear programme."""
    rows = [
        (f"{b.slots}", f"{b.above_programme:+.1e}", f"{b.gap:.1e}", f"{b.seconds:.2f} s")
        for b in bounds
    ]
    head = ("slots", "dual bound above the LP", "gap of the assignment", "time")
    return "## n 2,000, k 80, 21 resources\n\n" + _table(head, rows)


def million(customers: int, big: Large) -> str:
    """The large run and its rivals."""
    rows = [(name, f"{loss:.4%}") for name, loss in big.losses.items()]
    title = f"## n {customers:,}, k 80\n\n"
    told = (
        f"{big.tight} of {big.resources} caps bind. Gap {big.gap:.5%} in {big.seconds:.1f} s, "
        f"{big.passes} passes over everybody.\n\n"
    )
    return title + told + _table(("", "below the dual bound"), rows)


def passes(speeds: dict[str, Speed]) -> str:
    """Speed of a pass over a block in memory."""
    rows = [
        (
            name,
            f"{s.bytes_read / 4 / s.seconds / 1e9:.2f} G options/s",
            f"{s.bytes_read / s.seconds / 1e9:.1f} GB/s",
        )
        for name, s in speeds.items()
    ]
    return "## A pass over 20,000 × 1,000\n\n" + _table(("", "speed", "read"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)
