"""Kept code is that of the sources as they are, also of those that a kernel only calls."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bandit.kernels import _sources

ROOT = Path(__file__).resolve().parents[2]
CALLED = """
from bandit.kernels._compile import within
@within
def plus(x):
    return x + {added}
"""
CALLING = """
from bandit.kernels._compile import serial
from bandit.kernels.called import plus
@serial
def answer(x):
    return plus(x)
"""
RUN = "from bandit.kernels.calling import answer; print(answer(1), answer.stats.cache_hits)"


@pytest.mark.long
def test_what_a_kernel_calls_is_changed_and_the_kernel_is_made_again(tmp_path: Path) -> None:
    without = shutil.ignore_patterns("__pycache__")
    package = Path(shutil.copytree(ROOT / "bandit", tmp_path / "bandit", ignore=without))
    (package / "kernels" / "calling.py").write_text(CALLING, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    environment.pop("NUMBA_CACHE_DIR", None)
    told = []
    for added in (1, 1, 1000):
        called = package / "kernels" / "called.py"
        text = CALLED.format(added=added)
        if not called.exists() or called.read_text(encoding="utf-8") != text:
            called.write_text(text, encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-c", RUN], env=environment, cwd=tmp_path, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        told.append(run.stdout.split(" ", 1))
    answers = [answer for answer, _ in told]
    assert answers == ["2", "2", "1001"]
    assert ["Counter()" in hits for _, hits in told] == [True, False, True]


def _by_the_parser(file: Path) -> set[Path]:
    """What a module imports of ours, by Python's own reading."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.split(".")[0] == "bandit":
                place = ROOT.joinpath(*name.split("."))
                found |= {place.with_suffix(".py"), place / "__init__.py"}
    return {path for path in found if path.is_file()}


@pytest.mark.parametrize(
    "file", [*(ROOT / "bandit" / "kernels").rglob("*.py")], ids=lambda file: file.stem
)
def test_all_that_a_kernel_imports_is_behind_it(file: Path) -> None:
    read, left = {file}, [file]
    while left:
        new = _by_the_parser(left.pop()) - read
        read |= new
        left += new
    assert _sources.behind(file) == read
