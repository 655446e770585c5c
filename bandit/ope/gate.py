"""Ship, hold, or not enough data; with the reason in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bandit.checks import columns as checks
from bandit.core.wording import Span, interval_text, number, rounded_up
from bandit.ope.diagnostics import Diagnostics
from bandit.ope.estimate import Estimate

Decision = Literal["ship", "hold", "not enough data"]
MOST_ROWS = 1e12
"""Above this a needed sample size is as good as never."""


@dataclass(frozen=True)
class Verdict:
    """``needed_n``: rows of a log like this one that would decide.

    None where it is decided, or where more rows would not decide it.
    """

    decision: Decision
    reason: str
    needed_n: int | None


@dataclass(frozen=True)
class GateRules:
    """When a log can answer, and when an answer is yes.

    ``minimum_ess`` effective rows; a mean weight off one by more than ``mean_weight_tolerance``
    with a p-value below ``mean_weight_p`` says that the propensities are not those of the log;
    at most ``unsupported_share`` of the target's probability may lie on actions never logged;
    every lift must be above ``margin`` (reward per row; negative: may be worse by so much).
    ``unit`` is what a row's reward is called in the reasons.
    """

    minimum_ess: float = 100.0
    mean_weight_tolerance: float = 0.1
    mean_weight_p: float = 0.001
    unsupported_share: float = 0.01
    margin: float = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse limits that make no sense."""
        checks.parameter("minimum_ess", self.minimum_ess)
        checks.parameter("mean_weight_tolerance", self.mean_weight_tolerance)
        checks.probability("mean_weight_p", self.mean_weight_p)


DEFAULT_RULES = GateRules()


def judge(
    lifts: Mapping[str, Estimate], diagnostics: Diagnostics, rules: GateRules = DEFAULT_RULES
) -> Verdict:
    """Judge a candidate by its paired lifts over named baselines and by its overlap with the log.

    Give ``lifts`` over the logging policy and over business as usual, at the confidence wanted;
    with ``interval="betting"`` the verdict may be asked for as often as one likes while the log
    grows, otherwise once. A log that cannot answer is refused before the lifts are looked at.
    """
    refused = refuse(diagnostics, rules)
    if refused is not None:
        return refused
    each = f"{rules.unit} a decision".lstrip()
    for name, lift in lifts.items():
        if lift.upper < rules.margin:
            loss = Span(-lift.value, -lift.upper, -lift.lower)
            return Verdict("hold", f"it is worse than {name} by {interval_text(loss)} {each}", None)
    open_question = [(name, lift) for name, lift in lifts.items() if lift.lower <= rules.margin]
    if not open_question:
        name, lift = min(lifts.items(), key=lambda item: item[1].lower)
        return Verdict("ship", _better(name, lift, each, rules.margin), None)
    name, lift = min(open_question, key=lambda item: item[1].lower)
    needed = needed_rows(lift, rules.margin)
    rows = "no realistic number of rows" if needed is None else f"about {rounded_up(needed)} rows"
    return Verdict(
        "not enough data",
        f"its lift over {name} is {interval_text(lift, signed=True)} {each}, which leaves open"
        f" whether it is better; if it is as it looks, {rows} would decide",
        needed,
    )


def _better(name: str, lift: Estimate, each: str, margin: float) -> str:
    if lift.lower > 0.0:
        return f"it beats {name} by {interval_text(lift)} {each}"
    return (
        f"its lift over {name} is {interval_text(lift, signed=True)} {each},"
        f" above the margin of {margin:g}"
    )


def refuse(diagnostics: Diagnostics, rules: GateRules = DEFAULT_RULES) -> Verdict | None:
    """Say why the log cannot answer, or None if it can."""
    d = diagnostics
    if d.n < 2:
        return Verdict("not enough data", "the log has one row", math.ceil(rules.minimum_ess))
    if d.unsupported_share > rules.unsupported_share:
        return Verdict(
            "hold",
            f"{d.unsupported_share:.1%} of its probability lies on actions that were never logged; "
            "no log of this policy can say what they are worth: explore them first",
            None,
        )
    if d.effective_sample_size < rules.minimum_ess:
        ess = d.effective_sample_size
        needed = math.ceil(d.n * rules.minimum_ess / ess) if ess > 0.0 else None
        return Verdict(
            "not enough data",
            f"the effective sample size is {ess:.1f} of {d.n:,} rows "
            f"(the largest weight is {number(d.max_weight)}), {rules.minimum_ess:g} are needed"
            + ("" if needed is None else f"; about {rounded_up(needed)} rows would have them"),
            needed,
        )
    off = abs(d.mean_weight - 1.0)
    if off > rules.mean_weight_tolerance and d.mean_weight_p < rules.mean_weight_p:
        return Verdict(
            "hold",
            f"the mean weight is {d.mean_weight:.3f} where it must be near 1 "
            f"(p {d.mean_weight_p:.1g}): the propensities are not those of this log",
            None,
        )
    return None


def needed_rows(lift: Estimate, margin: float = 0.0) -> int | None:
    """Rows at which an interval this shape would leave the margin, if the value is as it looks.

    Intervals shrink with √n: n (half-width / distance to the margin)².
    """
    distance = lift.value - margin
    half = lift.value - lift.lower if distance > 0.0 else lift.upper - lift.value
    if distance == 0.0 or not math.isfinite(half):
        return None
    rows = lift.n * (half / distance) ** 2
    return math.ceil(rows) if rows < MOST_ROWS else None
