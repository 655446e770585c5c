"""One process compiles what several need; a kernel that cannot be compiled keeps nobody waiting."""

from __future__ import annotations

import errno
import fcntl
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import pytest

from bandit.core.compiling import Compiling
from bandit.kernels import _keeping, _numba, _sources
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


def _kept(folder: Path, added: int) -> Any:
    """A kernel in a file of its own, whose code is kept in that folder, as a new process has it."""
    path = folder / "one.py"
    path.write_text(f"def plus(x):\n    return x + {added}\n", encoding="utf-8")
    for remembered in (_sources._read, _sources.stamp):
        remembered.cache_clear()
    return _numba.njit(cache=True)(runpy.run_path(str(path))["plus"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    return tmp_path


def _flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:0],
        lambda content: bytes(len(content)),
        lambda content: content[:-40],
        lambda content: content[:2],
        lambda content: content + b"more",
        _flipped,
    ],
)
def test_what_is_not_as_it_was_written_is_compiled_again(
    folder: Path, spoil: Callable[[bytes], bytes]
) -> None:
    assert _kept(folder, 1)(1) == 2
    for name in ("*.nbi", "*.nbc"):
        (path,) = (folder / "kept").rglob(name)
        path.write_bytes(spoil(path.read_bytes()))
        again = _kept(folder, 1)
        assert again(1) == 2
        assert not again.stats.cache_hits
        read = _kept(folder, 1)
        assert read(1) == 2
        assert read.stats.cache_hits


def test_what_a_killed_run_left_beside_goes(folder: Path) -> None:
    assert _kept(folder, 1)(1) == 2
    (path,) = (folder / "kept").rglob("*.nbc")
    path.with_name(f"{path.name}.tmp.0123").write_bytes(b"half")
    path.unlink()
    assert _kept(folder, 1)(1) == 2
    assert not list((folder / "kept").rglob("*.tmp.*"))


def test_code_of_before_is_not_run_where_the_disk_is_full_after_an_update(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    assert _kept(folder, 1)(1) == 2
    with monkeypatch.context() as patched:
        patched.setattr(_keeping._Files, "_save_data", full)
        assert _kept(folder, 20)(1) == 21
    assert _keeping._turns == {}
    assert _kept(folder, 20)(1) == 21


@serial
def _broken(content: Any) -> Any:
    return content.nothing


def test_who_waits_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, said = tmp_path / "one.py", list[str]()
    source.touch()
    monkeypatch.setattr(_keeping, "COMPILING", Compiling())
    monkeypatch.setattr(_keeping, "WAIT", 0.1)
    _keeping.COMPILING.say = said.append
    with source.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        _keeping._begin(str(source))
        _keeping._end(str(source))
    assert said == ["waiting for another process that is compiling kernels for this machine"]


def test_who_fails_lets_others_try():
    with pytest.raises(numba.TypingError):
        _broken(1.0)
    assert _keeping._turns == {}
