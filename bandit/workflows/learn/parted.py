"""A wave's sums by many workers: a part a row group, folded in the stored order as on one machine.

An update adds the sums of its rows, made from zero, to what was there. So the sums of each batch
may be made anywhere, and adding them up in their order gives the same bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from bandit.core.errors import DataError
from bandit.core.types import Bool, Float32, Float64, Progress
from bandit.models.kinds import updated
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record.decisions import Decisions, Rows
from bandit.runners.runner import Cluster

_USE, _REWARDS = "use.npy", "rewards.npy"


class Ask(NamedTuple):
    """Row groups first to last of a ``file``, whose rows begin at ``start`` of the wave's.

    ``lengths`` are those of the batches that they are summed in. ``shape`` are k and d; ``folder``
    holds which rows teach and their rewards, float64[n] or of kinds float64[K, n].
    """

    folder: Path
    file: Path
    first: int
    last: int
    start: int
    lengths: list[int]
    shape: tuple[int, int]
    ridge: float


def summed(
    cluster: Cluster,
    folder: Path,
    decisions: Decisions,
    teaching: Callable[[Rows], Bool],
    rewards: Float64,
    ridge: float,
    progress: Progress,
) -> Posterior:
    """Sums over the rows that are ``teaching``, bool[n]; ``folder`` is empty and seen by all.

    Features are read by the workers, what is little by this process.
    """
    use, lengths = np.zeros(rewards.shape[-1], np.bool_), []
    for rows in decisions.rows("action"):
        use[rows.place] = teaching(rows)
        lengths.append(len(rows))
    np.save(folder / _USE, use)
    np.save(folder / _REWARDS, rewards)
    kinds = 1 if rewards.ndim == 1 else len(rewards)
    shape = (len(decisions.wave.actions) * kinds, decisions.wave.manifest.d)
    found = _cut(decisions.files, list(accumulate(lengths)))
    asked = [Ask(folder, *where, shape, ridge) for where in found]
    posterior = Posterior.prior(*shape, ridge=ridge)
    for paths in cluster.each(f"summing wave {decisions.wave.name}", sums, asked, progress):
        for path in paths:
            part = load_posterior(path)
            if not isinstance(part, Posterior):
                raise DataError(f"{path}: a worker's part holds plain sums; run the command again")
            posterior = posterior.merge(part)
    return posterior


def sums(ask: Ask, attempt: str) -> list[Path]:
    """The sums of each batch of some row groups, in files under the attempt's name."""
    use = np.load(ask.folder / _USE, mmap_mode="r", allow_pickle=False)
    rewards = np.load(ask.folder / _REWARDS, mmap_mode="r", allow_pickle=False)
    prior = Posterior.prior(*ask.shape, ridge=ask.ridge)
    with pq.ParquetFile(ask.file) as file:
        groups = file.read_row_groups(range(ask.first, ask.last), ["action", "features"])
    action = groups["action"].combine_chunks().to_numpy()
    contexts: Float32 = groups["features"].combine_chunks().flatten().to_numpy()
    contexts = contexts.reshape(action.shape[0], -1)
    made, at = [], 0
    for length in ask.lengths:
        here, place = slice(at, at + length), slice(ask.start + at, ask.start + at + length)
        keep = np.asarray(use[place])
        told = np.ascontiguousarray(rewards[..., place][..., keep])
        part = updated(prior, contexts[here][keep], action[here][keep], told)
        path = ask.folder / f"{ask.start + at:012d}-{attempt}.safetensors"
        save_posterior(path, part)
        made.append(path)
        at += length
    return made


def _cut(
    paths: Sequence[Path], ends: Sequence[int]
) -> Iterator[tuple[Path, int, int, int, list[int]]]:
    """Where an ask's rows lie: as few row groups as end with a batch of the reader.

    Batches mostly are row groups; those of a file that was written otherwise may lie across them.
    """
    start, batch = 0, 0
    for path in paths:
        about = pq.read_metadata(path)
        first, end = 0, start
        for group in range(about.num_row_groups):
            end += about.row_group(group).num_rows
            last = bisect_left(ends, end)
            if last < len(ends) and ends[last] == end:
                borders = [start, *ends[batch : last + 1]]
                lengths = [after - before for before, after in pairwise(borders)]
                yield path, first, group + 1, start, lengths
                first, start, batch = group + 1, end, last + 1
