"""A campaign's folder that came from elsewhere: nothing outside of it is written or removed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from bandit.core import files
from bandit.core.errors import DataError
from bandit.record import erase, lock, manifest

INNOCENT = "waves/w/decisions-0001.parquet"


def _planted(folder: Path, *removals: str, replaced: str | None = None) -> Path:
    stage = folder / "campaign" / erase.COMMITTED
    stage.mkdir(parents=True)
    (stage / "removals.json").write_text(json.dumps(list(removals)))
    if replaced is not None:
        (stage / replaced).parent.mkdir(parents=True, exist_ok=True)
        (stage / replaced).write_text("planted")
    return folder / "campaign"


@pytest.mark.parametrize(
    "removal",
    [
        "../victim", "/victim", ".", "", "..", "waves", "waves/../../victim/decisions-0.parquet",
        "waves/w", "exports/w", "campaign.toml", "waves/w/decisions-0.parquet/../../x",
        "statistics/..", "statistics/.", "statistics/a/b", "snapshots/000001",
    ],
)  # fmt: skip
def test_a_planted_forget_removes_nothing_that_no_forget_removes(
    removal: str, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "decisions-0.parquet").write_text("kept")
    name = removal.replace("/victim", str(victim), 1) if removal == "/victim" else removal
    campaign = _planted(tmp_path, INNOCENT, name)
    (campaign / "waves" / "w").mkdir(parents=True)
    (campaign / INNOCENT).write_text("kept")
    with pytest.raises(DataError, match="no `forget` does"):
        erase.finish(campaign)
    assert (victim / "decisions-0.parquet").is_file()
    assert (campaign / INNOCENT).is_file()


@pytest.mark.parametrize(
    "replaced", ["campaign.toml", "customers.csv", "waves/w/x.py", "snapshots/1/manifest.json"]
)
def test_a_planted_forget_replaces_no_file_of_the_user(replaced: str, tmp_path: Path) -> None:
    campaign = _planted(tmp_path, replaced=replaced)
    (campaign / replaced).parent.mkdir(parents=True, exist_ok=True)
    (campaign / replaced).write_text("kept")
    with pytest.raises(DataError, match="no `forget` does"):
        erase.finish(campaign)
    assert (campaign / replaced).read_text() == "kept"


def test_a_planted_forget_goes_through_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "decisions-0001.parquet").write_text("kept")
    campaign = _planted(tmp_path, INNOCENT)
    (campaign / "waves").mkdir()
    (campaign / "waves" / "w").symlink_to(victim)
    with pytest.raises(DataError, match="is a link"):
        erase.finish(campaign)
    assert (victim / "decisions-0001.parquet").is_file()


@pytest.mark.parametrize("text", ["{", "7", '["a", 1]', "[" * 100_000])
def test_a_damaged_list_of_removals_is_told(text: str, tmp_path: Path) -> None:
    campaign = _planted(tmp_path)
    (campaign / erase.COMMITTED / "removals.json").write_text(text)
    with pytest.raises(DataError, match="damaged"):
        erase.finish(campaign)


@pytest.mark.parametrize("planted", ["waves", "waves/w"])
def test_a_planted_link_is_no_wave_and_takes_none(planted: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    campaign = tmp_path / "campaign"
    (campaign / planted).parent.mkdir(parents=True)
    (campaign / planted).symlink_to(elsewhere)
    with pytest.raises(DataError, match="is a link"):
        manifest.published(campaign / "waves")
    with pytest.raises(DataError, match="is a link"), files.aside(campaign / "waves" / "w"):
        pass
    assert not list(elsewhere.iterdir())


def test_a_file_is_written_beside_a_link_and_not_through_it(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "report.html").symlink_to(target)
    files.write_bytes(tmp_path / "report.html", b"ours")
    assert target.read_text() == "kept"
    assert (tmp_path / "report.html").read_bytes() == b"ours"


def test_what_is_about_people_is_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with files.aside(tmp_path / "waves" / "w") as partial:
            (partial / "part").mkdir()
            (partial / "part" / "decisions-0000.parquet").write_text("x")
            files.put_in_place((partial, tmp_path / "waves" / "w"))
        files.write_bytes(tmp_path / "customer.json", b"x")
    finally:
        os.umask(before)
    folder = tmp_path / "waves" / "w"
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (folder, *folder.rglob("*"))}
    assert set(modes.values()) == {0o700, 0o600}
    assert stat.S_IMODE((tmp_path / "customer.json").stat().st_mode) == 0o600


def test_a_stale_lock_that_may_not_be_written_to_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's run was killed: its file is there, and only reading it is allowed."""
    stale = tmp_path / lock.NAME
    stale.write_text("{}")
    inode = stale.stat().st_ino
    opened = os.open

    def refusing(path: Path, flags: int, mode: int = 0o777) -> int:
        theirs = Path(path) == stale and stale.exists() and stale.stat().st_ino == inode
        if theirs and flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, mode)

    monkeypatch.setattr(lock.os, "open", refusing)
    with lock.hold(tmp_path, "learn"):
        assert "learn" in stale.read_text()
