"""Everybody decided for by many workers: a batch is a pure function of the wave and its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from bandit.core import files
from bandit.core.types import Array, Progress
from bandit.record import waves as record
from bandit.record.waves import DecisionWriter
from bandit.runners.runner import Cluster
from bandit.workflows.serve import spool
from bandit.workflows.serve.assemble import Assembler
from bandit.workflows.serve.choice_cache import Chosen
from bandit.workflows.serve.decide import Decider
from bandit.workflows.serve.hard_caps import Planned, Thinning
from bandit.workflows.serve.job import BATCHES, PARTS, Job
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.publish import Target
from bandit.workflows.serve.summary import WaveTally
from bandit.workflows.serve.wave import Wave

_DECISIONS, _LOTS = "decisions.arrow", "lots.npz"


class Ask(NamedTuple):
    """Decide batch ``number`` as ``order`` says; ``before``: the part that drew its choices."""

    job: Job
    order: str
    number: int
    before: str | None


class Drawn(NamedTuple):
    """A batch that is drawn: ``part`` is the folder of the attempt.

    ``planned`` int64[p, k]: outbound contacts by population.
    """

    part: str
    planned: Array


class Done(NamedTuple):
    """A batch that is decided: ``part`` is the folder of the attempt, of ``rows`` decisions."""

    part: str
    rows: int
    tally: WaveTally


class Piece(NamedTuple):
    """Rows first to last of a part."""

    part: str
    first: int
    last: int


class Whole(NamedTuple):
    """One file of the record, by its ``number``, from its pieces in their order."""

    job: Job
    number: int
    pieces: list[Piece]


class Apart:
    """A `Deciding` on a cluster: its parts are put together in the order of the batches."""

    def __init__(self, cluster: Cluster, job: Job, batches: int) -> None:
        self._cluster, self._job, self._batches = cluster, job, batches
        self._before: list[str | None] = [None] * batches

    def planned(self, wave: Wave, parts: Sequence[Limits], progress: Progress) -> Planned:
        """See `Deciding`."""
        found = self._cluster.each("deciding", draw, self._asked("draws", wave, None), progress)
        self._before = [drawn.part for drawn in found]
        planned = Planned(wave, limited=bool(parts[0].names))
        for drawn in found:
            planned.merge(drawn.planned, self._job.folder / PARTS / drawn.part / _LOTS)
        return planned

    def everybody(
        self, wave: Wave, rule: Thinning | None, target: Target, progress: Progress
    ) -> WaveTally:
        """See `Deciding`."""
        found = self._cluster.each("deciding", decide, self._asked("lots", wave, rule), progress)
        tally = WaveTally(wave.plan)
        for done in found:
            tally.merge(done.tally)
        self._write(found, Assembler(wave).schema, target, progress)
        return tally

    def _asked(self, order: str, wave: Wave, rule: Thinning | None) -> list[Ask]:
        self._job.order(order, wave, rule)
        return [Ask(self._job, order, n, before) for n, before in enumerate(self._before)]

    def _write(
        self, found: Sequence[Done], schema: pa.Schema, target: Target, progress: Progress
    ) -> None:
        if not found:
            with target.writer(schema):
                return
        folder, _ = target.wave
        cut = _files([(done.part, done.rows) for done in found])
        asked = [Whole(self._job, number, pieces) for number, pieces in enumerate(cut)]
        made = self._cluster.each("writing decisions", write_whole, asked, progress)
        for number, path in enumerate(made):
            files.bring(path, folder / record.file_name(number))


def draw(ask: Ask, attempt: str) -> Drawn:
    """Draw a batch of the spool: its choices and lots stand under the attempt's name."""
    wave, rule = ask.job.ordered(ask.order)
    part, folder = _part(ask, attempt)
    batch = spool.read(ask.job.folder / BATCHES, ask.number)
    planned = Planned(wave, limited=True)
    planned.add(Decider(wave, rule, Chosen(folder)).plan(batch, ask.number), batch)
    planned.save(folder / _LOTS)
    return Drawn(part, planned.counts)


def decide(ask: Ask, attempt: str) -> Done:
    """Decide for a batch of the spool, and leave its decisions under the attempt's name."""
    wave, rule = ask.job.ordered(ask.order)
    part, folder = _part(ask, attempt)
    chosen = None if ask.before is None else Chosen(ask.job.folder / PARTS / ask.before)
    tally, assembler = WaveTally(wave.plan), Assembler(wave)
    batch = spool.read(ask.job.folder / BATCHES, ask.number)
    slots = Decider(wave, rule, chosen).decide(batch, ask.number)
    decisions = assembler.of(slots, batch)
    with (
        pa.OSFile(str(folder / _DECISIONS), "wb") as sink,
        pa.ipc.new_file(sink, decisions.schema) as writer,
    ):
        writer.write_batch(decisions)
    tally.add(slots, batch, decisions)
    return Done(part, decisions.num_rows, tally)


def _part(ask: Ask, attempt: str) -> tuple[str, Path]:
    """Name and folder of what an attempt leaves."""
    part = f"{ask.order}-{ask.number:06d}-{attempt}"
    folder = ask.job.folder / PARTS / part
    folder.mkdir()
    return part, folder


def write_whole(ask: Whole, attempt: str) -> Path:
    """One file of the record, written under the attempt's name."""
    parts = ask.job.folder / PARTS
    folder = parts / f"whole-{ask.number:04d}-{attempt}"
    folder.mkdir()
    writer = None
    for piece in ask.pieces:
        with pa.OSFile(str(parts / piece.part / _DECISIONS), "rb") as source:
            batch = pa.ipc.open_file(source).get_batch(0)
            writer = writer or DecisionWriter(folder, batch.schema)
            writer.write(batch.slice(piece.first, piece.last - piece.first))
    if writer is None:
        raise RuntimeError("a file without pieces was asked for")
    writer.close()
    return folder / record.file_name(0)


def _files(parts: Sequence[tuple[str, int]]) -> Iterator[list[Piece]]:
    """The parts' rows cut as `DecisionWriter` cuts them into files."""
    size, room = record.ROWS_PER_GROUP * record.GROUPS_PER_FILE, 0
    pieces: list[Piece] = []
    for part, rows in parts:
        at = 0
        while at < rows:
            if room == 0:
                if pieces:
                    yield pieces
                pieces, room = [], size
            step = min(rows - at, room)
            pieces.append(Piece(part, at, at + step))
            at, room = at + step, room - step
    if pieces:
        yield pieces
