"""What runs beside the caller keeps its order and hands on its errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bandit.runners.overlap import abreast, ahead, behind, meanwhile


def test_ahead_gives_the_same_items_in_order() -> None:
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([])) == []
    assert list(ahead([None, None])) == [None, None]


def test_the_next_item_is_fetched_while_one_is_used() -> None:
    fetched = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        fetched.set()
        yield 2

    found = ahead(items())
    assert next(found) == 1
    assert fetched.wait(10)
    assert list(found) == [2]


def test_the_first_item_is_fetched_where_a_signal_is_heeded() -> None:
    def items() -> Iterator[threading.Thread]:
        while True:
            yield threading.current_thread()

    found = ahead(items())
    assert next(found) is threading.current_thread()
    assert next(found) is not threading.current_thread()
    found.close()


def test_an_error_ahead_comes_at_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="disk"):
        next(found)


def test_work_behind_is_done_in_order_and_complete() -> None:
    done: list[int] = []
    with behind(done.append) as later:
        for i in range(50):
            later(i)
    assert done == list(range(50))


@pytest.mark.parametrize("calls", [1, 3])
def test_an_error_behind_is_raised(calls: int) -> None:
    def fail(_: int) -> None:
        raise OSError("no space")

    def work() -> None:
        with behind(fail) as later:
            for i in range(calls):
                later(i)

    with pytest.raises(OSError, match="no space"):
        work()


def test_work_behind_ends_before_an_error_of_the_caller_goes_on() -> None:
    done: list[int] = []

    def work() -> None:
        with behind(done.append) as later:
            later(1)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        work()
    assert done == [1]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_items_abreast_come_in_order(most: int) -> None:
    begun: list[int] = []
    found = abreast(lambda n: n * n, range(50), most, lambda: begun.append(1))
    assert list(found) == [n * n for n in range(50)]
    assert 1 <= len(begun) <= most


def test_so_many_are_worked_on_at_once_and_no_more() -> None:
    both = threading.Barrier(2, timeout=10)
    fetched: list[int] = []

    def items() -> Iterator[int]:
        for n in range(6):
            fetched.append(n)
            yield n

    def work(n: int) -> int:
        both.wait()
        return n

    found = abreast(work, items(), 2, list)
    assert next(found) == 0
    assert fetched == [0, 1]
    assert list(found) == [1, 2, 3, 4, 5]


def test_an_error_abreast_comes_at_its_place() -> None:
    def work(n: int) -> int:
        if n == 3:
            raise OSError("disk")
        return n

    found = abreast(work, range(10), 2, list)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="disk"):
        next(found)


def test_what_is_done_meanwhile_is_over_with_the_block() -> None:
    here = threading.Event()
    with meanwhile(lambda: here.wait(10)) as found:
        here.set()
    assert found.done()
    assert found.result()
