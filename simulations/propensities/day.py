"""Whole days decided live, in turns as the server takes them, and sealed: their weights are one.

As `simulate` looks at them: without the holdout, which stays while what contacts left of pressure
tells who is in it (docs/adr/0057), by the probability given "not held out". And what another policy would have earned, judged from a sealed day, is held against the truth.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit import ope
from bandit.config import campaign_file
from bandit.config.section import OUTBOUND
from bandit.core.reasons import NO_ROOM
from bandit.core.types import SILENT
from bandit.record import waves
from bandit.workflows.live import generation
from bandit.workflows.live.book import Book, refusal_events
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import Gate
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.live.writing import write
from bandit.worlds.operator import World
from simulations.propensities.environment import operator

DAYS, TURN = 4, 128
_TURNS_A_COMMIT = 8
_PLACES = [WantedPlacement(OUTBOUND)]


class Day(NamedTuple):
    """Of one way to limit: first slots of who is not held out, mean weight onto uniform.

    ``contacts`` and ``closed``: shares of them that are a contact, that had no room left for any;
    ``inside``: days on which the 95 % interval of uniform's value held the truth, where asked.
    """

    limits: str
    days: int
    decisions: int
    contacts: float
    closed: float
    mean: float
    standard_error: float
    inside: int | None


def days(scratch: Path, customers: int) -> Iterator[Day]:
    """Days without limits, judged as well, and days on which they bind."""
    for limits in ("none", "binding"):
        world, at = operator(scratch / limits, customers)
        if limits == "binding":
            _limit(scratch / limits / "campaign.toml", customers)
        yield _run(scratch / limits, world, at, limits)


def _limit(path: Path, customers: int) -> None:
    text = path.read_text(encoding="utf-8")
    capped = text.replace('name = "email"\n', f'name = "email"\ncapacity = {customers // 8}\n', 1)
    path.write_text(capped + f"\n[limits]\nmax_contacts = {customers // 3}\n", encoding="utf-8")


def _run(folder: Path, world: World, begin: dt.datetime, limits: str) -> Day:
    weights, contacts, closed, inside = [], [], [], 0
    held = campaign_file.load(folder).policy.holdout
    for number in range(DAYS):
        at = begin + dt.timedelta(days=number)
        rows = _first_slots(folder, _decided(folder, world, at, number))
        idle = rows["action"].to_numpy() == 0
        chance = (rows["propensity"].to_numpy() - held * idle) / (1.0 - held)
        weight = 1.0 / rows["eligible_count"].to_numpy() / chance
        weights.append(weight)
        contacts.append(~idle)
        closed.append(rows["reason"].to_numpy(zero_copy_only=False) == NO_ROOM)
        inside += _holds(world, rows, weight, at)
    found, n = np.concatenate(weights), sum(map(len, weights))
    return Day(
        limits=limits,
        days=DAYS,
        decisions=n,
        contacts=float(np.concatenate(contacts).mean()),
        closed=float(np.concatenate(closed).mean()),
        mean=float(found.mean()),
        standard_error=float(found.std() / np.sqrt(n)),
        inside=inside if limits == "none" else None,
    )


def _decided(folder: Path, world: World, at: dt.datetime, number: int) -> str:
    """Decide for everybody in an order of its own, seal; the wave's name."""
    order = np.random.default_rng(number).permutation(world.customers)
    campaign = campaign_file.load(folder)
    with ExitStack() as stack:
        made = generation.make(stack, campaign, at, campaign.seed, SILENT)
        book = Book(folder)
        stack.callback(book.close)
        book.recover(made.day, refusal_events(campaign))
        desk = Desk(book, made, Gate(folder), partial(_at, at + dt.timedelta(hours=12)))
        name = desk.segment.wave
        for turn, first in enumerate(range(0, len(order), TURN), 1):
            some = order[first : first + TURN].tolist()
            desk.decide_all([Asked(f"{number}-{c}", c, _PLACES) for c in some])
            if turn % _TURNS_A_COMMIT == 0 or first + TURN >= len(order):
                write(desk.pending)
                desk.pending.clear()
                book.written()
    seal(folder)
    return name


def _at(moment: dt.datetime) -> dt.datetime:
    return moment


def _first_slots(folder: Path, name: str) -> pa.Table:
    (wave,) = (w for w in waves.waves(folder) if w.name == name)
    columns = [
        "customer_id", "slot", "action", "propensity", "eligible_count", "eligible", "reason",
        "group",
    ]  # fmt: skip
    table = pq.read_table(wave.decisions, columns=columns)
    first = pc.equal(table["slot"], 1)
    return table.filter(pc.and_(first, pc.not_equal(table["group"], "holdout")))


def _holds(world: World, rows: pa.Table, weight: np.ndarray, at: dt.datetime) -> bool:
    """Whether the interval of `uniform over eligible`'s value, SNIPS, holds the truth."""
    ids, action = rows["customer_id"].to_numpy(), rows["action"].to_numpy()
    costs = world.costs
    k = len(costs)
    packed = np.frombuffer(b"".join(rows["eligible"].to_pylist()), np.uint8)
    bits = np.unpackbits(packed.reshape(len(rows), -1), axis=1, count=k, bitorder="little")
    net = world.net_values(ids, at)
    truth = float(((net * bits).sum(axis=1) / bits.sum(axis=1)).mean())
    found = ope.snips(world.sample(ids, action, at) - costs[action], weight)
    return bool(found.lower <= truth <= found.upper)


def report(found: list[Day]) -> str:
    """Markdown."""
    lines = [
        "| limits | days | decisions | contacts | no room | mean weight | from 1 | uniform's value"
        " in its interval |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        sigma = (one.mean - 1.0) / one.standard_error
        judged = "" if one.inside is None else f"{one.inside} of {one.days} days"
        lines.append(
            f"| {one.limits} | {one.days} | {one.decisions:,} | {one.contacts:.1%} |"
            f" {one.closed:.1%} | {one.mean:.4f} ± {one.standard_error:.4f} | {sigma:+.2f} s.e. |"
            f" {judged} |"
        )
    return "\n".join(lines) + "\n\n"
