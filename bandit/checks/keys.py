"""Customer keys as the random numbers take them: 64 bits of a whole number or of a text."""

from __future__ import annotations

from hashlib import md5

import numpy as np
import numpy.typing as npt

from bandit.checks.arrays import laid
from bandit.core.errors import DataError
from bandit.core.types import Array, UInt64

_KEY = np.dtype(np.uint64)


def customer_keys(keys: npt.ArrayLike, n: int | None = None) -> UInt64:
    """Keys [n] as uint64[n]: whole numbers as they are, text as a campaign hashes it.

    A text stands for the lower 64 bits of the MD5 of its UTF-8, DuckDB's ``md5_number_lower``.

    Raises
    ------
    DataError
        Keys that are neither, a missing one by row, or another number of them than ``n``.
    """
    found = keys if type(keys) is np.ndarray else np.asarray(keys)
    if found.ndim != 1 or (n is not None and len(found) != n):
        wanted = "one key a row" if n is None else f"of shape ({n},)"
        raise DataError(f"keys must be {wanted}, their shape is {found.shape}")
    if found.dtype is _KEY:
        return found if found.flags.carray else laid(found)
    if found.dtype.kind in "iu":
        return laid(found.astype(np.uint64, copy=False))
    if found.dtype.kind in "UOT":
        return _hashed(found)
    raise DataError(
        f"keys must be whole numbers or text, they are {found.dtype}; a key that became a "
        "floating-point number has lost digits, read it again as text"
    )


def customer_key(key: int | str) -> int:
    """One key's 64 bits: a number from -2**63 to 2**64, or a text."""
    if isinstance(key, int):
        return key % 2**64
    digest = md5(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "little")


def _hashed(texts: Array) -> UInt64:
    out = np.empty(len(texts), np.uint64)
    for i, text in enumerate(texts.tolist()):
        whole = isinstance(text, int) and not isinstance(text, bool)
        if not isinstance(text, str) and not (whole and -(2**63) <= text < 2**64):
            raise DataError(f"keys must be whole numbers or text, row {i} has {text!r}")
        out[i] = customer_key(text)
    return out
