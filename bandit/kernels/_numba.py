"""What of the compiler the kernels need; importing it is half of a small command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import config
from numba.core import event
from numba.core.registry import cpu_target
from numba.extending import register_jitable

from bandit.core.compiling import COMPILING
from bandit.kernels._keeping import Kept
from bandit.kernels._linking import Linking

__all__ = ["DISABLED", "Linking", "kept", "njit", "prepare", "register_jitable", "threads"]


def njit(*, cache: bool, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's, and what it makes is made by one process and kept for all."""
    compiler: Any = numba.njit(**options)

    def compiled(function: Callable[..., Any]) -> Any:
        dispatcher = compiler(function)
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
    """Passes on that kernels are being compiled, and not read from where they are kept."""

    def on_start(self, event: Any) -> None:
        """Begin one."""
        del event
        COMPILING.begun()

    def on_end(self, event: Any) -> None:
        """Be done with one."""
        cache = event.data["dispatcher"]._cache
        failed = event._exc_details is not None  # `is_failed` says the contrary
        if failed and isinstance(cache, Kept):
            cache.give_up()
        COMPILING.ended()


_register: Any = event.register
_register("numba:compile", _Told())
