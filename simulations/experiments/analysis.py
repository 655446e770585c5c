"""False alarms and power as Markdown, each against what was promised."""

from __future__ import annotations

import numpy as np

from simulations.experiments import waves_under_caps
from simulations.experiments.homes import Redrawn
from simulations.experiments.shared_caps import CAP, Shared
from simulations.experiments.sweep import BLOCKS, PLANNED, FalseAlarms, Power
from simulations.experiments.waves_under_caps import Row

PROMISES = {"fixed": (0.04, 0.06), "planned": (0.0, 0.055), "sequence": (0.0, 0.05)}
FOUND = (0.76, 0.84)
UNIFORM = 0.01
COVERED = 0.935


def shared(rows: list[Shared], runs: int, n: int, target: float) -> str:
    lines = [
        "",
        f"{runs:,} experiments of {n:,} customers on two policies that share a capacity of "
        f"{CAP:.0%}; the new one for all is worth {target:.4f} a customer more than the old one, both "
        f"under the cap. To be covered in at least {COVERED:.1%}.",
        "",
        "| capacity | effect found, mean | covers the truth | called, new and old |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.effect:.4f} | {row.covered:.1%} | {row.calls_treated:.1%} and "
        f"{row.calls_control:.1%} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def of_homes(rows: list[Power], redrawn: list[Redrawn], runs: int) -> str:
    lines = [
        f"{runs:,} experiments each that assign households, with an effect that the plan promises to "
        "find in 80 %; each is planned by a past of its own and of its own size, which tells spread, ICC and "
        f"sizes as `design` measures them. Kept: found in {FOUND[0]:.0%} to {FOUND[1]:.0%}.",
        "",
        "| values | customers | effect, mean | found | kept |",
        "|---|---|---|---|---|",
        *(
            f"| {row.name} | {row.n:,} | {row.effect:.4f} | {row.found:.1%} | "
            f"{'yes' if FOUND[0] <= row.found <= FOUND[1] else 'NO'} |"
            for row in rows
        ),
        "",
        "Propensities of members who were assigned by households, redrawn; kept: a mean weight of 1 "
        "within 0.01. Errors are of households.",
        "",
        "| propensities | customers | pairs | furthest, in standard errors | mean weight | kept |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row.name} | {row.customers:,} | {row.pairs} | {row.worst:.2f} | {row.weight:.4f} ± "
            f"{row.error:.4f} | {'yes' if abs(row.weight - 1.0) <= 0.01 else 'NO'} |"
            for row in redrawn
        ),
    ]
    return "\n".join(lines) + "\n"


def of_waves(rows: list[Row], runs: int, n: int) -> str:
    lines = [
        f"{runs:,} waves a row, of {n:,} customers, calls capped at {waves_under_caps.CAP:.0%} of all. The control "
        "calls with one offer whoever may have it, 30 %; the treatment calls with another one that 60 % may "
        "have. The truth is what either would bring for all, under the whole cap. "
        f"Parts are to cover it in at least {COVERED:.1%}.",
        "",
        "| treatment | capacity | truth | effect found, mean | covers the truth | called, control and treatment |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.case} | {row.capacity} | {row.truth:.4f} | {row.effect:.4f} | {row.covered:.1%} | "
        f"{row.called[0]:.1%} and {row.called[1]:.1%} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def report(alarms: list[FalseAlarms], powers: list[Power], planted: int) -> str:
    runs = len(alarms[0].p_values)
    lines = [
        f"{runs:,} A/A experiments on all rows; one standard error of a share near 5 % is "
        f"{100 * np.sqrt(0.05 * 0.95 / runs):.2f} points. Kept: p-values uniform at 1 %, alarms "
        f"4–6 % at one look, at most 5.5 % at {len(PLANNED)} planned ones, at most 5 % with the "
        f"sequence at {BLOCKS}.",
        "",
        f"| values | uniform, p | one look | {len(PLANNED)} looks, O'Brien–Fleming | Pocock | "
        f"sequence, {BLOCKS} looks | kept | Student's t at {BLOCKS} looks, as a warning |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.uniform:.3f} | {row.fixed:.2%} | {row.planned:.2%} | "
        f"{row.pocock:.2%} | {row.sequence:.2%} | {'yes' if kept(row) else 'NO'} | "
        f"{row.peeking:.1%} |"
        for row in alarms
    ]
    lines += [
        "",
        f"{planted:,} experiments each with an effect that the plan promises to find in 80 %; kept: "
        f"found in {FOUND[0]:.0%} to {FOUND[1]:.0%}.",
        "",
        "| values | customers | effect | found | kept |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.name} | {row.n:,} | {row.effect:.4f} | {row.found:.1%} | "
        f"{'yes' if FOUND[0] <= row.found <= FOUND[1] else 'NO'} |"
        for row in powers
    ]
    return "\n".join(lines) + "\n"


def kept(row: FalseAlarms) -> bool:
    shares = {name: getattr(row, name) for name in PROMISES}
    shares["planned"] = max(row.planned, row.pocock)
    inside = all(low <= shares[name] <= high for name, (low, high) in PROMISES.items())
    return inside and row.uniform > UNIFORM
