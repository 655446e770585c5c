"""Signals that end a command as the keyboard does: what is half-done is undone, then it leaves.

systemd, Kubernetes and a closed terminal send SIGTERM or SIGHUP; without a handler Python would
die at once and leave folders aside and spill files with customers' keys behind.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OURS_TO_TAKE = (signal.SIG_DFL, signal.default_int_handler)
"""A signal that the caller has told us to ignore, as nohup does, stays ignored."""
_PATIENCE_SECONDS = 10.0
"""So long the clean-up is not disturbed by further signals."""


class _Ending:
    """The first signal that came, and when the last one was heeded."""

    number: int | None = None
    heeded = -_PATIENCE_SECONDS


def install() -> None:
    """Turn the signals that end a process into KeyboardInterrupt."""
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) in _OURS_TO_TAKE:
                signal.signal(number, _end)


def ignore() -> None:
    """What comes when the work is done must not disturb the leaving."""
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_IGN)


def came() -> bool:
    """Whether one has come: a library may have made an error of its own of the interrupt."""
    return _Ending.number is not None


def code() -> int:
    """The exit code of a run that a signal ended: 128 and its number, SIGINT's if none was seen."""
    return 128 + (_Ending.number or signal.SIGINT)


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    _Ending.number = _Ending.number or number
    now = time.monotonic()
    if now - _Ending.heeded > _PATIENCE_SECONDS:
        _Ending.heeded = now
        raise KeyboardInterrupt
