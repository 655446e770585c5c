"""A campaign driven by any sequence of commands, each held to the twin's counts and sums.

A step is a name and a number that its choices are drawn from, so that a sequence can be cut
anywhere and the other steps stay what they were.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from bandit.core.errors import BanditError, DataError
from bandit.core.types import SILENT
from bandit.record.erase import UnknownPersonError
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.status import status
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.what_if import what_if
from tests import campaigns
from tests.journeys import holds, twin
from tests.journeys.kills import killed
from tests.journeys.world import World

WINDOW = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
Step = tuple[str, int]
Told = tuple[dict[str, float], Counter[str], Counter[str]]


class OptOuts:
    """A progress during which people refuse, between scoring and lists."""

    def __init__(self, world: World, draw: Random) -> None:
        self._world, self._draw = world, draw

    def step(self, text: str, total: int | None = None) -> None:
        SILENT.step(text, total)
        if text.startswith("reading consents again"):
            self._world.refuse(self._draw, 12)

    def advance(self, count: int) -> None:
        SILENT.advance(count)


class Machine:
    """One campaign; `at` is its clock, `explained` and `reported` what was said of its waves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World(folder)
        self.at = campaigns.MONDAY
        self.served = self.delivered = 0
        self.seen: set[str] = set()
        self.explained: dict[tuple[str, int], Any] = {}
        self.reported: dict[str, Any] = {}
        self.outcomes: Counter[str] = Counter()
        self.serve(Random(0))

    def play(self, steps: Iterable[Step]) -> None:
        """Take the steps; after each, the record is whole and nobody was contacted wrongly."""
        for name, number in steps:
            getattr(self, name)(Random(number))
            self.outcomes[name] += 1
            holds.whole(self.folder)

    # --- The campaign goes on -------------------------------------------------------------------

    def serve(self, draw: Random) -> None:
        """A wave; the clock may stand still or be set back, and people refuse meanwhile."""
        self.at += draw.choice([0, 0, 1, 3, 8, -2]) * DAY
        self._serve(OptOuts(self.world, draw) if draw.random() < 0.3 else SILENT)

    def serve_a_day_on(self, draw: Random) -> None:
        """Time goes on: windows close."""
        self.at += draw.choice([1, 4, 8]) * DAY
        self._serve(SILENT)

    def _serve(self, progress: Any) -> None:
        self.served += 1
        name = f"w{self.served}"
        with self._watched():
            summary = serve_batch(self.folder, wave=name, at=self.at, progress=progress)
        wave = next(w for w in twin.waves(self.folder) if w.name == name)
        holds.summary(summary, wave)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """New waves contact nobody whom the twin forbids, however the block served them.

        Lists that the block wrote, late ones too, hold whom the consents of this moment allow.
        """
        before = twin.waves(self.folder)
        asked = self.world.as_of_now()
        yield
        kept = twin.waves(self.folder)
        new = [w for w in kept if w.name not in {b.name for b in before}]
        for wave in new:
            assert not set(wave.rows["customer_id"]) & self.world.gone
            holds.agreed(wave.made, wave, asked)
            holds.pressure(wave, [w for w in before if w.name != wave.name], self.world.settings)
            before.append(wave)
        for wave in kept:
            listed = holds.lists(self.folder, wave)
            if listed is not None and wave.name not in self.seen:
                self.seen.add(wave.name)
                holds.agreed(listed, wave, self.world.allowed)

    def deliver(self, draw: Random) -> None:
        """Outcomes of a few decisions, by decision or by customer, inside the window or not."""
        wave = draw.choice(twin.waves(self.folder))
        some = wave.rows.sample(min(6, wave.rows.height), seed=draw.randrange(1000))
        after, named = draw.choice([0, 1, 6, 9]), draw.random() < 0.5
        reward = draw.choice([0.0, 1.0, 12.5, -3.0])
        rows = []
        for number, row in enumerate(some.to_dicts()):
            again = self.delivered and draw.random() < 0.2
            rows.append({
                "event_id": f"e{self.delivered - bool(again)}-{number}",
                "decision_id": row["decision_id"] if named else None,
                "customer_id": None if named else row["customer_id"],
                "event": "sale",
                "reward": reward,
                "occurred_at": (wave.at + after * DAY).isoformat(),
            })  # fmt: skip
        self.delivered += 1
        self._learn(campaigns.outcomes(self.folder / "outcomes.csv", rows))

    def learn_again(self, draw: Random) -> None:
        """Learn, some days later than the last wave or on its day; the clock stays."""
        self._learn(None, self.at + draw.choice([0, 0, 3, 10]) * DAY)

    def _learn(self, outcomes: Path | None, at: dt.datetime | None = None) -> None:
        at = at or self.at
        with self._watched():
            try:
                summary = learn(self.folder, outcomes=outcomes, at=at)
            except DataError as e:
                # A closed window without any event is refused; nothing else may be.
                if "--no-events" not in str(e):
                    raise
                return
        kept = twin.waves(self.folder)
        holds.learned(self.folder, summary, kept, at, WINDOW)

    def roll_back(self, draw: Random) -> None:
        """An older snapshot is the newest again."""
        versions = sorted(p.name for p in (self.folder / "snapshots").glob("[!.]*"))
        if versions:
            version = draw.choice(versions)
            assert rollback(self.folder, version=version).restored == version

    def delete_wave(self, draw: Random) -> None:
        """Somebody deletes a wave's folder and its lists, which no command does."""
        kept = twin.waves(self.folder)
        if len(kept) > 2 and draw.random() < 0.5:
            name = draw.choice(kept).name
            for place in ("waves", "exports"):
                shutil.rmtree(self.folder / place / name, ignore_errors=True)
            self.reported.pop(name, None)
            self.explained = {k: v for k, v in self.explained.items() if k[0] != name}

    # --- What the user changes ------------------------------------------------------------------

    def edit(self, draw: Random) -> None:
        """Something in campaign.toml becomes another, or what it was again."""
        self.world.edit(draw)

    def change_people(self, draw: Random) -> None:
        """Other people, other values."""
        self.world.change(draw)

    def refuse(self, draw: Random) -> None:
        """People refuse, in thirty spellings; or one agrees again."""
        if draw.random() < 0.3:
            self.world.agree(draw)
        else:
            self.world.refuse(draw, 4)

    def forget_somebody(self, draw: Random) -> None:
        """A person leaves: out of the user's table, then out of the record, by a spelled key."""
        customer = self._leaves(draw)
        had = self._rows_of(customer)
        try:
            result = forget(self.folder, customers=[self._spelled(draw, customer)])
        except UnknownPersonError:
            assert not had
            return
        assert result.decisions == had
        assert not self._rows_of(customer)

    def _leaves(self, draw: Random) -> int:
        customer = int(draw.choice(self.world.people["customer_id"].to_list()))
        self.world.gone.add(customer)
        self.world.write()
        self.reported.clear()
        self.explained = {k: v for k, v in self.explained.items() if k[1] != customer}
        return customer

    @staticmethod
    def _spelled(draw: Random, customer: int) -> str:
        return draw.choice([str(customer), f" {customer} ", f"00{customer}", f"{customer}\u200b"])

    def _rows_of(self, customer: int) -> int:
        return sum((w.rows["customer_id"] == customer).sum() for w in twin.waves(self.folder))

    # --- Commands that die ----------------------------------------------------------------------

    def serve_dies(self, draw: Random) -> None:
        """A wave that is published, or is not; the next command writes or withholds its lists."""
        self.at += draw.choice([0, 1]) * DAY
        self.served += 1
        name, call = f"w{self.served}", draw.randrange(80)
        with self._watched():
            killed(lambda: serve_batch(self.folder, wave=name, at=self.at), call)
            self._recovered(draw)

    def learn_dies(self, draw: Random) -> None:
        """What was learned is there, or is not."""
        killed(lambda: self._learn(None), draw.randrange(40))
        self._recovered(draw)

    def rollback_dies(self, draw: Random) -> None:
        """The newest snapshot is the old one or the new one."""
        killed(lambda: self.roll_back(Random(1)), draw.randrange(12))
        self._recovered(draw)

    def forget_dies(self, draw: Random) -> None:
        """Whoever is forgotten again after the crash is in no row of the record."""
        customer = self._leaves(draw)
        killed(lambda: self._forget(customer), draw.randrange(60))
        if draw.random() < 0.5:
            self._recovered(draw)
        self._forget(customer)
        assert not self._rows_of(customer)
        assert not (self.folder / ".forget").exists()

    def _forget(self, customer: int) -> None:
        """Refused only for somebody of whom the record holds no row."""
        try:
            forget(self.folder, customers=[str(customer)])
        except UnknownPersonError:
            assert not self._rows_of(customer)

    def _recovered(self, draw: Random) -> None:
        """The next command does what the dead one left."""
        if draw.random() < 0.5:
            self._learn(None)
        else:
            self._serve(SILENT)
        assert not [*self.folder.glob("*/.*.partial"), *self.folder.glob(".*.partial")]

    # --- What is said of the past ---------------------------------------------------------------

    def report_all(self, draw: Random) -> None:
        """Every wave's page: groups by the twin, and what was said before edits is said again."""
        del draw
        kept = twin.waves(self.folder)
        total, _, _ = twin.rewards(kept, twin.events(self.folder), WINDOW)
        for wave in kept:
            result = report(self.folder, wave=wave.name, at=self.at)
            said = holds.reported(result, wave, total)
            assert self.reported.setdefault(wave.name, said) == said

    def explain_somebody(self, draw: Random) -> None:
        """What is explained is what stands in the record, today as before."""
        wave = draw.choice(twin.waves(self.folder))
        customer = draw.choice(sorted(set(wave.rows["customer_id"])))
        result = explain(self.folder, customer=str(customer), wave=wave.name)
        mine = wave.rows.filter(pl.col("customer_id") == customer).to_dicts()
        assert len(result.slots) == len(mine)
        for slot, row in zip(result.slots, mine, strict=True):
            assert (slot.offer, slot.channel) == (row["offer"], row["channel"])
            assert (slot.propensity, slot.group) == (row["propensity"], row["group"])
        said = result.slots
        assert self.explained.setdefault((wave.name, customer), said) == said

    def export_somebody(self, draw: Random) -> None:
        """All rows about a person."""
        kept = twin.waves(self.folder)
        customer = draw.choice(sorted(set(draw.choice(kept).rows["customer_id"])))
        result = export_customer(self.folder, customer=self._spelled(draw, customer))
        rows = [w.rows.filter(pl.col("customer_id") == customer) for w in kept]
        assert len(result.decisions) == sum(r.height for r in rows)
        assert sum(d["withheld"] for d in result.decisions) == sum(
            r["withheld"].sum() for r in rows
        )
        ids = {i for r in rows for i in r["decision_id"]}
        told = twin.events(self.folder)
        mine = [e for e in told if e["customer_id"] == customer or e["decision_id"] in ids]
        assert len(result.outcomes) == len(mine)

    def simulate_waves(self, draw: Random) -> None:
        """What the log earned, by the twin; waves that cannot be judged are refused in words."""
        kept = twin.waves(self.folder)
        at = self.at + draw.choice([0, 30]) * DAY
        try:
            result = simulate(self.folder, at=at)
        except BanditError as e:
            self.outcomes[f"simulate: {str(e)[:60]}"] += 1
            return
        total, _, _ = twin.rewards(kept, twin.events(self.folder), WINDOW)
        holds.simulated(result, [w for w in kept if w.at + WINDOW <= at], total)

    def ask_what_if(self, draw: Random) -> None:
        """Nothing is written, and everybody is looked at."""
        before = campaigns.bytes_of(self.folder)
        limit = draw.choice(["limits.max_contacts", "channels.email.capacity"])
        result = what_if(self.folder, limit=limit, low=0, high=40, points=2, at=self.at)
        assert result.total == result.customers == self.world.people.height
        assert result.points[0].value <= result.points[1].value + 1e-6
        assert campaigns.bytes_of(self.folder) == before

    def try_a_wave(self, draw: Random) -> None:
        """A dry run writes nothing."""
        before = campaigns.bytes_of(self.folder)
        at = self.at + draw.choice([0, 5]) * DAY
        summary = serve_batch(self.folder, wave="dry", at=at, dry_run=True)
        assert summary.customers == self.world.people.height
        assert campaigns.bytes_of(self.folder) == before

    def ask_status(self, draw: Random) -> None:
        """Waves, what is closed, snapshots."""
        at = self.at + draw.choice([0, 7]) * DAY
        holds.stated(status(self.folder, at=at), twin.waves(self.folder), at, WINDOW, self.folder)


OFTEN = {"serve": 3, "serve_a_day_on": 2, "deliver": 3, "edit": 3, "refuse": 2, "report_all": 2}
STEPS = [
    "serve", "serve_a_day_on", "deliver", "learn_again", "roll_back", "delete_wave", "edit",
    "change_people", "refuse", "forget_somebody", "serve_dies", "learn_dies", "rollback_dies",
    "forget_dies", "report_all", "explain_somebody", "export_somebody", "simulate_waves",
    "ask_what_if", "try_a_wave", "ask_status",
]  # fmt: skip
DRAWN = [name for name in STEPS for _ in range(OFTEN.get(name, 1))]


def drawn(seed: int, count: int) -> list[Step]:
    """``count`` steps of a seed."""
    draw = Random(seed)
    return [(draw.choice(DRAWN), draw.randrange(10_000)) for _ in range(count)]
