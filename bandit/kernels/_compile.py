"""Every compile option of the kernels, in one place."""

from __future__ import annotations

from typing import Any

import numba


def _kept() -> bool:
    """Whether compiled kernels can be kept: a service without a home has nowhere to keep them."""
    try:
        numba.njit(cache=True)(lambda: None)
    except RuntimeError:
        return False
    return True


# NUMBA_DISABLE_JIT=1 turns all of these into plain Python, for coverage and for debugging.
COMMON: dict[str, Any] = {"nogil": True, "cache": _kept(), "error_model": "numpy"}

inline = numba.njit(inline="always", **COMMON)
"""A helper that disappears into its caller."""

serial = numba.njit(**COMMON)
"""One thread."""

parallel = numba.njit(parallel=True, **COMMON)
"""`prange` over rows or blocks; each iteration writes only its own rows."""

serial_fast = numba.njit(fastmath=True, **COMMON)
"""Reassociation allowed: only where NaN and infinity cannot reach, and the kernel says why."""

parallel_fast = numba.njit(parallel=True, fastmath=True, **COMMON)
"""Both of the above."""
