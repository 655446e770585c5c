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
from bandit.stats.quantiles import normal_tail

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

    ``minimum_ess`` effective rows and ``minimum_rewards`` effective rewards other than zero; a
    mean weight more than ``mean_weight_errors`` standard errors from one says that the propensities
    are not those of the log, or, where chance may have left out rows of large weights, that more
    are needed; at most ``unsupported_share`` of the target's probability may lie on
    actions never logged; every lift must be above ``margin`` (reward per row; negative: may be
    worse by so much).
    ``unit`` is what a row's reward is called in the reasons.
    """

    minimum_ess: float = 100.0
    minimum_rewards: float = 10.0
    mean_weight_errors: float = 3.0
    unsupported_share: float = 0.01
    margin: float = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        """Refuse limits that make no sense."""
        checks.parameter("minimum_ess", self.minimum_ess)
        checks.parameter("minimum_rewards", self.minimum_rewards)
        checks.parameter("mean_weight_errors", self.mean_weight_errors)


DEFAULT_RULES = GateRules()


def judge(
    lifts: Mapping[str, Estimate],
    diagnostics: Diagnostics,
    rules: GateRules = DEFAULT_RULES,
    proven: Mapping[str, Estimate] | None = None,
) -> Verdict:
    """Judge a candidate by its paired lifts over named baselines and by its overlap with the log.

    Give ``lifts`` over the logging policy and over business as usual, at the confidence wanted;
    with ``interval="betting"`` the verdict may be asked for as often as one likes while the log
    grows, otherwise once. A log that cannot answer is refused before the lifts are looked at.

    ``proven`` are the same lifts by betting on a range that bounds the rewards: limits that hold
    for a handful of rows too. Where each of them is above the margin, few effective rows or rewards
    are no reason to refuse.
    """
    refused = refuse(diagnostics, rules)
    if refused is not None:
        few = refused.decision == "not enough data" and not _off(diagnostics, rules)
        if not (few and proven and all(lift.lower > rules.margin for lift in proven.values())):
            return refused
        lifts = proven
    each = f"{rules.unit} a decision".lstrip()
    for name, lift in lifts.items():
        if lift.upper < rules.margin:
            loss = Span(-lift.value, -lift.upper, -lift.lower)
            return Verdict("hold", f"it is worse than {name} by {interval_text(loss)} {each}", None)
    # not <=: an estimate without an interval (NaN) decides nothing
    open_question = [(name, lift) for name, lift in lifts.items() if not lift.lower > rules.margin]
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
        said = (
            f"the effective sample size is {d.effective_sample_size:.1f} of {d.n:,} rows "
            f"(the largest weight is {number(d.max_weight)})"
        )
        return _too_few(d, said, d.effective_sample_size, rules.minimum_ess)
    if d.effective_rewards < rules.minimum_rewards:
        said = (
            f"{d.effective_rewards:.1f} purchases speak for it"
            " (rewards other than 0, as they weigh)"
        )
        return _too_few(d, said, d.effective_rewards, rules.minimum_rewards)
    return _untrue(d, rules) if _off(d, rules) else None


def _too_few(d: Diagnostics, said: str, heard: float, least: float) -> Verdict:
    """Not ``least`` yet; how many rows would have them."""
    needed = math.ceil(d.n * least / heard) if heard > 0.0 else None
    more = "" if needed is None else f"; about {rounded_up(needed)} rows would have them"
    return Verdict("not enough data", f"{said}, {least:g} are needed{more}", needed)


def _untrue(d: Diagnostics, rules: GateRules) -> Verdict:
    """Say what a mean weight off one means: below one, rows may just not have come (ADR 373)."""
    if d.missing_by_chance > normal_tail(rules.mean_weight_errors):
        return Verdict(
            "not enough data",
            f"the mean weight is {d.mean_weight:.3f} where it must be 1: rows of large weights "
            f"(the largest is {number(d.max_weight)}), which would make up for it, may not have "
            "come yet",
            None,
        )
    return Verdict(
        "hold",
        f"the mean weight is {d.mean_weight:.3f} where it must be 1, "
        f"{abs(d.mean_weight_z):.1f} standard errors off (p {d.mean_weight_p:.1g}): the "
        "propensities are not those of this log",
        None,
    )


def _off(d: Diagnostics, rules: GateRules) -> bool:
    return abs(d.mean_weight_z) > rules.mean_weight_errors


def needed_rows(lift: Estimate, margin: float = 0.0) -> int | None:
    """Rows at which an interval this shape would leave the margin, if the value is as it looks.

    Intervals shrink with √n: n (half-width / distance to the margin)².
    """
    distance = lift.value - margin
    half = lift.value - lift.lower if distance > 0.0 else lift.upper - lift.value
    if distance == 0.0 or not math.isfinite(half) or half == 0.0:
        return None
    rows = lift.n * (half / distance) ** 2
    return math.ceil(rows) if rows < MOST_ROWS else None
