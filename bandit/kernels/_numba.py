"""What of the compiler the kernels need; importing it is half of a small command."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numba
from numba import config
from numba.core import event
from numba.core.compiler import Flags
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from bandit.core.compiling import COMPILING
from bandit.kernels._keeping import Kept
from bandit.kernels._linking import Linking, Plain, PlainLinking

__all__ = [
    "DISABLED",
    "Linking",
    "Plain",
    "PlainLinking",
    "kept",
    "njit",
    "prepare",
    "register_jitable",
    "threads",
]


_Options: Any = Flags


class _Quick(_Options):  # type: ignore[misc]  # Numba's own parts are untyped
    """A kernel's options, compared by what was set.

    Numba compares them for every operation and every way there may be to do it, each time by all
    that could have been set: a twentieth of what compiling takes.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _Quick):
            return bool(self._values == other._values)
        return bool(_Options.__eq__(self, other))

    def __hash__(self) -> int:
        return _HASH


_HASH = hash(_Options())
"""Of any options: Numba hashes their names alone."""


def njit(*, cache: bool, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's, and what it makes is made by one process and kept for all."""
    compiler: Any = numba.njit(**options)

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = compiler(function)
        dispatcher._compiler._customize_flags = _Quick
        if cache:
            dispatcher._cache = Kept(function)
        return dispatcher

    return compiled


# NUMBA_DISABLE_JIT=1 turns all of these into plain Python, for coverage and for debugging.
DISABLED = bool(vars(config)["DISABLE_JIT"])


def kept() -> bool:
    """Whether compiled kernels can be kept: a service without a home has nowhere to keep them."""
    try:
        numba.njit(cache=True)(lambda: None)
    except RuntimeError:
        return False
    return True


def prepare() -> None:
    """Load what is loaded otherwise when the first kernel is compiled or read."""
    target: Any = cpu_target
    target.target_context.refresh()


def threads() -> int:
    """How many may be used (``NUMBA_NUM_THREADS``, ``numba.set_num_threads``)."""
    return int(numba.get_num_threads())


class _Told(event.Listener):
    """Passes on that kernels are being compiled, and not read from where they are kept.

    Until the outermost is done Python looks for garbage only as each begins, through what is new
    since the last: to look again and again through graphs that live until a kernel is done takes a
    tenth of the compiler's time. Numba lets one thread compile at a time.
    """

    def __init__(self) -> None:
        begin: Any = super().__init__
        begin()
        self._depth = 0
        self._collects = False

    def on_start(self, event: Any) -> None:
        """Begin one."""
        del event
        COMPILING.begun()  # first: it writes, and may be interrupted there
        if self._depth == 0:
            self._collects = gc.isenabled()
            gc.disable()
        elif self._collects:
            gc.collect(1)
        self._depth += 1

    def on_end(self, event: Any) -> None:
        """Be done with one."""
        cache = event.data["dispatcher"]._cache
        failed = event._exc_details is not None  # `is_failed` says the contrary
        try:
            if failed and isinstance(cache, Kept):
                cache.give_up()
        finally:
            self._depth = max(0, self._depth - 1)
            if self._depth == 0 and self._collects:
                gc.enable()
        COMPILING.ended()


_register: Any = event.register
_register("numba:compile", _Told())
