from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bandit.core import spill

HOLDER = """
import os, signal
from bandit.core import spill
folder = spill.folder()
folder.mkdir()
(folder / "customers.tmp").write_text("people")
print(folder, flush=True)
if {die}: os.kill(os.getpid(), signal.SIGKILL)
"""


def _process(parent: Path, *, die: bool) -> Path:
    """A process that spills into a folder below `parent`, then is killed or ends."""
    environment = {**os.environ, "TMPDIR": str(parent)}
    command = [sys.executable, "-c", HOLDER.replace("{die}", str(die))]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=not die)
    return Path(ended.stdout.strip())


def test_each_connection_gets_a_folder_of_its_own() -> None:
    one, two = spill.folder(), spill.folder()
    assert one != two
    assert one.parent == two.parent
    assert one.parent.name.startswith(spill.PREFIX)


def test_it_is_gone_when_the_process_ends(tmp_path: Path) -> None:
    _process(tmp_path, die=False)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = _process(tmp_path, die=True)
    assert (left / "customers.tmp").exists()
    (tmp_path / "bandit-spill-file").write_text("mine")
    (tmp_path / "other").mkdir()
    spill._sweep(tmp_path)
    assert left.exists(), "too young to be told from one that is just starting"
    monkeypatch.setattr(spill, "_GRACE_SECONDS", -1.0)
    spill._sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bandit-spill-file", "other"]


def test_a_folder_that_is_held_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    held = spill.folder().parent
    monkeypatch.setattr(spill, "_GRACE_SECONDS", -1.0)
    spill._sweep(Path(tempfile.gettempdir()))
    assert held.is_dir()
