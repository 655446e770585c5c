"""`bandit demo`: the whole loop on a generated operator whose true response is known."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.core import schema
from bandit.core.errors import UsageError
from bandit.core.files import aside, put_in_place
from bandit.core.types import SILENT, Array, Progress
from bandit.record import waves as record
from bandit.results.start import DemoResult, WaveScore
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate.journal import noted
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start import demo_score
from bandit.workflows.start.init import refuse_occupied
from bandit.worlds.files import Plan
from bandit.worlds.operator import World

DAYS_BETWEEN_WAVES = 14
RECENT_WAVES = 2
OUTCOMES = "outcomes.parquet"


def demo(
    *,
    folder: Path | None = None,
    customers: int = 50_000,
    waves: int = 8,
    seed: int = 1,
    curves: bool = False,
    progress: Progress = SILENT,
) -> DemoResult:
    """Generate an operator; serve, collect outcomes and learn, `waves` times.

    45 % of the customers keep business as usual (rules), 45 % get the learned policy (LinTS), 10 %
    are held out, always the same ones. A wave is two weeks after the one before, so that its
    window has closed. With ``curves`` each kind of event is learned by itself, and counts through
    the logit link.
    """
    world = World(customers, offers=20, channels=5, seed=seed)
    home = _generate(folder, world, Plan(apart=curves), progress)
    loop = _Loop(world, home)
    for number in range(1, waves + 1):
        loop.wave(number, _Within(progress, f"wave {number} of {waves}: "))
    return DemoResult(
        folder=home,
        customers=customers,
        offers=world.offers,
        channels=world.channels,
        unit="EUR",
        waves=tuple(loop.scores),
        learned_less_rules=loop.totals.learned_less_rules(),
        next=(
            f"bandit explain {home} 17",
            f"bandit report {home}",
            f"bandit simulate {home}",
        ),
    )


def _generate(folder: Path | None, world: World, plan: Plan, progress: Progress) -> Path:
    """The operator's folder: all of it or nothing."""
    if world.customers < 1:
        raise UsageError(f"customers must be at least 1, it is {world.customers}")
    home = folder or Path(tempfile.mkdtemp(prefix="bandit-demo-"))
    refuse_occupied(home)
    progress.step(f"generating {world.customers:,} customers")
    with aside(home.absolute()) as partial:
        world.write(partial, plan=plan)
        put_in_place((partial, home.absolute()))
    return home


class _Within:
    """Progress of a command inside the demo's one view."""

    def __init__(self, progress: Progress, prefix: str) -> None:
        self._progress, self._prefix = progress, prefix

    def step(self, text: str, total: int | None = None) -> None:
        self._progress.step(self._prefix + text, total)

    def advance(self, count: int) -> None:
        self._progress.advance(count)


class _Loop:
    """The operator's side of the loop: time passes, customers respond, events are delivered."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world, self._folder = world, folder
        self._waiting = schema.outcomes(pa.int64()).empty_table()
        self._contacted = np.zeros((RECENT_WAVES, world.customers), dtype=np.int64)
        self.scores: list[WaveScore] = []
        self.totals = demo_score.Totals(world.customers)

    def wave(self, number: int, progress: Progress) -> None:
        """Serve, let customers respond, learn what has come in until the next wave."""
        world = self._world
        at = world.origin + dt.timedelta(days=DAYS_BETWEEN_WAVES * (number - 1))
        until = at + dt.timedelta(days=DAYS_BETWEEN_WAVES)
        name = f"wave-{number:02d}"
        noted(self._folder, serve_batch(self._folder, wave=name, at=at, progress=progress))
        progress.step("customers respond")
        wave = next(w for w in record.waves(self._folder) if w.name == name)
        decided = demo_score.read(world, self._folder, wave)
        recent = self._contacted.sum(axis=0)[decided.ids - 1]
        events = world.respond(decided.table, at, recent=recent)
        net = demo_score.net_rewards(world, decided, events, at)
        self.totals.add(decided, net)
        self.scores.append(demo_score.score(world, wave, decided, net, at, recent))
        self._remember(number, decided.ids[decided.action > 0])
        self._deliver(events, until)
        events_file = self._folder / OUTCOMES
        noted(self._folder, learn(self._folder, outcomes=events_file, at=until, progress=progress))

    def _remember(self, number: int, contacted: Array) -> None:
        row = self._contacted[number % RECENT_WAVES]
        row[:] = 0
        row[contacted - 1] = 1

    def _deliver(self, events: pa.Table, until: dt.datetime) -> None:
        """Write what has happened by `until`; who withdrew consent is struck from the table."""
        known = pa.concat_tables([self._waiting, events])
        happened = pc.less(known["occurred_at"], pa.scalar(until, pa.timestamp("us", tz="UTC")))
        self._waiting = known.filter(pc.invert(happened))
        delivered = known.filter(happened)
        pq.write_table(delivered, self._folder / OUTCOMES)
        gone = delivered.filter(pc.equal(delivered["event"], "unsubscribe"))
        self._withdraw(gone["decision_id"])

    def _withdraw(self, decisions: pa.ChunkedArray) -> None:
        pattern = str(self._folder / record.WAVES / "*" / "decisions-*.parquet")
        with duckdb.connect(str(self._folder / "customers.duckdb")) as con:
            con.register("gone", pa.table({"decision_id": decisions}))
            con.execute(
                "INSERT INTO consents SELECT d.customer_id, d.channel::VARCHAR, false"
                " FROM read_parquet($1) d JOIN gone USING (decision_id)",
                [pattern],
            )
