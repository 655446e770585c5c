"""One call to a policy: every array checked once, in the form that the kernels take."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bandit.checks.arrays import (
    as_array,
    as_numbers,
    check_finite,
    check_prices,
    check_table,
    first_found,
    laid,
    mask,
    shape_contexts,
)
from bandit.checks.keys import customer_keys
from bandit.core.errors import DataError
from bandit.core.types import Array, Float64, Int64, UInt64
from bandit.kernels.keyed_random import stream_key
from bandit.kernels.linear import masked_choice as worth
from bandit.kernels.threads import spread
from bandit.models.moments import Moments
from bandit.models.moved import Moved

_BITS = np.dtype(np.uint8)
GRAIN = 4096
"""Rows that a thread looks through at a time."""


@lru_cache(1024)
def stream_of(seed: int, wave: int, draw: int, purpose: int) -> np.uint64:
    """What `ChoiceRequest.stream` mixes."""
    word = 0xFFFFFFFFFFFFFFFF
    parts = seed & word, wave & word, draw & word, purpose
    return np.uint64(stream_key(*(np.uint64(part) for part in parts)))


class ChoiceRequest(NamedTuple):
    """Arguments of `Policy.choose` after the boundary: n rows, k actions.

    ``eligible`` uint8[n, k] (DENSE) or uint8[n, ceil(k/8)] (PACKED) as ``packing`` says;
    ``values``, ``costs`` float64[1 or n, k], ``priced`` if either was given; ``keys`` uint64[n].
    ``whose`` is 0 for the posterior
    that all are asked by, else the number of an arm's own.
    """

    posterior: Moments | None
    contexts: Array
    n: int
    k: int
    eligible: Array
    packing: int
    values: Float64
    costs: Float64
    priced: bool
    keys: UInt64
    seed: int
    wave: int
    draw: int
    whose: int = 0

    def stream(self, purpose: int) -> np.uint64:
        """Mix seed, wave, draw and purpose: the part of a random key that all rows share."""
        return stream_of(self.seed, self.wave, self.draw, purpose)

    def validate(self) -> None:
        """Refuse contexts, values and costs that are no numbers, by row."""
        check_finite(self.contexts)
        check_prices("values", self.values)
        check_prices("costs", self.costs)

    def needs_posterior(self) -> Moments:
        """Return the posterior, or refuse its absence."""
        if self.posterior is None:
            raise DataError("this policy learns: it needs a posterior, got None")
        return self.posterior

    def by(self, posterior: Moments, whose: int) -> ChoiceRequest:
        """The same question to other moments over the same actions and features."""
        priced = self.priced or isinstance(posterior, Moved)
        return self._replace(posterior=posterior, priced=priced, whose=whose)

    def rows(self, first: int, last: int) -> ChoiceRequest:
        """The same question about some of the rows."""

        def part(table: Array) -> Array:
            return table[first:last] if len(table) > 1 else table

        return self._replace(
            contexts=self.contexts[first:last], n=last - first, eligible=part(self.eligible),
            values=part(self.values), costs=part(self.costs), keys=self.keys[first:last],
        )  # fmt: skip

    def only(self, rows: Array) -> ChoiceRequest:
        """The same question about ``rows`` int64[m]."""

        def part(table: Array) -> Array:
            return table[rows] if len(table) > 1 else table

        return self._replace(
            contexts=self.contexts[rows], n=len(rows), eligible=part(self.eligible),
            values=part(self.values), costs=part(self.costs), keys=self.keys[rows],
        )  # fmt: skip

    def lifts(self) -> Float64 | None:
        """What a `Moved` posterior moves means by, float64[n, k]; None of another."""
        moved = self.posterior
        return moved.lifts(self.contexts) if isinstance(moved, Moved) else None

    def lifted(self, means: Float64, action: Array) -> Float64:
        """``means`` float64[n] of one ``action`` a row with its lift."""
        moved = self.posterior
        return means + moved.lifts_at(self.contexts, action) if isinstance(moved, Moved) else means

    def mask(self) -> Array:
        """Spell out the eligible actions, bool[n, k]."""
        if self.packing == worth.EVERYTHING:
            return np.ones((self.n, self.k), dtype=bool)
        if self.packing == worth.DENSE:
            return self.eligible.astype(bool)
        bits = np.unpackbits(self.eligible, axis=1, count=self.k, bitorder="little")
        return bits.astype(bool)


def _action_count(
    eligible: Array | None, values: npt.ArrayLike | None, costs: npt.ArrayLike | None
) -> int:
    if eligible is not None and eligible.ndim == 2 and eligible.dtype == np.bool_:
        return int(eligible.shape[1])
    for name, given in (("values", values), ("costs", costs)):
        if given is not None and (table := as_numbers(name, given)).ndim:
            return int(table.shape[-1])
    raise DataError(
        "without a posterior the number of actions must show in eligible bool[n, k], values "
        "or costs"
    )


def _check_eligible(eligible: Array | None, n: int, k: int) -> tuple[Array, int]:
    if eligible is None:
        return np.zeros((1, 1), np.uint8), worth.EVERYTHING
    kind, shape = eligible.dtype.char, eligible.shape
    if kind not in "?B" and shape == (n, k):
        eligible, kind = mask("eligible", eligible), "?"
    if kind == "?" and shape == (n, k):
        return (eligible if eligible.flags.carray else laid(eligible)).view(_BITS), worth.DENSE
    if kind == "B" and shape == (n, (k + 7) // 8):
        return laid(eligible), worth.PACKED
    raise DataError(
        f"eligible must be bool[{n}, {k}] or packed uint8[{n}, {(k + 7) // 8}] (little bit order), "
        f"it is {eligible.dtype}{list(eligible.shape)}"
    )


def _first_row_without_action(eligible: Array, packing: int, n: int, k: int) -> int:
    """Return the first row in which nothing is eligible, or -1."""
    if packing == worth.EVERYTHING:
        return -1
    found = np.empty(-(-n // GRAIN), np.int64)
    found.fill(-1)
    spread(worth.rows_without_action_into, n, GRAIN, eligible, packing, k, GRAIN, found)
    return first_found(found)


def _refuse_empty_row(row: int) -> None:
    if row >= 0:
        raise DataError(f"eligible allows no action in row {row}; no contact is always allowed")


def refuse_empty(count: Int64) -> None:
    """Refuse the first row of whose actions none is eligible, by ``count`` int64[n]."""
    # One element is looked at in a tenth of the time.
    if not (count.all() if len(count) > 1 else count[0]):
        _refuse_empty_row(int(count.argmin()))


def checked(
    posterior: Moments | None,
    contexts: npt.ArrayLike,
    *,
    eligible: npt.ArrayLike | None = None,
    values: npt.ArrayLike | None = None,
    costs: npt.ArrayLike | None = None,
    keys: npt.ArrayLike | None = None,
    seed: int = 0,
    wave: int = 0,
    draw: int = 0,
    validate: bool = True,
    complete: bool = True,
) -> ChoiceRequest:
    """Check the arguments of a policy call; whatever is wrong is a `DataError` by name and row.

    Without ``validate`` NaN and infinite numbers are left for the caller to find, by
    `ChoiceRequest.validate`; where not ``complete`` so are rows without an action, by
    `refuse_empty`.
    """
    allowed = None if eligible is None else as_array("eligible", eligible)
    if posterior is None:
        k, contexts = _action_count(allowed, values, costs), as_array("contexts", contexts)
        width = contexts.shape[-1] if contexts.ndim else 0
    else:
        k, width = posterior.n_actions, posterior.n_features
    x = shape_contexts(contexts, width)
    n = x.shape[0]
    bits, packing = _check_eligible(allowed, n, k)
    if complete:
        _refuse_empty_row(_first_row_without_action(bits, packing, n, k))
    value, cost = check_table("values", values, n, k, 1.0), check_table("costs", costs, n, k, 0.0)
    priced = values is not None or costs is not None or isinstance(posterior, Moved)
    numbers = np.arange(n, dtype=np.uint64) if keys is None else customer_keys(keys, n)
    # `ChoiceRequest(...)` itself takes as long as the smallest kernel.
    request = tuple.__new__(
        ChoiceRequest,
        (posterior, x, n, k, bits, packing, value, cost, priced, numbers, seed, wave, draw, 0),
    )
    if validate:
        request.validate()
    return request
