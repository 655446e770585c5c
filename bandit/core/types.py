"""Values that several parts exchange. Imports nothing of the package."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int8 = npt.NDArray[np.int8]
Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
UInt64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

Integer = int | np.int64
"""A whole number, as Python or as a compiled kernel counts."""

NO_CONTACT = 0
"""The action that is always allowed: the customer is left in peace."""

HOLDOUT = -1
"""`Choice.group` of a customer who is held out."""

EXPLORATION = -2
"""`Choice.group` of a decision drawn uniformly by the exploration floor."""


class Choice(NamedTuple):
    """What a policy decided for n customers.

    ``action`` int32[n]; ``propensity`` float64[n], exact, in (0, 1]; ``score`` float32[n], the
    policy's score of the taken action; ``group`` int16[n], the mixture component that decided
    (HOLDOUT, EXPLORATION or its position), 0 for a policy alone; ``joint`` float64[n, p + 1], for
    a mixture the probability of (component, action so far), holdout last: the next slot's prior.
    """

    action: Int32
    propensity: Float64
    score: Float32
    group: npt.NDArray[np.int16]
    joint: Float64


class Progress(Protocol):
    """How a workflow tells how far it is."""

    def step(self, text: str, total: int | None = None) -> None:
        """Begin a step of `total` units, if their number is known."""

    def advance(self, count: int) -> None:
        """Tell that `count` more units are done."""


class _Silent:
    def step(self, text: str, total: int | None = None) -> None:
        pass

    def advance(self, count: int) -> None:
        pass


SILENT: Progress = _Silent()
"""Tells nobody."""
