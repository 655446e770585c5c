"""The answer as Markdown."""

from __future__ import annotations

import numpy as np

from bandit.ope import Estimate, Log
from simulations.hillstrom import environment as env
from simulations.hillstrom.sweep import Row, Splits


def report(log: Log, rows: list[Row], splits: list[Splits]) -> str:
    return "\n".join(
        [
            f"{log.n:,} customers; USD of spend a customer; 95 % bootstrap intervals.",
            "",
            *_table(
                ("policy", "IPS", "SNIPS", "DR", "lift over men's mail for all", "mails: none, men's, women's"),
                [
                    (r.name, _plain(r.ips), _plain(r.snips), _span(r.dr), _span(r.lift, "+.3f"), _shares(r))
                    for r in rows
                ],
            ),
            "",
            "## Does the claim hold on other splits?",
            "",
            "A learner is fitted on one random half and judged on the other, 20 times over.",
            "",
            *_table(
                ("learner", "claimed on the log", "mean of 20 splits", "least and largest", "inside the claim"),
                [_split(s) for s in splits],
            ),
            "",
            "## Answer",
            "",
            *_answer(log, rows, splits),
            "",
        ]
    )  # fmt: skip


def _split(s: Splits) -> tuple[str, ...]:
    mean = s.lifts.mean()
    inside = s.claimed.lower <= mean <= s.claimed.upper
    span = f"{s.lifts.min():+.3f} to {s.lifts.max():+.3f}"
    return s.name, _span(s.claimed, "+.3f"), f"{mean:+.3f}", span, "yes" if inside else "**no**"


def _answer(log: Log, rows: list[Row], splits: list[Splits]) -> list[str]:
    by_name = {row.name: row for row in rows}
    none, mens = by_name["no mail for all"], by_name["men's mail for all"]
    rule = by_name["the rule"]
    gain = mens.snips.value - none.snips.value
    sold = [s.name for s in splits if s.claimed.lower > 0.0]
    spent = np.array([log.rewards[log.actions == a].mean() for a in range(3)])
    personal = "is" if rule.lift.lower > 0.0 or sold else "is not"
    return [
        f"- Mail: yes. The men's mail earns {spent[env.MENS]:.3f} a customer, {gain:.2f} more than"
        f" none ({spent[env.NO_MAIL]:.3f}).",
        f"- Which: the men's, for everybody; the women's earns {spent[env.WOMENS]:.3f}.",
        f"- Personalising {personal} shown to be worth it by spend: the rule gains"
        f" {_span(rule.lift, '+.3f')}, and"
        + (f" {', '.join(sold)} claim a lift." if sold else " no learner claims a lift over it."),
    ]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _plain(estimate: Estimate) -> str:
    return f"{estimate.value:.5f}"


def _span(estimate: Estimate, form: str = ".3f") -> str:
    low, high = format(estimate.lower, form), format(estimate.upper, form)
    return f"{format(estimate.value, form)} ({low} to {high})"


def _shares(row: Row) -> str:
    return ", ".join(f"{share:.0%}" for share in row.mails)
