"""A small command leaves out what it does not need, and says what it says otherwise."""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bandit.cli import lean
from bandit.core.compiling import COMPILING
from bandit.workflows.inspect import light
from bandit.workflows.inspect.customer import customer
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

WEEK = dt.timedelta(days=7)
ALONE = "[model]\nshare = false"
PROGRAM = """
import sys
from bandit.cli import main
sys.argv = ["bandit", "customer", {folder!r}, "{who}", "--json", "--at", "2026-11-09"]
try:
    main()
finally:
    print("LOADED", *sys.modules)
"""


def _learned(folder: Path, more: str) -> Path:
    """A wave with a few sales, and what was learned of them."""
    campaigns.write(folder, customers=60, more=more)
    serve_batch(folder, wave="w1", at=MONDAY)
    sold = [
        {
            "event_id": f"e{number}", "decision_id": row["decision_id"], "customer_id": None,
            "event": "sale", "reward": 1.0 + number % 3, "occurred_at": "2026-11-03T10:00:00+00:00",
        }
        for number, row in enumerate(campaigns.decisions(folder, "w1").to_dicts())
        if number % 2
    ]  # fmt: skip
    learn(folder, outcomes=campaigns.outcomes(folder / "sold.csv", sold), at=MONDAY + WEEK)
    return folder


def test_a_page_is_made_without_the_compiler_and_says_the_same(tmp_path: Path) -> None:
    folder = _learned(tmp_path, ALONE)
    assert light.is_light(folder)
    left = tmp_path / "left"
    left.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(folder=str(folder), who=10)],
        text=True, capture_output=True, check=False, env={**os.environ, "TMPDIR": str(left)},
    )  # fmt: skip
    assert (done.returncode, list(left.iterdir())) == (0, [])
    told, loaded = done.stdout.split("LOADED")
    assert not {"numba", "llvmlite", "pandas", "polars"} & set(loaded.split()), done.stderr
    page = customer(folder, customer="10", at=MONDAY + WEEK)
    assert any(one.mean for one in page.open)
    assert json.loads(told) == json.loads(json.dumps(page.to_json()))


@pytest.mark.long
def test_a_wave_takes_the_compiler_and_neither_pandas_nor_scipy(tmp_path: Path) -> None:
    """And decides as a process that has them."""
    folder = campaigns.write(tmp_path / "campaign", customers=60, more=ALONE)
    again = campaigns.write(tmp_path / "again", customers=60, more=ALONE)
    program = PROGRAM.replace('"customer", {folder!r}, "{who}"', '"serve-batch", {folder!r}')
    done = subprocess.run(
        [sys.executable, "-c", program.format(folder=str(folder))],
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    told, loaded = done.stdout.split("LOADED")
    assert done.returncode == 0, done.stderr
    assert {"pandas", "scipy"} & set(loaded.split()) == set()
    assert "numba" in loaded.split()
    name = json.loads(told)["wave"]
    serve_batch(again, wave=name, at=dt.datetime(2026, 11, 9, tzinfo=dt.UTC))
    ours, other = campaigns.decisions(folder, name), campaigns.decisions(again, name)
    assert ours.drop("decided_at").equals(other.drop("decided_at"))


def test_a_process_ends_with_its_command(tmp_path: Path) -> None:
    """What was to be cleaned up is, nothing else is taken apart, and code and words are whole."""
    folder = campaigns.write(tmp_path / "campaign", customers=60)
    program = """
import atexit, sys
from bandit.cli import main
class Part:
    def __del__(self, write=sys.stderr.write):
        write("taken apart")
part = Part()
atexit.register(sys.stderr.write, "cleaned up before")
sys.argv = ["bandit", "check", sys.argv[1], "--json"]
try:
    main()
finally:
    atexit.register(sys.stderr.write, "cleaned up")
"""
    for given, code in ((folder, 0), (tmp_path / "nowhere", 3)):
        done = subprocess.run(
            [sys.executable, "-c", program, str(given)], text=True, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)
        assert done.stderr.endswith("cleaned up"), done.stderr


def test_what_takes_python_long_takes_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not light.is_light(tmp_path / "nowhere")
    folder = campaigns.write(tmp_path, customers=60, more=ALONE)
    assert not light.is_light(folder)  # nothing is fitted: everybody is read
    serve_batch(folder, wave="w1", at=MONDAY)
    assert light.is_light(folder)
    monkeypatch.setattr(light, "MOST", 10)
    assert not light.is_light(folder)


def test_a_process_that_goes_on_keeps_everything(tmp_path: Path) -> None:
    before = list(sys.meta_path)
    lean.lean(tmp_path)
    lean.swift()
    assert gc.isenabled()
    assert not COMPILING.left_out
    assert sys.meta_path == before
