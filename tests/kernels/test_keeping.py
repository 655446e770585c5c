"""One process compiles what several need; a kernel that cannot be compiled keeps nobody waiting."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numba
import pytest

from bandit.kernels import _keeping
from bandit.kernels._compile import serial

RUN = """
import numpy as np
from numba.core import event
compiled = event.install_recorder("numba:compile")
from bandit.kernels.linear import cholesky
with compiled as found:
    cholesky.factor_into(np.eye(3), np.zeros((3, 3)))
names = [each.data["dispatcher"].py_func.__name__ for _, each in found.buffer if each.is_start]
print(names.count("factor_into"))
"""


def test_of_two_that_begin_together_one_compiles(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    both = [
        subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    counts = [int(each.communicate(timeout=300)[0]) for each in both]
    assert sorted(counts) == [0, 1]


@serial
def _broken(content: Any) -> Any:
    return content.nothing


def test_who_fails_lets_others_try():
    with pytest.raises(numba.TypingError):
        _broken(1.0)
    assert _keeping._turns == {}
