"""The shared folder is empty, the owner's alone and gone afterwards, whatever late attempts do."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bandit.core import files
from bandit.core.errors import DataError
from bandit.runners import shared


def test_it_is_empty_private_and_gone_afterwards(tmp_path: Path) -> None:
    left = tmp_path / ".cluster.partial"
    left.mkdir()
    (left / "of a dead run").touch()
    with shared.shared(tmp_path) as folder:
        assert folder == left
        assert list(folder.iterdir()) == []
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "x").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("failures", "gone"), [(2, True), (1000, False)])
def test_a_late_attempt_that_writes_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, gone: bool
) -> None:
    remove, tried = files.remove, []

    def disturbed(path: Path) -> bool:
        tried.append(path)
        if 1 < len(tried) <= 1 + failures:
            raise OSError(39, "Directory not empty")
        return remove(path)

    monkeypatch.setattr(files, "remove", disturbed)
    monkeypatch.setattr(shared, "_SECONDS", 0.0)
    with shared.shared(tmp_path) as folder:
        (folder / "x").touch()
    assert folder.exists() != gone
    monkeypatch.undo()
    files.sweep(tmp_path)
    assert not folder.exists()


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    (tmp_path / ".cluster.partial").symlink_to(elsewhere)
    with shared.shared(tmp_path) as folder:
        assert not folder.is_symlink()
    assert (elsewhere / "theirs").exists()


def test_a_disk_that_refuses_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="could not be written"),
        shared.shared(tmp_path / "nowhere"),
    ):
        raise AssertionError
