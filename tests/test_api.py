"""The public names: loaded late, seen by a type checker, nothing else among them."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bandit

ROOT = Path(__file__).resolve().parents[1]

RIGHT = """\
import numpy as np
import polars as pl
import bandit

posterior = bandit.Posterior.prior(n_actions=3, n_features=2, ridge=1.0)
policy = bandit.LinUCB(alpha=1.0)
choice = policy.choose(posterior, np.zeros((5, 2), np.float32), seed=1)
posterior = posterior.update([[1.0, 0.0]], [2], [0.5])
frame = pl.DataFrame({"id": ["a"], "x": [1.0]})
policy.choose(posterior, [[1.0, 0.0]], costs=[0.0, 0.1, 0.1], keys=["a"], eligible=[[True] * 3])
policy.choose(posterior, frame.select("x").to_numpy(), keys=frame["id"])
best: int = int(choice.action[0])
n: int = bandit.experiments.sample_size(mean=1.0, sd=2.0, effect=0.1)
estimate = bandit.ope.ips([1.0, 0.0], [1.0, 1.0])
value: float = estimate.value
names = bandit.ActionSpace(["no contact", "fibre/email"])
"""
WRONG = {
    "bandit.LinUCB(alfa=1.0)": 'Unexpected keyword argument "alfa" for "LinUCB"',
    "bandit.LinUCB(alpha=1.0).chose()": '"LinUCB" has no attribute "chose"',
    "bandit.LinUBC()": 'Module has no attribute "LinUBC"',
    "bandit.Posterior.prior(3)": 'Missing positional argument "n_features"',
    "bandit.experiments.compare([1.0], [True], clustres=[1])": '"clustres"',
    "x: int = bandit.ActionSpace(['a'])[0]": "Incompatible types in assignment",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory, pytestconfig):
    """What mypy says of a user's files, in a project of their own."""
    folder = tmp_path_factory.mktemp("user")
    cache = pytestconfig.cache.mkdir("mypy")
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text("import bandit\n" + "\n".join(WRONG) + "\n")
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "right.py",
            "wrong.py",
        ],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT), "MYPY_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.long
def test_a_users_right_file_passes(complaints):
    assert not [line for line in complaints if line.startswith("right.py")]


@pytest.mark.long
@pytest.mark.parametrize("line", WRONG)
def test_a_users_wrong_line_is_refused(complaints, line):
    number = 2 + list(WRONG).index(line)
    said = [text for text in complaints if text.startswith(f"wrong.py:{number}:")]
    assert said, line
    assert WRONG[line] in " ".join(said)


def test_what_a_checker_sees_is_what_is_loaded():
    tree = ast.parse(Path(bandit.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        for alias in node.names
    }
    assert sorted(seen) == bandit.__all__
    for name, home in seen.items():
        module = importlib.import_module(f"bandit.{name}" if home == "bandit" else home)
        expected = module if home == "bandit" else getattr(module, name)
        assert getattr(bandit, name) is expected


def test_other_names_are_none():
    with pytest.raises(AttributeError, match="module 'bandit' has no attribute 'LinUBC'"):
        _ = bandit.LinUBC
    assert {"LinTS", "experiments", "worlds", "replay", "__version__"} <= set(dir(bandit))


def test_importing_loads_nothing_heavy():
    heavy = "('numpy', 'numba', 'duckdb', 'polars', 'pyarrow', 'pydantic', 'sqlglot', 'typer')"
    code = f"import sys, bandit; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
