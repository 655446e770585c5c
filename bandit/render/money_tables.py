"""A wave's money and its limits as tables for a terminal; the words are those of docs/money.md."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import counted, number, price_text
from bandit.results.money import Money
from bandit.results.serve import Price, WaveSummary


def money_table(outbound: Money, inbound: Money | None, unit: str) -> Table:
    """Gross value, cost and expected value of contacts, and of shown offers where there are any."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"expected, {unit}")
    heads = ("number", "gross value", "cost", "no contact", "expected value", "each", "a customer")
    for head in heads:
        table.add_column(head, justify="right")
    table.add_row("contacts", *_cells(outbound))
    if inbound is not None and inbound.count:
        table.add_row("shown offers", *_cells(inbound))
    return table


def _cells(money: Money) -> list[str]:
    each = "–" if money.per_contact is None else number(money.per_contact)
    amounts = (money.gross, money.cost, money.no_contact, money.expected_value)
    shown = [f"{amount + 0.0:,.2f}" for amount in amounts]
    return [f"{money.count:,}", *shown, each, number(money.per_customer)]


def limits_table(summary: WaveSummary) -> RenderableType:
    """Each limit with its use and its price, in the wave and in the best allocation."""
    table = Table(box=None, pad_edge=False)
    table.add_column("limit")
    heads = ("at least", "at most", "used", "price", "best use", "best price")
    for column in heads:
        table.add_column(column, justify="right")
    for position, one in enumerate(summary.limits):
        table.add_row(one.name, *_limit(one))
        for part in summary.split:
            who = f"  {part.arm or 'everybody else'} ({part.customers:,})"
            table.add_row(who, *_limit(part.limits[position]))
    unit = summary.unit
    proof = (
        f"best allocation by expected values: {summary.primal_value:,.2f} {unit}, none above"
        f" {summary.dual_value:,.2f} (gap {summary.gap:.4%});"
        f" {counted(summary.given_up, 'contact')} given up by lot at the caps"
    )
    missed = [Text(_missed(one)) for one in summary.limits if one.used < one.least]
    return Group(table, Text(proof), *missed)


def _limit(one: Price) -> list[str]:
    most = "-" if one.most is None else f"{one.most:,.0f}"
    least = f"{one.least:,.0f}" if one.least else "-"
    best = ["-", "-"]
    if one.best_used is not None and one.best_price is not None:
        best = [f"{one.best_used:,.0f}", price_text(one.best_price)]
    return [least, most, f"{one.used:,.0f}", price_text(one.price), *best]


def _missed(one: Price) -> str:
    return (
        f"{one.name}: {one.used:,.0f} of the {one.least:,.0f} committed; a minimum holds in"
        " expectation, the draws fell short: commit a margin more"
    )
