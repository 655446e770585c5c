"""Decision ids: "<wave>.<20 letters>", a function of what is decided for whom and of nothing else.

The letters digest the wave (its name and what it was made from), the customer, the placement and
the slot. So an id can be made for one live request or in any part of a cluster. It is the same in a
wave that is run again; a wave that was deleted and served anew from something else has others, and
an old outcome finds nobody. In format 1 a row number stood for the letters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bandit.core.types import Array, Int32, UInt64
from bandit.kernels.decision_ids import LETTERS, text_ids_into, whole_number_ids_into
from bandit.kernels.threads import spread

GRAIN = 4096
"""Ids that a thread makes at a time."""

Scope = tuple[str, int]
"""A placement and a slot of it."""


def wave_of(column: str) -> str:
    """SQL: the wave that an id names, of either format."""
    return f"regexp_replace({column}, '\\.[^.]*$', '')"


class DecisionIds:
    """The ids of one wave or stream; ``content`` digests what it is made from."""

    def __init__(self, wave: str, content: str) -> None:
        self._name, self._content = wave, content
        self._seeds: dict[Scope, tuple[int, int]] = {}
        self._prefix = np.frombuffer(f"{wave}.".encode(), dtype=np.uint8)

    def of(self, customers: pa.Array, scopes: Sequence[Scope], which: Int32) -> pa.Array:
        """One id a row: ``customers`` by their key, whole numbers or texts, none of them null.

        ``which`` int32[n] says which of ``scopes`` a row belongs to.
        """
        return _texts(self._rows(customers, scopes, which))

    def of_few(self, customers: pa.Array, scopes: Sequence[Scope], which: Int32) -> list[str]:
        """As `of`, for so few that a column would take longer to make."""
        rows = self._rows(customers, scopes, which)
        n, length = rows.shape
        text = rows.tobytes()
        return [text[i * length : (i + 1) * length].decode() for i in range(n)]

    def _rows(self, customers: pa.Array, scopes: Sequence[Scope], which: Int32) -> Array:
        """Their letters, uint8[n, length]."""
        n, start = len(customers), len(self._prefix)
        out = np.empty((n, start + LETTERS), dtype=np.uint8)
        out[:, :start] = self._prefix
        seeds = np.array([self._seed(scope) for scope in scopes], dtype=np.uint64).reshape(-1, 2)
        if pa.types.is_integer(customers.type):
            keys: UInt64 = customers.to_numpy().astype(np.int64, copy=False).view(np.uint64)
            spread(whole_number_ids_into, n, GRAIN, keys, seeds, which, start, out)
        else:
            spread(text_ids_into, n, GRAIN, *_bytes(customers), seeds, which, start, out)
        return out

    def _seed(self, scope: Scope) -> tuple[int, int]:
        """Two words of a scope, digested once."""
        found = self._seeds.get(scope)
        if found is None:
            text = json.dumps([self._name, self._content, *scope]).encode()
            digest = hashlib.blake2b(text, digest_size=16).digest()
            found = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
            self._seeds[scope] = found
        return found


def _bytes(texts: pa.Array) -> tuple[Array, Array]:
    """The bytes of all texts uint8[…], and where each begins, int64[n + 1]."""
    large = texts.cast(pa.large_string())
    _, offsets, content = large.buffers()
    begins = np.frombuffer(offsets, dtype=np.int64)[large.offset : large.offset + len(large) + 1]
    return np.frombuffer(content or b"\0", dtype=np.uint8), begins


def _texts(rows: Array) -> pa.Array:
    """Rows uint8[n, width] as Arrow texts, without a copy."""
    n, width = rows.shape
    offsets = np.arange(n + 1, dtype=np.int64) * width
    large = pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(rows))
    return large.cast(pa.string())
