"""Arrays at the boundary: shape, type, range and finiteness, refused by name and row."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from bandit.core.actions import ABSENT, ActionSpace
from bandit.core.errors import DataError
from bandit.core.problems import nearest
from bandit.core.types import Array, Float64
from bandit.kernels.simd import finite
from bandit.kernels.threads import spread

_GRAIN = 4096
"""Rows that a thread looks through at a time."""
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
LARGEST = 1e150
"""Contexts and prices lie below: products of two, added up, stay finite in float64."""


def check_contexts(contexts: npt.ArrayLike, n_features: int) -> Array:
    """Return ``contexts`` as C-contiguous float32 or float64 [n, d], all finite, below 1e150."""
    x = shape_contexts(contexts, n_features)
    check_finite(x)
    return x


def shape_contexts(contexts: npt.ArrayLike, n_features: int) -> Array:
    """Return ``contexts`` as C-contiguous float32 or float64 [n, d], whatever they hold."""
    x = contexts if type(contexts) is np.ndarray else as_array("contexts", contexts)
    if x.shape == (n_features,):
        raise DataError(
            f"contexts must have shape (n, {n_features}), they are one row: pass contexts[None, :]"
        )
    if x.ndim != 2 or x.shape[1] != n_features:
        raise DataError(f"contexts must have shape (n, {n_features}), they have {x.shape}")
    if x.dtype.kind not in "fiub":
        raise DataError(
            f"contexts must be numbers, they are {x.dtype}; bandit.Encoder makes numbers of a frame"
        )
    # To compare types takes ten times as long as to see that they are one.
    if x.dtype is not _SINGLE and x.dtype != _SINGLE:
        x = x.astype(np.float64, copy=False)
    return x if x.flags.carray else laid(x)


def laid(array: Array) -> Array:
    """The same numbers row by row in memory that may be written, which is what kernels take.

    They write nothing there: an array that may not be written, as Arrow hands out, is another type,
    and all that it is given to would be compiled once more.
    """
    # One look at all: each takes as long as a small kernel.
    if array.flags.carray:
        return array
    rows = np.ascontiguousarray(array)
    return rows if rows.flags.carray else rows.copy()


def check_finite(x: Array) -> None:
    """Refuse contexts that are NaN, infinite or of 1e150 and more, by row and feature."""
    row = first_bad_row(x)
    if row >= 0:
        feature = int(np.argmax(~(np.abs(x[row].astype(np.float64)) < LARGEST)))
        value = x[row, feature]
        remedy = f"scale it below {LARGEST:g}" if np.isfinite(value) else "impute missing values"
        raise DataError(
            f"contexts must be finite, row {row} has {value} in feature {feature}; {remedy} first"
        )


def first_bad_row(table: Array) -> int:
    """Return the first row of a C-contiguous float[n, w] with NaN or beyond `LARGEST`, or -1."""
    wide = table.dtype.itemsize == 8
    limit, lanes = table.dtype.type(LARGEST if wide else np.inf), 64 // table.dtype.itemsize
    rows = table.shape[0]
    found = np.empty(-(-rows // _GRAIN), np.int64)
    found.fill(-1)
    spread(finite.bad_rows_into, rows, _GRAIN, table, lanes, limit, _GRAIN, found)
    return first_found(found)


def first_found(found: Array) -> int:
    """The first of ``found`` int64[m] that is not negative, or -1."""
    if len(found) == 1:  # a call of few rows, which takes less time than to look for it
        return int(found[0])
    return int(found[np.argmax(found >= 0)]) if (found >= 0).any() else -1


def check_actions(
    actions: npt.ArrayLike, n: int, n_actions: int, space: ActionSpace | None = None
) -> npt.NDArray[np.int64]:
    """Return ``actions`` as int64[n], each in [0, k); names are those of ``space``."""
    taken = as_array("actions", actions)
    if taken.shape != (n,):
        raise DataError(f"actions must have shape ({n},), they have {taken.shape}")
    if taken.dtype.kind in "UOT":
        taken = _numbered(taken, space)
    if n:
        taken = whole("actions", taken)
    # Two numbers tell as much as an array of answers, which takes five times as long.
    if n and (taken.min() < 0 or taken.max() >= n_actions):
        bad = (taken < 0) | (taken >= n_actions)
        row = int(np.argmax(bad))
        raise DataError(f"actions must lie in [0, {n_actions}), row {row} has {taken[row]}")
    return laid(taken.astype(np.int64, copy=False))


def whole(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` as the whole numbers that they are; the first that is none by its row."""
    array = as_array(name, values)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return array
    if array.ndim != 1 or array.dtype.kind not in "fO":
        raise DataError(
            f"{name} must be one whole number a row, they are {array.dtype} of shape {array.shape}"
        )
    cells = array.tolist()
    odd = [row for row, cell in enumerate(cells) if not _is_whole(cell)]
    floats = [row for row, cell in enumerate(cells) if isinstance(cell, float)]
    if odd or floats:
        row = (odd or floats)[0]
        remedy = "fill it in" if _unknown(cells[row]) else "make whole floats int64 first"
        raise DataError(f"{name} must be whole numbers, row {row} has {cells[row]!r}; {remedy}")
    return array.astype(np.int64)


def _is_whole(cell: object) -> bool:
    if isinstance(cell, float):
        return cell.is_integer()
    return isinstance(cell, int) and not isinstance(cell, bool)


def mask(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` as bool, 1 and 0 being true and false; the first other one by its row."""
    array = as_array(name, values)
    if array.dtype == np.bool_:
        return array
    sound = np.frompyfunc(lambda v: isinstance(v, bool | int | float) and v in {0, 1}, 1, 1)
    good = np.asarray(sound(array), np.bool_)
    if not good.all():
        place = tuple(np.argwhere(~good)[0])
        raise DataError(
            f"{name} must be true or false, row {place[0]} has {array[place]!s}; fill in what is"
            " missing, and compare text with what it means"
        )
    return array.astype(np.bool_)


def known(name: str, labels: npt.ArrayLike) -> Array:
    """Return ``labels`` as an array without missing ones; the first missing is named by its row."""
    array = as_array(name, labels)
    if array.dtype.kind in "Ofc":
        missing = np.array([_unknown(label) for label in array.ravel().tolist()], np.bool_)
    elif array.dtype.kind in "mM":
        missing = np.isnat(array).ravel()
    else:
        return array
    if missing.any():
        row = int(np.argmax(missing))
        raise DataError(
            f"{name} must be known, row {row} has {array.ravel()[row]}; give rows that stand alone"
            " a label of their own"
        )
    return array


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float | complex) and bool(np.isnan(value)))


def _numbered(names: Array, space: ActionSpace | None) -> Array:
    if space is None:
        raise DataError(
            "actions are names, and this posterior knows none: start it with "
            "Posterior.prior(bandit.ActionSpace([...]), ...), or number them by ActionSpace.indices"
        )
    found, first, inverse = np.unique(names.astype(np.str_), return_index=True, return_inverse=True)
    numbers = np.array([space.position(str(name)) for name in found], np.int64)
    if (numbers == ABSENT).any():
        row = int(first[numbers == ABSENT].min())
        raise DataError(
            f"{names[row]!r} in row {row} is no action{nearest(str(names[row]), space.names)}"
        )
    return np.asarray(numbers[inverse])


def as_numbers(name: str, values: npt.ArrayLike) -> Float64:
    """Return ``values`` as float64 of whatever shape; text and ragged lists are refused."""
    if type(values) is np.ndarray and values.dtype is _DOUBLE:
        return values
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise DataError(f"{name} must be numbers: {fault}") from None


def as_array(name: str, values: npt.ArrayLike) -> Array:
    """Return ``values`` as the array that they are; lists of several lengths are refused."""
    if type(values) is np.ndarray:
        return values
    try:
        return np.asarray(values)
    except ValueError as fault:
        raise DataError(f"{name} must be an array: {fault}") from None


def check_vector(name: str, values: npt.ArrayLike, n: int, least: float = -np.inf) -> Float64:
    """Return ``values`` as float64[n], finite and at least ``least``."""
    vector = as_numbers(name, values)
    if vector.shape != (n,):
        raise DataError(f"{name} must have shape ({n},), they have {vector.shape}")
    return laid(bounded(name, vector, least=least))


def sum_is_finite(array: Float64) -> bool:
    """Whether all are finite for sure, without an array of answers: then their sum mostly is."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))


def bounded(name: str, array: Float64, *, least: float = -np.inf, remedy: str = "") -> Float64:
    """The same float64[n], if each is finite and at least ``least``; else the first that is not."""
    if sum_is_finite(array) and (least == -np.inf or not array.size or array.min() >= least):
        return array
    bad = ~np.isfinite(array) | (array < least)
    if bad.any():
        row = int(np.argmax(bad))
        rule = "finite" if least == -np.inf else f"finite and at least {least:g}"
        more = f"; {remedy}" if remedy else ""
        raise DataError(f"{name} must be {rule}, row {row} has {array[row]}{more}")
    return array


def check_table(name: str, table: npt.ArrayLike | None, n: int, k: int, default: float) -> Float64:
    """Return float[k] or float[n, k] as float64[1, k] or [n, k]; ``default`` where absent."""
    if table is None:
        return _constant(k, default)
    whole = as_numbers(name, table)
    if whole.shape == (k,):
        whole = whole[None]
    elif whole.shape != (n, k):
        raise DataError(f"{name} must have shape ({k},) or ({n}, {k}), they have {whole.shape}")
    return whole if whole.flags.carray else laid(whole)


@lru_cache(256)
def _constant(k: int, default: float) -> Float64:
    # Nobody writes there.
    return np.full((1, k), default)


def check_prices(name: str, rows: Float64) -> None:
    """Refuse values or costs that are NaN, infinite or of 1e150 and more, by row and action."""
    row = first_bad_row(rows)
    if row >= 0:
        action = int(np.argmax(~(np.abs(rows[row]) < LARGEST)))
        value = rows[row, action]
        remedy = f"; scale it below {LARGEST:g}" if np.isfinite(value) else ""
        raise DataError(f"{name} must be finite, row {row} has {value} for action {action}{remedy}")
