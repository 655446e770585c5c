"""A signal ends a command wherever it comes, also where Python cannot raise."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, time
from bandit.cli import signals

class Going:
    def __del__(self):
        os.kill(os.getpid(), {number})
        for _ in range(100):
            pass

@ctypes.CFUNCTYPE(None)
def called():
    Going.__del__(None)

signals.install()
try:
    {where}
    time.sleep(20)
except KeyboardInterrupt:
    raise SystemExit(signals.code())
"""


@pytest.mark.parametrize("where", ["called()", "Going()"])
def test_a_signal_in_a_callback_comes_again(where: str) -> None:
    """The compiler calls back, and what is raised there Python only tells of and goes on."""
    program = PROGRAM.format(number=int(signal.SIGTERM), where=where)
    done = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=False, timeout=15
    )
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, "")


def test_what_else_is_lost_is_told() -> None:
    wrong = "ctypes.CFUNCTYPE(None)(lambda: 1 / 0)(); raise SystemExit(3)"
    program = PROGRAM.format(number=0, where=wrong)
    done = subprocess.run(
        [sys.executable, "-c", program], text=True, capture_output=True, check=False, timeout=15
    )
    assert done.returncode == 3
    assert "ZeroDivisionError" in done.stderr
