"""Everybody decided for and written aside: batch by batch here, or by many workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from bandit.core.types import Progress
from bandit.runners.runner import Runner
from bandit.workflows.serve.assemble import Assembler
from bandit.workflows.serve.choice_cache import Chosen
from bandit.workflows.serve.decide import Decider
from bandit.workflows.serve.hard_caps import Planned, Thinning
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.publish import Target
from bandit.workflows.serve.summary import WaveTally
from bandit.workflows.serve.wave import Taken, Wave

CELLS = 1 << 25
"""Most customers times actions that are decided for at a time: what memory holds of them."""


class Deciding(Protocol):
    """Decides a wave for everybody, and again where lots are drawn."""

    def everybody(
        self,
        wave: Wave,
        rule: Thinning | None,
        parts: Sequence[Limits],
        target: Target,
        progress: Progress,
    ) -> tuple[WaveTally, Planned]:
        """Write the decisions aside; with a ``rule`` those of the call before, thinned.

        ``parts``: the limits of each population.
        """


class Here(NamedTuple):
    """Decides in this process; memory holds a few batches.

    ``choices`` is a folder where they are kept for lots, None where none can be drawn.
    """

    runner: Runner
    batches: Iterable[Prepared]
    choices: Path | None

    def everybody(
        self,
        wave: Wave,
        rule: Thinning | None,
        parts: Sequence[Limits],
        target: Target,
        progress: Progress,
    ) -> tuple[WaveTally, Planned]:
        """See `Deciding`."""
        decider = Decider(wave, rule, None if self.choices is None else Chosen(self.choices))
        tally, assembler = WaveTally(wave.plan), Assembler(wave)
        planned = Planned(wave, limited=bool(parts[0].names))

        with target.writer(assembler.schema) as write:

            def decide(numbered: tuple[int, Prepared]) -> tuple[list[Taken], Prepared]:
                number, batch = numbered
                return decider.decide(batch, number), batch

            def keep(part: tuple[list[Taken], Prepared]) -> None:
                slots, batch = part
                decisions = assembler.of(slots, batch)
                write(decisions)
                tally.add(slots, batch, decisions)
                planned.add(slots, batch)
                progress.advance(len(batch.ids))

            cells = CELLS // self.runner.hands
            pieces = (piece for batch in self.batches for piece in batch.parts(cells))
            self.runner.write(keep, self.runner.map(decide, enumerate(pieces)))
        return tally, planned
