"""Every compile option of the kernels, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import config
from numba.core import event

from bandit.core.compiling import COMPILING


def _kept() -> bool:
    """Whether compiled kernels can be kept: a service without a home has nowhere to keep them."""
    try:
        numba.njit(cache=True)(lambda: None)
    except RuntimeError:
        return False
    return True


# NUMBA_DISABLE_JIT=1 turns all of these into plain Python, for coverage and for debugging.
COMMON: dict[str, Any] = {"nogil": True, "cache": _kept(), "error_model": "numpy"}


class _Told(event.Listener):
    """Passes on that kernels are being compiled, and not read from where they are kept."""

    def on_start(self, event: Any) -> None:
        """Begin one."""
        del event
        COMPILING.begun()

    def on_end(self, event: Any) -> None:
        """Be done with one."""
        del event
        COMPILING.ended()


_register: Any = event.register
_register("numba:compile", _Told())


def _compiler(**options: Any) -> Callable[[Any], Any]:
    if not vars(config)["DISABLE_JIT"]:
        compiler: Callable[[Any], Any] = numba.njit(**options)
        return compiler
    # Compiled arithmetic wraps and overflows without a word, and kernels count on it.
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


inline = _compiler(inline="always", **COMMON)
"""A helper that disappears into its caller."""

serial = _compiler(**COMMON)
"""One thread."""

parallel = _compiler(parallel=True, **COMMON)
"""`prange` over rows or blocks; each iteration writes only its own rows."""

serial_fast = _compiler(fastmath=True, **COMMON)
"""Reassociation allowed: only where NaN and infinity cannot reach, and the kernel says why."""

parallel_fast = _compiler(parallel=True, fastmath=True, **COMMON)
"""Both of the above."""
