"""Calls side by side: their results in order, their errors as if one came after the other."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from bandit.kernels import _compile
from bandit.kernels.threads import share, together


@pytest.fixture(params=[1, 2, 4])
def threads(request, monkeypatch):
    monkeypatch.setattr(_compile, "threads", lambda: request.param)


@pytest.mark.parametrize("count", [0, 1, 3, 9])
@pytest.mark.usefixtures("threads")
def test_results_are_in_the_order_of_the_calls(count):
    assert together([partial(pow, each, 2) for each in range(count)]) == [
        each**2 for each in range(count)
    ]


@pytest.mark.usefixtures("threads")
def test_who_fails_is_told_and_who_has_not_begun_never_does():
    begun, before = [], set(threading.enumerate())

    def call(each):
        begun.append(each)
        if each > 0:
            time.sleep(0.01 if each > 1 else 0.0)
            raise ValueError(each)
        return each

    with pytest.raises(ValueError, match=r"^1$"):
        together([partial(call, each) for each in range(200)])
    assert len(begun) < 200
    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("count", [0, 1, 7, 100, 1001])
@pytest.mark.usefixtures("threads")
def test_what_is_shared_is_taken_once_and_whole(count):
    taken = []
    share(lambda pieces, by: taken.extend((by, *each) for each in pieces), count, 7, "me")
    assert [by for by, *_ in taken] == ["me"] * len(taken)
    rows = [row for _, first, last in sorted(taken) for row in range(first, last)]
    assert rows == list(range(count))
    assert all(first % 7 == 0 for _, first, _ in taken)


@pytest.mark.usefixtures("threads")
def test_who_fails_at_a_share_is_told():
    def fail(pieces):
        for first, _ in pieces:
            if first:
                raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        share(lambda pieces: [fail(pieces), fail(iter([(1, 2)]))], 100, 7)
