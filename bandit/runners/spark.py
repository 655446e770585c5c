"""Run on Spark: tasks take ranges of items, results come back in order, files do the rest."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

from bandit.core import errors, files
from bandit.core.types import Progress
from bandit.results.cluster import ClusterWork
from bandit.runners import task
from bandit.runners.spark_faults import (
    explained,
    hold_installed,
    hold_reachable,
    hold_same,
    of_table,
)
from bandit.runners.task import Chunk, Finished, Place

Item = TypeVar("Item")
Part = TypeVar("Part")

CHUNKS_PER_CORE = 4
"""Tasks a core of a step: few enough to cost nothing, enough that slow ones matter little."""
PROOF = ".proof.partial"
"""A file that every executor must see as it was written; `record` sweeps it if a run dies."""
_LOOK_SECONDS = 0.2
_TIMES = "spark.sql.parquet.outputTimestampType"
_SETTINGS = {
    "spark.app.name": "bandit",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "FATAL",
    "spark.executorEnv.PYTHONWARNINGS": "ignore::FutureWarning",
}


class Spark:
    """A `Cluster` of Spark's executors.

    Parameters
    ----------
    master
        As Spark calls it; None takes what spark-submit or the surroundings say, else this machine.
    options
        Spark's own, by their names.
    partitions
        Tasks a step; by default some a core. No result depends on it.
    shared
        A folder that all machines see under this path.
    """

    def __init__(
        self,
        master: str | None,
        options: Mapping[str, str],
        partitions: int | None,
        shared: Path,
    ) -> None:
        hold_installed()
        if master is not None:
            hold_reachable(master)
        self._master, self._options, self._partitions = master, dict(options), partitions
        self._proof = shared / PROOF
        self._content = uuid4().hex
        self._context: Any = None
        self._own = False
        self._executors: set[str] = set()
        self._tasks = self._retries = self._memory = 0

    def __enter__(self) -> Self:
        """Begin, or take the session that runs already; the driver's files must be seen."""
        files.write_bytes(self._proof, self._content.encode())
        try:
            self._context, self._own = _context(self._master, self._options)
        except BaseException:
            files.remove(self._proof)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        files.remove(self._proof)
        if self._own:
            self._context.stop()

    def probe(self, progress: Progress) -> None:
        """ConfigError names the executor that is not fit, what differs and the remedy.

        Executors that come later are asked by their first task.
        """
        self.each("looking at executors", task.look, range(self._cores), progress)

    def each(
        self,
        step: str,
        work: Callable[[Item, str], Part],
        items: Sequence[Item],
        progress: Progress,
    ) -> list[Part]:
        """See `Cluster`."""
        chunks = _chunks(items, self._partitions or CHUNKS_PER_CORE * self._cores)
        if not chunks:
            return []
        progress.step(f"{step}: tasks on Spark", total=len(chunks))
        expected = task.here(self._proof, self._content)
        found = self._collected(partial(_attempt, work, expected), chunks, progress)
        found.sort(key=lambda finished: finished.number)
        if [finished.number for finished in found] != list(range(len(chunks))):
            raise RuntimeError("Spark did not give each task's result once")
        for finished in found:
            if finished.refused is not None:
                kind, text = finished.refused
                raise vars(errors)[kind](text)
            self._executors.add(finished.executor)
            self._memory = max(self._memory, finished.memory_mb)
        self._tasks += len(chunks)
        return [part for finished in found for part in finished.parts]

    def table(self, name: str, folder: Path) -> None:
        """See `Cluster`."""
        from py4j.protocol import Py4JError  # noqa: PLC0415 - needs the extra
        from pyspark.errors import PySparkException  # noqa: PLC0415 - needs the extra
        from pyspark.sql import SparkSession  # noqa: PLC0415 - needs the extra

        session = SparkSession.builder.getOrCreate()
        before = str(session.conf.get(_TIMES))
        # Instants are marked as such; in Spark's older form they are times of nowhere.
        session.conf.set(_TIMES, "TIMESTAMP_MICROS")
        try:
            session.table(name).write.parquet(folder.as_uri())
        except (PySparkException, Py4JError) as e:
            raise of_table(name, e) from None
        finally:
            session.conf.set(_TIMES, before)

    def done(self) -> ClusterWork:
        """See `Cluster`."""
        return ClusterWork(
            str(self._context.master),
            len(self._executors),
            self._tasks,
            self._retries,
            self._memory,
        )

    @property
    def _cores(self) -> int:
        return max(1, int(self._context.defaultParallelism))

    def _collected(
        self, work: Callable[[Chunk], Finished], chunks: list[Chunk], progress: Progress
    ) -> list[Finished]:
        """Results as they are when all are done; meanwhile the progress is told."""
        group = uuid4().hex

        def collect() -> list[Finished]:
            self._context.setJobGroup(group, "bandit", interruptOnCancel=True)
            spread = self._context.parallelize(chunks, len(chunks))
            found: list[Finished] = spread.map(work).collect()
            return found

        with ThreadPoolExecutor(1, thread_name_prefix="bandit-spark") as pool:
            waiting = pool.submit(collect)
            try:
                self._watch(group, waiting, progress)
                return waiting.result()
            except BaseException as e:
                self._context.cancelJobGroup(group)
                told = explained(e)
                if told is None:
                    raise
                raise told from e
            finally:
                self._retries += self._counts(group)[1]

    def _watch(self, group: str, waiting: Future[list[Finished]], progress: Progress) -> None:
        told = 0
        while not waiting.done():
            completed = self._counts(group)[0]
            progress.advance(completed - told)
            told = completed
            time.sleep(_LOOK_SECONDS)

    def _counts(self, group: str) -> tuple[int, int]:
        """Tasks that are done, and attempts that were lost."""
        tracker = self._context.statusTracker()
        stages = [
            tracker.getStageInfo(stage)
            for job in tracker.getJobIdsForGroup(group)
            for stage in tracker.getJobInfo(job).stageIds
        ]
        known = [stage for stage in stages if stage is not None]
        return sum(s.numCompletedTasks for s in known), sum(s.numFailedTasks for s in known)


def _attempt(work: Callable[[Any, str], Any], expected: Place, chunk: Chunk) -> Finished:
    """On an executor: one attempt at a chunk, named by Spark's own number of it."""
    from pyspark import TaskContext  # noqa: PLC0415 - needs the extra

    about = TaskContext.get()
    if about is None:
        raise RuntimeError("this is no task of Spark's")
    return task.run(work, expected, chunk, str(about.taskAttemptId()), about.cpus())


def _context(master: str | None, options: Mapping[str, str]) -> tuple[Any, bool]:
    """The context, and whether it is ours to stop."""
    with warnings.catch_warnings():
        # About pandas, of which nothing is used here.
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - needs the extra

        running = vars(SparkContext)["_active_spark_context"]
        if running is not None:
            hold_same(str(running.master), master)
            return running, False
        settings = SparkConf()
        for name, value in {**_SETTINGS, **options}.items():
            settings.set(name, value)
        if master is not None:
            settings.setMaster(master)
        try:
            return SparkContext.getOrCreate(settings), True
        except Exception as e:
            told = explained(e)
            if told is None:
                raise
            raise told from e


def _chunks(items: Sequence[Any], most: int) -> list[Chunk]:
    """Ranges of nearly equal length, ``most`` of them or one an item."""
    count = min(most, len(items))
    borders = [len(items) * i // count for i in range(count + 1)] if count else []
    return [Chunk(i, list(items[a:b])) for i, (a, b) in enumerate(pairwise(borders))]
