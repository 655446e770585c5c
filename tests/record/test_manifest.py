from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bandit.core import files
from bandit.core.errors import DataError
from bandit.record import manifest
from bandit.record.manifests import StatisticsManifest


def _written(folder: Path, /, **content: Any) -> Path:
    folder.mkdir()
    (folder / "a.parquet").write_bytes(b"a")
    (folder / "b.json").write_bytes(b"b")
    manifest.write(folder, {"kind": "wave", **content})
    return folder


def test_it_lists_the_files_and_reads_back(tmp_path: Path) -> None:
    folder = _written(tmp_path / "w", pairs=(("a", "b"),))
    content = manifest.read(folder)
    assert content["pairs"] == [["a", "b"]]
    assert content["files"]["a.parquet"]["bytes"] == 1
    assert manifest.verified(folder, content, ".parquet") == [folder / "a.parquet"]
    (folder / "a.parquet").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.parquet is damaged"):
        manifest.verified(folder, content)


def test_a_digest_that_is_known_is_not_made_again(tmp_path: Path) -> None:
    folder = _written(tmp_path / "w")
    manifest.write(folder, {"kind": "wave"}, {"a.parquet": "known"})
    found = manifest.read(folder)["files"]
    assert found["a.parquet"] == {"bytes": 1, "sha256": "known"}
    assert found["b.json"]["sha256"] == files.sha256(folder / "b.json")


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    one = _written(tmp_path / "one", x=1, y=2.5)
    two = _written(tmp_path / "two", y=2.5, x=1)
    assert (one / manifest.NAME).read_bytes() == (two / manifest.NAME).read_bytes()
    content = manifest.read(one)
    assert manifest.encoded(content) == (one / manifest.NAME).read_bytes()


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    folder = _written(tmp_path / "w", seed=7)
    path = folder / manifest.NAME
    whole = path.read_bytes()
    content = manifest.read(folder)
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            same = manifest.read(folder) == content
        except DataError as e:
            assert str(path) in str(e)  # noqa: PT017
        else:
            assert same, at  # white space may change


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged"),
        ("[]", "is not of format 1 or 2"),
        ('{"format": 3}', "is not of format 1 or 2"),
        ('{"format": 1}', "does not have the sha256"),
        ('{"format": 1, "x": NaN}', "does not have the sha256"),
        ("[" * 100_000, "is damaged"),
    ],
)
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / manifest.NAME).write_text(text)
    with pytest.raises(DataError, match=rf"manifest\.json.*{message}"):
        manifest.read(tmp_path)


def test_one_that_is_missing_or_huge_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        manifest.read(tmp_path)
    folder = _written(tmp_path / "w")
    monkeypatch.setattr(manifest, "_MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than"):
        manifest.read(folder)


def test_an_edit_by_hand_is_found(tmp_path: Path) -> None:
    folder = _written(tmp_path / "w", seed=7)
    path = folder / manifest.NAME
    edited = {**json.loads(path.read_text()), "seed": 8}
    path.write_text(json.dumps(edited))
    with pytest.raises(DataError, match="restore it from a backup"):
        manifest.read(folder)


def test_hidden_folders_are_not_published(tmp_path: Path) -> None:
    for name in ("b", "a", ".c.partial"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("x")
    assert [p.name for p in manifest.published(tmp_path)] == ["a", "b"]
    assert manifest.published(tmp_path / "nowhere") == []


def test_what_is_remembered_is_of_the_bytes_that_lie_there(tmp_path: Path) -> None:
    folder = _written(tmp_path / "w", wave="w")
    content = manifest.read(folder)
    content["kind"] = "changed by whoever read it"
    assert manifest.read(folder)["kind"] == "wave"
    view = StatisticsManifest.of(folder, manifest.read(folder))
    assert StatisticsManifest.of(folder, manifest.read(folder)) == view
    stat = (folder / manifest.NAME).stat()
    manifest.write(folder, {"kind": "wave", "wave": "v"})
    os.utime(folder / manifest.NAME, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = manifest.read(folder)
    assert (again["wave"], StatisticsManifest.of(folder, again).wave) == ("v", "v")


@pytest.mark.parametrize("told", [{"kind": "snapshot", manifest.FOLDER: "000001"},
                                  {"kind": "lists", "wave": "000001"}])  # fmt: skip
def test_a_folder_in_the_place_of_another_is_refused(tmp_path: Path, told: dict[str, Any]) -> None:
    """As one restored under another's name: whole, and not what its readers take it for."""
    folder = _written(tmp_path / "000001", **told)
    assert manifest.read(folder)["kind"] == told["kind"]
    folder.rename(tmp_path / "000002")
    with pytest.raises(DataError, match="000002 holds what was published as 000001: move it out"):
        manifest.read(tmp_path / "000002")
