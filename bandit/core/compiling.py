"""The first run on a machine compiles the kernels: whoever listens is told, and how far it is.

Nothing here imports the compiler, so that a command which needs no kernel starts at once, and one
that decides for a single customer can leave it out.
"""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 5.0
"""Seconds between two lines."""
_KERNELS = 230
"""So many a first wave compiles, the small ones inside others counted."""


class Compiling:
    """Counts kernels as they are compiled, and says so now and then.

    ``left_out``, set before any kernel is imported, lets them stay Python: the same figures, a
    hundred times as slow, and nothing to load.
    """

    def __init__(self) -> None:
        self.left_out = False
        self.say: Callable[[str], None] | None = None
        self._count = 0
        self._told = -EVERY

    def begun(self) -> None:
        """Tell that a kernel is being compiled, unless something was told just now."""
        self._tell(
            "compiling kernels for this machine, once: "
            f"{self._count} of about {max(_KERNELS, self._count)} done"
        )

    def waits(self) -> None:
        """Tell that another process compiles what this one needs, as seldom."""
        self._tell("waiting for another process that is compiling kernels for this machine")

    def ended(self) -> None:
        """Count one."""
        self._count += 1

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if self.say is not None and now - self._told >= EVERY:
            self._told = now
            self.say(text)


COMPILING = Compiling()
"""Of this process: compilers run where they are called."""
