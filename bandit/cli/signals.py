"""Signals that end a command as the keyboard does: what is half-done is undone, then it leaves.

systemd, Kubernetes and a closed terminal send SIGTERM or SIGHUP; without a handler Python would
die at once and leave folders aside and spill files with customers' keys behind.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OURS_TO_TAKE = (signal.SIG_DFL, signal.default_int_handler)
"""A signal that the caller has told us to ignore, as nohup does, stays ignored."""
_PATIENCE_SECONDS = 10.0
"""So long the clean-up is not disturbed by further signals."""
_AGAIN_SECONDS = 0.01
"""So long after it was lost an interrupt comes again, by SIGALRM."""


class _Ending:
    """The first signal that came, and when the last one was heeded."""

    number: int | None = None
    heeded = -_PATIENCE_SECONDS
    told: Any = None


def install() -> None:
    """Turn the signals that end a process into KeyboardInterrupt."""
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) in _OURS_TO_TAKE:
                signal.signal(number, _end)
        if signal.getsignal(signal.SIGALRM) in _OURS_TO_TAKE:
            signal.signal(signal.SIGALRM, _end)
            _Ending.told, sys.unraisablehook = sys.unraisablehook, _lost


def ignore() -> None:
    """What comes when the work is done must not disturb the leaving."""
    if threading.current_thread() is threading.main_thread():
        for number in (*_ENDING, signal.SIGALRM):
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


def _lost(unraisable: Any) -> None:
    """Have an interrupt come again that was raised where Python can only tell and go on.

    So it is in what the compiler calls back, and in what is done when an object goes.
    """
    if came() and issubclass(unraisable.exc_type, KeyboardInterrupt):
        _Ending.heeded = -_PATIENCE_SECONDS
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS)
    else:
        _Ending.told(unraisable)
