"""How the interpreter shares its time while it serves: nobody waits long for what is not theirs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 5e-5
"""After so long a thread that waits has its turn: the one that syncs waits three times a commit."""
THRESHOLDS = (20_000, 20, 20)
"""Of the collector: what is decided is let go by its last reference, and makes no cycles."""


@contextmanager
def paced() -> Iterator[None]:
    """As a server needs it, and at the end as it was."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    passed_over = gc.get_freeze_count() > 0
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*THRESHOLDS)
    gc.enable()  # a start goes without
    settled()
    try:
        yield
    finally:
        gc.unfreeze()
        if passed_over:
            gc.freeze()
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


def settled() -> None:
    """Collect once, and let the collector pass over all there is: it stays, and looking is long."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
