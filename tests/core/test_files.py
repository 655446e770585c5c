from __future__ import annotations

import errno
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bandit.core import files
from bandit.core.errors import DataError, LockedError


def _filled(final: Path, content: str = "x") -> Path:
    partial = files.beside(final)
    partial.mkdir(parents=True)
    (partial / "file").write_text(content)
    return partial


def test_a_folder_is_aside_until_it_is_put_in_place(tmp_path: Path) -> None:
    final = tmp_path / "waves" / "one"
    with files.aside(final) as partial:
        (partial / "file").write_text("x")
        assert not final.exists()
        files.put_in_place((partial, final))
    assert [p.name for p in (tmp_path / "waves").iterdir()] == ["one"]


def test_what_was_not_put_in_place_is_gone(tmp_path: Path) -> None:
    final = tmp_path / "one"

    def fail() -> None:
        with files.aside(final) as partial:
            (partial / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_run_left_is_replaced(tmp_path: Path) -> None:
    final = tmp_path / "one"
    (_filled(final) / "older").write_text("left")
    with files.aside(final) as partial:
        assert list(partial.iterdir()) == []


@pytest.mark.parametrize("failing", [1, 2])
def test_if_one_rename_fails_the_others_are_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    moves = [(_filled(tmp_path / name), tmp_path / name) for name in ("a", "b", "c")]
    real, done = Path.rename, []

    def rename(self: Path, target: Path) -> Path:
        if target == moves[failing][1]:
            raise OSError(28, "No space left on device")
        done.append(target)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="No space"):
        files.put_in_place(*moves)
    assert all(partial.is_dir() and not final.exists() for partial, final in moves)
    assert len(done) == 2 * failing


def test_a_step_between_renames_undoes_them_when_it_fails(tmp_path: Path) -> None:
    partial, final = _filled(tmp_path / "a"), tmp_path / "a"

    def fail() -> None:
        with files.placing(partial) as place:
            place(partial, final)
            assert final.is_dir()
            raise DataError("no index")

    with pytest.raises(DataError, match="index"):
        fail()
    assert partial.is_dir()
    assert not final.exists()


def test_what_cannot_be_undone_keeps_what_lies_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.rename

    def once(self: Path, target: Path) -> Path:
        if (tmp_path / "a").exists():
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", once)
    message = "a is published and could not be completed: Input/output error"
    with pytest.raises(files.HalfPlacedError, match=message):  # noqa: SIM117 - two folders aside, one error
        with files.aside(tmp_path / "a") as a, files.aside(tmp_path / "b") as b:
            files.put_in_place((a, tmp_path / "a"), (b, tmp_path / "b"))
    assert (tmp_path / "a").is_dir()
    assert files.beside(tmp_path / "b").is_dir()


def test_everything_is_synced_before_the_first_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = tmp_path / "waves" / "one"
    partial = _filled(final)
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync", synced.append)
    files.put_in_place((partial, final))
    assert synced == [partial / "file", partial, partial.parent, tmp_path, final.parent]


def test_a_full_disk_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one could not be written: No space.*make room"):  # noqa: SIM117 - two folders aside, one error
        with files.aside(tmp_path / "one"):
            raise OSError(28, "No space left on device")


def test_a_file_is_written_whole_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    files.write_bytes(path, b"old")

    def broken(self: Path, target: Path) -> Path:
        raise OSError(5, f"Input/output error: {self} {target}")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(DataError, match=r"file\.json could not be written"):
        files.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


def test_sweeping_takes_only_what_is_half_written(tmp_path: Path) -> None:
    _filled(tmp_path / "dead")
    (tmp_path / ".file.partial").write_text("x")
    for name in (".hidden", "one.partial", "wave"):
        (tmp_path / name).mkdir()
    assert sorted(p.name for p in files.sweep(tmp_path)) == [".dead.partial", ".file.partial"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "one.partial", "wave"]
    assert files.sweep(tmp_path / "nowhere") == []


def test_a_file_is_known_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    path.write_bytes(b"content")
    digest = hashlib.sha256(b"content").hexdigest()
    assert files.verify(tmp_path, path.name, digest) == path
    path.write_bytes(b"contenu")
    with pytest.raises(DataError, match=r"part\.parquet is damaged.*restore it"):
        files.verify(tmp_path, path.name, digest)
    path.unlink()
    with pytest.raises(DataError, match=r"part\.parquet is named in the manifest and cannot"):
        files.verify(tmp_path, path.name, digest)


def test_a_file_comes_over_the_border_of_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, final = tmp_path / "a" / "new", tmp_path / "b" / "old"
    for file in (path, final):
        file.parent.mkdir()
        file.write_text(file.name)
    rename = Path.replace

    def refusing(self: Path, target: Path) -> Path:
        if self.parent != target.parent:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refusing)
    files.bring(path, final)
    assert final.read_text() == "new"
    assert [p.name for p in final.parent.iterdir()] == ["old"]


def test_of_two_that_write_a_file_at_once_each_writes_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    contents = [bytes([letter]) * 3_000_000 for letter in b"abcd"]
    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(lambda content: files.write_bytes(path, content), contents * 5))
    assert path.read_bytes() in contents
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_what_a_dead_run_left_of_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    files.beside(path).write_bytes(b"half")
    os.link(files.beside(path), tmp_path / "another's")
    files.write_bytes(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert (tmp_path / "another's").read_bytes() == b"half"


def test_a_folder_that_another_run_fills_is_left_to_it(tmp_path: Path) -> None:
    final = tmp_path / "one"
    with files.aside(final) as partial:
        (partial / "file").write_text("x")
        with pytest.raises(LockedError, match="being filled by another run"), files.aside(final):
            pass
        files.put_in_place((partial, final))
    assert (final / "file").read_text() == "x"
