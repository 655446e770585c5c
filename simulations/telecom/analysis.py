"""What each learner earned, and how far it came from rules to the best, as Markdown."""

from __future__ import annotations

import numpy as np

from bandit.core.types import Float64
from simulations.telecom.environment import DAYS_BETWEEN_WAVES, NEW_OFFERS, NEW_OFFERS_DAY
from simulations.telecom.sweep import Run

STRETCH = 4
"""Waves that a figure is averaged over."""


def closed(run: Run, rules: Run) -> Float64:
    """Share of the distance between rules and the best, in running stretches of waves."""
    gained, room = run.value - rules.value, run.best - rules.value
    window = np.ones(STRETCH)
    return np.convolve(gained, window, "valid") / np.convolve(room, window, "valid")


def report(runs: list[Run]) -> str:
    new = NEW_OFFERS_DAY // DAYS_BETWEEN_WAVES
    waves, seeds = len(runs[0].value), len({r.seed for r in runs})
    lines = []
    for drift in dict.fromkeys(r.drift for r in runs):
        here = [r for r in runs if r.drift == drift]
        best = np.mean([r.best.mean() for r in here])
        lines += [
            f"## {'Tastes stand still' if drift == 0 else 'Tastes turn over the year'}",
            "",
            f"{waves} weekly waves, {seeds} operators, {NEW_OFFERS} new offers from wave {new + 1}"
            f" on; the best that the truth allows is {best:.2f} EUR a customer. In brackets: least"
            " and most among the operators.",
            "",
            "| learner | EUR a customer, all waves | closed in waves 5-8 |"
            f" waves {new - STRETCH + 1}-{new} | waves {new + 3}-{new + 2 + STRETCH} |"
            f" waves {waves - STRETCH + 1}-{waves} |",
            "|---|---|---|---|---|---|",
        ]
        for name in dict.fromkeys(r.learner for r in here):
            lines.append(_row(name, here, (4, new - STRETCH, new + 2, waves - STRETCH)))
        lines.append("")
    return "\n".join(lines)


def _row(name: str, runs: list[Run], starts: tuple[int, ...]) -> str:
    mine = [r for r in runs if r.learner == name]
    rules = {r.seed: r for r in runs if r.learner == "rules"}
    value = np.array([r.value.mean() for r in mine])
    shares = np.array([closed(r, rules[r.seed])[list(starts)] for r in mine])
    cells = [_span(value, "{:.2f}"), *(_span(column, "{:.0%}") for column in shares.T)]
    return f"| {name} | {' | '.join(cells)} |"


def _span(values: Float64, form: str) -> str:
    low, mean, high = (form.format(v) for v in (values.min(), values.mean(), values.max()))
    return f"{mean} ({low} to {high})"
