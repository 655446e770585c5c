"""The search for prices, its passes over everybody made by many workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bandit.allocation import passes
from bandit.allocation.blocks import AnyBlock
from bandit.allocation.passes import Contenders
from bandit.allocation.problem import Problem
from bandit.core.types import Float64, Progress
from bandit.runners.runner import Cluster
from bandit.workflows.serve import spool
from bandit.workflows.serve.job import BATCHES, PARTS, Job
from bandit.workflows.serve.worth import Worth, drawn


class Ask(NamedTuple):
    """Who of a share of batch ``number`` can still win what, at the costs of file ``box``.

    ``population`` narrows it to one; None is everybody.
    """

    job: Job
    box: str
    number: int
    share: float
    population: int | None


class ManyHands:
    """A `Many` on a cluster."""

    def __init__(self, cluster: Cluster, job: Job, batches: int, progress: Progress) -> None:
        self.cluster, self.job, self.batches, self.progress = cluster, job, batches, progress
        self.boxes = 0

    def blocks(
        self, here: Iterable[AnyBlock], share: float, population: int | None
    ) -> Iterable[AnyBlock]:
        """See `Many`."""
        return _Spread(self, here, share, population)


class _Spread:
    """Blocks that are `Elsewhere`."""

    def __init__(
        self, hands: ManyHands, here: Iterable[AnyBlock], share: float, population: int | None
    ) -> None:
        self._hands, self._here, self._share = hands, here, share
        self._population = population

    def __iter__(self) -> Iterator[AnyBlock]:
        return iter(self._here)

    def parts(self, problem: Problem, low: Float64, high: Float64) -> Iterator[Contenders]:
        """See `Elsewhere`: arrays come by files, in the order of the batches."""
        hands, job = self._hands, self._hands.job
        box = f"box-{hands.boxes:03d}.npz"
        hands.boxes += 1
        np.savez(job.folder / box, low=low, high=high, **problem._asdict())
        asked = [
            Ask(job, box, number, self._share, self._population) for number in range(hands.batches)
        ]
        found = hands.cluster.each("who can still win", look, asked, hands.progress)
        hands.progress.step("finding prices")
        for path in found:
            if path is not None:
                yield _read(path, problem)


def look(ask: Ask, attempt: str) -> Path | None:
    """The contenders of a batch in a file under the attempt's name; None where nobody is drawn."""
    wave = ask.job.wave()
    with np.load(ask.job.folder / ask.box, allow_pickle=False) as kept:
        arrays = dict(kept)
    low, high = arrays.pop("low"), arrays.pop("high")
    problem = Problem(**{**arrays, "slots": int(arrays["slots"])})
    batch = spool.read(ask.job.folder / BATCHES, ask.number)
    some = drawn(wave, batch, ask.share, ask.population)
    if some is None:
        return None
    found = passes.contenders(Worth(wave).blocks(some), problem, low, high)
    path = ask.job.folder / PARTS / f"{Path(ask.box).stem}-{ask.number:06d}-{attempt}.npz"
    content = found._asdict()
    del content["problem"]
    np.savez(path, **content)
    return path


def _read(path: Path, problem: Problem) -> Contenders:
    with np.load(path, allow_pickle=False) as kept:
        arrays = dict(kept)
    numbers = {
        "fixed_value": float(arrays["fixed_value"]),
        "customers": int(arrays["customers"]),
        "problem": problem,
    }
    return Contenders(**{**arrays, **numbers})
