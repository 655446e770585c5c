"""A first run says that kernels are being compiled, a run that finds them says nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bandit.core.compiling import Compiling

RUN = """
import json, numpy as np
from bandit.core.compiling import COMPILING
said = []
COMPILING.say = said.append
from bandit.kernels.linear import masked_choice
masked_choice.mean_weight_into(0, 1, np.ones((1, 1), np.uint8), 0, np.ones(2), np.zeros(1))
print(json.dumps(said))
"""


def _said(kept: object) -> list[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kept), "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, check=True, capture_output=True, text=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_compiling_is_told_once(tmp_path):
    first, second = _said(tmp_path), _said(tmp_path)
    assert first[0].startswith("compiling kernels for this machine, once: 0 of about")
    assert second == []


def test_lines_are_seconds_apart_and_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, said = iter([0.0, 1.0, 6.0]), []
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    compiling = Compiling()
    compiling.say = said.append
    for _ in range(3):
        compiling.begun()
        compiling.ended()
    assert [line.split(": ")[1][:11] for line in said] == ["0 of about ", "2 of about "]
