"""Every compile option of the kernels, in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from bandit.core.compiling import COMPILING

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


if COMPILING.left_out:
    _numba: Any = None
else:
    from bandit.kernels import _numba

PLAIN = _numba is None or _numba.DISABLED
"""Whether the kernels stay Python."""

COMMON: dict[str, Any] = {
    "nogil": True,
    "cache": not PLAIN and _numba.kept(),
    "error_model": "numpy",
    # Nobody takes a kernel's address.
    "no_cfunc_wrapper": True,
}


def _compiler(**options: Any) -> Callable[[Kernel], Kernel]:
    if not PLAIN:
        compiler: Callable[[Kernel], Kernel] = _numba.njit(**options)
        return compiler
    # Compiled arithmetic wraps and overflows without a word, and kernels count on it.
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


BARE: dict[str, Any] = {
    "_nrt": False, "pipeline_class": None if PLAIN else _numba.Plain, **COMMON
}  # fmt: skip
"""No counting of references, which is a third of what there is to compile: the kernel allocates
nothing (the compiler refuses if it does) and hands out no array of its own."""
OWNING: dict[str, Any] = {"_nrt": True, **COMMON}
"""References are counted, whoever calls: left unsaid, the caller's choice would hold."""
WITHIN: dict[str, Any] = {
    "no_cpython_wrapper": True, "pipeline_class": None if PLAIN else _numba.PlainLinking,
    "cache": False,
}  # fmt: skip
"""Nor a way in from Python, nor machine code of its own: see `_linking`."""

natural = np.uint64
"""Makes a place in an array of a number that is surely not negative: for any other, code is made
that counts from the array's end if it is, which is much of what a short loop does."""

serial = _compiler(**BARE)
"""One thread, called from Python; allocates nothing."""

within = _compiler(**{**BARE, **WITHIN})
"""As `serial`, called by kernels alone."""

inline = _compiler(forceinline=True, **{**BARE, **WITHIN})
"""As `within`, and LLVM copies it into its callers. Numba itself would copy it (`inline="always"`)
before it knows the types, and look at each copy anew."""

allocating = _compiler(**OWNING)
"""One thread, called from Python; makes arrays."""

within_allocating = _compiler(
    **{**OWNING, **WITHIN, "pipeline_class": None if PLAIN else _numba.Linking}
)
"""As `allocating`, called by kernels alone."""

serial_fast = _compiler(fastmath=True, **OWNING)
"""Reassociation allowed: only where NaN and infinity cannot reach, and the kernel says why."""

within_fast = _compiler(fastmath=True, **{**BARE, **WITHIN})
"""The same, called by kernels alone."""


def anywhere(function: Kernel) -> Kernel:
    """Runs in Python as it stands, and within kernels as `inline`."""
    if PLAIN:
        return function
    both: Kernel = _numba.register_jitable(forceinline=True, **{**BARE, **WITHIN})(function)
    return both


def threads() -> int:
    """How many threads kernels may use: Numba's number, or one where they stay Python."""
    return 1 if _numba is None else int(_numba.threads())


def entered(kernel: Kernel) -> Kernel:
    """A way in from Python to a kernel that has none: for tests and benches."""

    def call(*args: Any) -> Any:
        return kernel(*args)

    opened: Any = _compiler(**{**BARE, "cache": False})(call)
    found: Kernel = opened
    return found
