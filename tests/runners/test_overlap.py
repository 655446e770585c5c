"""What runs beside the caller keeps its order and hands on its errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bandit.runners.overlap import ahead, behind


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
