"""What a choose loop is given: rows, what is asked of them, and their contenders."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit.core.types import Bool, Float32, Float64, Int32, Int64, UInt8, UInt64


class Situation(NamedTuple):
    """Rows to decide: contexts in one of two widths (the other empty), eligibility, prices, keys.

    ``bounded`` tells whether the model's bounds hold at all. Where curves move means, ``means``
    float32[n·w] are about what they come to, ``listed`` float64[1 or n, k] what costs are without
    that, and ``costs`` float64[n, k] are filled in for contenders alone. Elsewhere there are no
    ``means``, and both costs are the same.
    """

    narrow: Float32
    broad: Float64
    eligible: UInt8
    packing: int
    values: Float64
    costs: Float64
    priced: bool
    keys: UInt64
    bounded: bool
    means: Float32
    listed: Float64


class Mode(NamedTuple):
    """What is asked: ``alpha``, sampled or optimistic scores, the propensity of which action.

    ``propensity`` 0: none, 1: of the action decided, 2: of ``given`` int32[n], 3: the expectation
    of ``weights`` float64[k], 4: of the given action where there is one (else -1), of the one
    decided elsewhere, and that action's mean; with 2 and 3 nothing is decided. ``stream`` is the
    random stream of the call. Without ``scored`` the moments of a row that is decided without them
    are not found. ``doubt`` bool[1] is raised where contexts or prices may hold what is no number.
    """

    alpha: float
    thompson: bool
    propensity: int
    stream: np.uint64
    given: Int32
    weights: Float64
    scored: bool
    doubt: Bool


class Pairs(NamedTuple):
    """Contenders: (row, action), upper bound of worth, draw; moments and worth once settled.

    Row i's are ``first[i] : first[i + 1]``, in the order of the actions. ``lone[i]`` is the only
    contender of row i, -1 where there are several; empty where nobody is set apart. ``pilot[i]`` is
    the place of the most promising one, settled first, -1 where nobody is.
    """

    first: Int64
    lone: Int32
    pilot: Int64
    row: Int32
    action: Int32
    high: Float32
    draw: Float32
    mean: Float64
    width: Float64
    worth: Float64
    wanted: Bool
    settled: Bool
    start: Int64
    order: Int32
    listed: Int32


def empty_pairs(rows: int, room: int, k: int, *, apart: bool) -> Pairs:
    """Make room for so many contenders of so many rows."""
    return Pairs(
        np.zeros(rows + 1, np.int64), np.empty(rows if apart else 0, np.int32),
        np.empty(rows, np.int64), np.empty(room + 16, np.int32), np.empty(room + 16, np.int32),
        np.empty(room + 16, np.float32), np.empty(room + 16, np.float32), np.empty(room + 16),
        np.empty(room + 16), np.empty(room + 16),
        np.empty(room + 16, np.bool_), np.empty(room + 16, np.bool_),
        np.empty(k + 1, np.int64), np.empty(max(room, rows), np.int32),
        np.empty(room + 1, np.int32),
    )  # fmt: skip
