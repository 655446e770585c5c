"""Everybody decided for and written aside: batch by batch here, or by many workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    """Decides a wave for everybody: in one step, or in two where there are limits."""

    def planned(self, wave: Wave, parts: Sequence[Limits], progress: Progress) -> Planned:
        """Draw everybody's actions and keep them: nothing is written before lots are known.

        ``parts``: the limits of each population.
        """

    def everybody(
        self, wave: Wave, rule: Thinning | None, target: Target, progress: Progress
    ) -> WaveTally:
        """Write the decisions aside; those that were `planned`, if they were, by the ``rule``."""


class Here(NamedTuple):
    """Decides in this process; memory holds a few batches.

    ``choices`` is a folder where they are kept for lots, None where none can be drawn.
    """

    runner: Runner
    batches: Iterable[Prepared]
    choices: Path | None

    def planned(self, wave: Wave, parts: Sequence[Limits], progress: Progress) -> Planned:
        """See `Deciding`."""
        decider, planned = self._decider(wave), Planned(wave, limited=bool(parts[0].names))

        def keep(part: tuple[list[Taken], Prepared]) -> None:
            slots, batch = part
            planned.add(slots, batch)
            progress.advance(len(batch.ids))

        self._each(decider.plan, keep)
        return planned

    def everybody(
        self, wave: Wave, rule: Thinning | None, target: Target, progress: Progress
    ) -> WaveTally:
        """See `Deciding`."""
        decider = self._decider(wave, rule)
        tally, assembler = WaveTally(wave.plan), Assembler(wave)

        with target.writer(assembler.schema) as write:

            def keep(part: tuple[list[Taken], Prepared]) -> None:
                slots, batch = part
                decisions = assembler.of(slots, batch)
                write(decisions)
                tally.add(slots, batch, decisions)
                progress.advance(len(batch.ids))

            self._each(decider.decide, keep)
        return tally

    def _decider(self, wave: Wave, rule: Thinning | None = None) -> Decider:
        return Decider(wave, rule, None if self.choices is None else Chosen(self.choices))

    def _each(
        self,
        decide: Callable[[Prepared, int], list[Taken]],
        keep: Callable[[tuple[list[Taken], Prepared]], None],
    ) -> None:
        def decided(numbered: tuple[int, Prepared]) -> tuple[list[Taken], Prepared]:
            number, batch = numbered
            return decide(batch, number), batch

        cells = CELLS // self.runner.hands
        pieces = (piece for batch in self.batches for piece in batch.parts(cells))
        self.runner.write(keep, self.runner.map(decided, enumerate(pieces)))
