from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bandit.core.errors import DataError, LockedError
from bandit.record import lock

HOLDER = """
import sys, time
from pathlib import Path
from bandit.record import lock
with lock.hold(Path(sys.argv[1]), "serve-batch --wave w"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with lock.hold(tmp_path, "learn"):
        message = rf"is held by `bandit learn` \(process {os.getpid()} on .*, since 2"
        with pytest.raises(LockedError, match=message), lock.hold(tmp_path, "serve-batch"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_holder_leaves_it_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match="serve-batch --wave w"), lock.hold(tmp_path, "learn"):
            pass
        holder.kill()
    assert (tmp_path / lock.NAME).exists()
    with lock.hold(tmp_path, "learn"):
        who = json.loads((tmp_path / lock.NAME).read_text())
        assert who["process"] == os.getpid()


@pytest.mark.parametrize("left", ["", "no json", "[]", '{"command": "x"}', '{"process": 1}'])
def test_what_stands_in_the_file_decides_nothing(
    tmp_path: Path, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.0)
    path = tmp_path / lock.NAME
    path.write_text(left)
    with path.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LockedError, match="another run"), lock.hold(tmp_path, "learn"):
            pass
    with lock.hold(tmp_path, "learn"):
        pass
    assert not path.exists()


def test_a_file_removed_in_between_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, removed = fcntl.flock, []

    def flock(handle: int, how: int) -> None:
        real(handle, how)
        if not removed:
            removed.append(True)
            (tmp_path / lock.NAME).unlink()

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock.hold(tmp_path, "learn"):
        assert (tmp_path / lock.NAME).exists()
    assert removed


@pytest.mark.parametrize("call", ["open", "ftruncate", "pwrite"])
def test_a_disk_that_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(28, "No space left on device", str(arguments[0]))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(DataError, match="could not be locked: No space"):  # noqa: SIM117
        with lock.hold(tmp_path, "learn"):
            pass


def test_a_folder_that_may_not_be_written_to_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def refuse(path: Path, flags: int, *more: int) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, flags, *more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DataError, match="could not be locked: Permission denied"):  # noqa: SIM117
        with lock.hold(tmp_path, "learn"):
            pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "somewhere"
    target.write_text("mine")
    campaign = tmp_path / "campaign"
    campaign.mkdir()
    (campaign / lock.NAME).symlink_to(target)
    with pytest.raises(DataError, match="could not be locked"), lock.hold(campaign, "learn"):
        pass
    assert target.read_text() == "mine"


def test_an_interrupt_while_it_is_let_go_leaves_nobody_locked_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notebook's process lives on: an open handle would be a lock on its own campaign."""

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", interrupted)
        with pytest.raises(KeyboardInterrupt), lock.hold(tmp_path, "learn"):
            pass
    with lock.hold(tmp_path, "learn"):
        pass
