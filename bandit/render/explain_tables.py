"""A customer's decisions as tables for a terminal: plan, price, lot, and what else there was."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bandit.core.wording import price_text
from bandit.render.tables import listed, notes, pairs
from bandit.results.inspect import Contender, Explanation, PastDecision, Slot


def explanation_tables(e: Explanation) -> RenderableType:
    """Each slot with its contenders and what carried it, the funnel, the last waves."""
    shown: list[RenderableType] = [
        Text(f"customer {e.customer}, wave {e.wave}, {_snapshot(e)}", style="bold")
    ]
    for slot in e.slots:
        what = f"{slot.offer} by {slot.channel}" if slot.offer else "no contact"
        what += f": {slot.reason}" if slot.reason else ""
        chance = f"probability {slot.propensity:.4f}, group {slot.group}"
        shown.append(Text(f"\n{slot.placement}, slot {slot.slot}: {what} ({chance})"))
        shown.append(Text(_path(slot)))
        shown.append(_contenders(slot, e.unit))
        if any(c.kinds for c in slot.contenders):
            shown += [Text("what each kind of event brings of it"), _kinds(slot, e.unit)]
        if slot.features:
            carried = "  ".join(f"{name} {term:+.3f}" for name, term in slot.features.items())
            shown.append(Text(f"features that carried the mean: {carried}"))
        if slot.parts:
            parts = "  ".join(f"{name} {term:+.3f}" for name, term in slot.parts.items())
            shown.append(Text(f"of the mean, from other actions and its own: {parts}"))
    if e.gaps:
        shown += [Text("\nwhat the basket lacked, by like baskets", style="bold"), _gaps(e)]
    if e.funnel:
        shown.append(Text("\ntaken out, by rule", style="bold"))
        shown.append(pairs({stage: listed(out) for stage, out in e.funnel.items()}))
    if len({past.wave for past in e.history}) > 1:
        shown.append(Text("\nin the last waves", style="bold"))
        shown.append(_history(e))
    return Group(*shown, *notes(e.notes))


def _snapshot(e: Explanation) -> str:
    arm = "" if e.pinned is None else f", their arm decided by {e.pinned}"
    return f"snapshot {e.snapshot}{arm}"


def _path(slot: Slot) -> str:
    """Plan, price and lot in a line."""
    plan = slot.planned or "no contact"
    mine = [c for c in slot.contenders if _name(c) == plan]
    price = price_text(mine[0].price) if mine else "–"
    lot = "none drawn"
    if slot.keep < 1.0:
        fate = "given up" if slot.planned and not slot.offer else "kept"
        lot = f"{slot.keep:.1%} of such contacts stay, this one was {fate}"
    return f"plan {plan} → price {price} → lot: {lot}"


def _name(c: Contender) -> str:
    return f"{c.offer}/{c.channel}" if c.offer else "no contact"


def _contenders(slot: Slot, unit: str) -> Table:
    """Worth is value x mean - cost - price; groups by what they add to the draw's probability.

    Values stand there where one is not 1.
    """
    groups = list(dict.fromkeys(name for c in slot.contenders for name in c.by_group))
    valued = any(c.value != 1.0 for c in slot.contenders)
    table = Table(box=None, pad_edge=False)
    table.add_column(f"action, {unit}", no_wrap=True)
    heads = ["drawn", *groups, "mean", *(["value"] if valued else [])]
    heads += ["cost", "price", "worth", "±"]
    for column in heads:
        table.add_column(column, justify="right")
    for c in slot.contenders:
        chances = (c.probability, *(c.by_group.get(g, 0.0) for g in groups))
        value = [c.value] if valued else []
        numbers = (c.mean, *value, c.cost, c.price, c.worth, c.width)
        table.add_row(_name(c), *(f"{x:.4f}" for x in chances), *(f"{x:.3f}" for x in numbers))
    if slot.others > 0:
        table.add_row(f"and {slot.others:,} more")
    return table


def _kinds(slot: Slot, unit: str) -> Table:
    """Money of each kind of event, with its width."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"action, {unit}", no_wrap=True)
    for kind in next(c.kinds for c in slot.contenders if c.kinds):
        table.add_column(kind.kind, justify="right")
        table.add_column("±", justify="right")
    for c in slot.contenders:
        cells = (x for kind in c.kinds for x in (kind.money, kind.width))
        table.add_row(_name(c), *(f"{x:.3f}" for x in cells))
    return table


def _gaps(e: Explanation) -> Table:
    """Each product with its gap and what carried it."""
    table = Table(box=None, pad_edge=False)
    for column in ("product", "offers", "gap", "carried by"):
        table.add_column(column, justify="right" if column == "gap" else "left")
    for one in e.gaps:
        if one.held:
            why = "is in the basket"
        elif one.gap is None:
            why = "nothing was bought"
        else:
            why = ", ".join(f"{item.product} {item.part:+.3f}" for item in one.items)
        gap = "–" if one.gap is None else f"{one.gap:.3f}"
        table.add_row(one.product, ", ".join(one.offers), gap, why)
    return table


def _history(e: Explanation) -> Table:
    table = Table(box=None, pad_edge=False)
    placed = any((p.placement, p.slot) != ("outbound", 1) for p in e.history)
    for column in ("wave", *(["where"] if placed else []), "decided", "why not", "group"):
        table.add_column(column, no_wrap=column == "wave")
    for column in ("chance", "expected", "price", "kept"):
        table.add_column(column, justify="right", no_wrap=True)
    for past in e.history:
        where = past.placement if past.slot == 1 else f"{past.placement} {past.slot}"
        place = [where] if placed else []
        table.add_row(past.wave, *place, _decided(past), past.reason or "–", *_numbers(past))
    return table


def _decided(past: PastDecision) -> str:
    if past.offer:
        return f"{past.offer}/{past.channel}" + (" (withheld)" if past.withheld else "")
    return f"no contact; planned {past.planned}" if past.planned else "no contact"


def _numbers(past: PastDecision) -> list[str]:
    """Group, chance, what it was expected to add over no contact, price, and what lots kept."""
    worth = "–" if past.expected_value is None else f"{past.expected_value:.3f}"
    return [
        past.group, f"{past.propensity:.4f}", worth, f"{past.price:.3f}", f"{past.keep:.3f}"
    ]  # fmt: skip
