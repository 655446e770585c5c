"""The local runner keeps the order, hands on errors and gives the threads back."""

from __future__ import annotations

import threading
from pathlib import Path

import numba
import pytest

from bandit.core.errors import DataError
from bandit.runners.local import Local
from bandit.runners.runner import Runner
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY


def test_parts_are_kept_in_order_and_one_at_a_time() -> None:
    kept, busy = [], threading.Lock()

    def keep(part: int) -> None:
        assert busy.acquire(blocking=False)
        kept.append(part)
        busy.release()

    with Local() as runner:
        runner.write(keep, runner.map(lambda n: n * n, range(200)))
    assert kept == [n * n for n in range(200)]


def test_a_part_is_kept_while_the_next_is_made() -> None:
    made = threading.Event()

    def work(n: int) -> int:
        if n == 1:
            made.set()
        return n

    def keep(n: int) -> None:
        assert n or made.wait(10)

    with Local() as runner:
        runner.write(keep, runner.map(work, range(2)))


def test_a_batch_is_worked_on_by_each_thread_and_kept_by_all() -> None:
    def threads(_: int) -> int:
        return numba.get_num_threads()

    kept: list[tuple[int, int]] = []
    with Local() as runner:
        runner.write(lambda one: kept.append((one, threads(0))), runner.map(threads, range(5)))
        assert runner.hands == numba.get_num_threads()
        assert kept == [(1, runner.hands)] * 5
    with Local(1) as runner:
        assert runner.hands == 1
        here = list(runner.map(lambda _: threading.current_thread(), range(3)))
        assert here == [threading.current_thread()] * 3
        kept.clear()
        runner.write(lambda one: kept.append((one, threads(0))), runner.map(threads, range(5)))
        assert kept == [(1, 1)] * 5


@pytest.mark.parametrize("where", ["work", "keep"])
def test_an_error_ends_the_run(where: str) -> None:
    def fail(n: int) -> int:
        if n == 3:
            raise DataError(where)
        return n

    work, keep = (fail, print) if where == "work" else (int, fail)
    with Local() as runner, pytest.raises(DataError, match=where):
        runner.write(keep, runner.map(work, range(10)))


def test_the_threads_are_what_they_were() -> None:
    before = numba.get_num_threads()
    with Local(1):
        assert numba.get_num_threads() == 1
    assert numba.get_num_threads() == before
    with Local(10_000):
        assert numba.get_num_threads() == numba.config.NUMBA_NUM_THREADS
    with pytest.raises(DataError), Local(1):
        raise DataError("x")
    assert numba.get_num_threads() == before


def test_a_wave_leaves_the_threads_as_they_were(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    before = numba.get_num_threads()
    serve_batch(folder, wave="w1", at=MONDAY, threads=1, dry_run=True)
    assert numba.get_num_threads() == before


def test_it_is_a_runner() -> None:
    runner: Runner = Local()
    assert runner
