"""Kernels read and write the arrays of a tuple that is held, whatever it is made of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from bandit.core.types import Bool, Float32, Float64, Int64
from bandit.kernels._compile import serial, within
from bandit.kernels.held import Held, here, part


class Pair(NamedTuple):
    """Two of a kind."""

    one: Int64
    other: Int64


class Inner(NamedTuple):
    """Some of each."""

    table: Float32
    whole: int
    sure: bool
    twice: Pair
    number: float


@serial
def _sum_into(held: Held, out: Float64) -> None:
    inner, marks, weight = part(held, 0), part(held, 1), part(held, 2)
    first, second = inner.twice.one, inner.twice.other
    out[0] = inner.table[1, 2] + inner.whole + inner.number * weight
    out[1] = first[0] * second[2] if inner.sure else -1.0
    marks[0] = True


@pytest.mark.parametrize("sure", [True, False])
def test_each_part_is_what_it_was(sure):
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    pair = Pair(np.array([5, 6, 7]), np.array([1, 2, 3]))
    marks: Bool = np.zeros(2, np.bool_)
    held = Held((Inner(table, 40, sure, pair, 0.5), marks, 8.0))
    out = np.zeros(2)
    _sum_into(held, out)
    assert out.tolist() == [5.0 + 40.0 + 4.0, 15.0 if sure else -1.0]
    assert marks.tolist() == [True, False]
    table[1, 2] = 100.0
    _sum_into(held, out)
    assert out[0] == 144.0


@within
def _scaled(inner: Inner, r: int) -> float:
    return inner.number * inner.table[r, 2] + inner.twice.other[r]


@serial
def _handed_on_into(inner: Inner, out: Float64) -> None:
    held = here(inner)
    for r in range(out.size):
        out[r] = _scaled(held, r)


def test_a_kernel_hands_on_where_its_tuple_lies():
    pair = Pair(np.array([5, 6]), np.array([1, 2]))
    inner = Inner(np.arange(6, dtype=np.float32).reshape(2, 3), 1, True, pair, 0.5)
    out = np.zeros(2)
    _handed_on_into(inner, out)
    assert out.tolist() == [2.0, 4.5]


def test_what_is_held_stays_alive():
    held = Held((np.arange(1000.0), 1.0))

    @serial
    def last(held: Held) -> float:
        return float(part(held, 0)[999])

    np.full(1000, 7.0).sum()
    assert last(held) == 999.0
