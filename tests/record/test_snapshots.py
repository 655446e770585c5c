from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError, UsageError
from bandit.record import manifest, snapshots
from bandit.record.manifests import Features


def _stored(campaign: Path, content: bytes = b"sums") -> str:
    version = snapshots.next_version(campaign)
    final = campaign / snapshots.SNAPSHOTS / version
    with files.aside(final) as partial:
        snapshots.fill(
            partial,
            version,
            save=lambda path: path.write_bytes(content) and None,
            actions=ActionSpace(["no contact", "shoes/email"]),
            features=Features(spec="{}"),
            campaign="campaign.toml",
            parent=None,
            about={"unit": "EUR"},
        )
        files.put_in_place((partial, final))
    return version


def test_versions_count_up_and_the_newest_serves(tmp_path: Path) -> None:
    assert snapshots.latest(tmp_path) is None
    assert [_stored(tmp_path) for _ in range(3)] == ["000000", "000001", "000002"]
    newest = snapshots.latest(tmp_path)
    assert newest is not None
    assert newest.version == "000002"
    assert newest.actions.pairs == (("shoes", "email"),)
    assert newest.posterior_file().read_bytes() == b"sums"


def test_an_unknown_version_is_named_with_those_there_are(tmp_path: Path) -> None:
    _stored(tmp_path)
    with pytest.raises(UsageError, match="no snapshot '7'; it has 000000"):
        snapshots.load(tmp_path, "7")


def test_a_damaged_posterior_is_refused_by_name(tmp_path: Path) -> None:
    version = _stored(tmp_path)
    path = tmp_path / snapshots.SNAPSHOTS / version / snapshots.POSTERIOR
    path.write_bytes(b"bums")
    with pytest.raises(DataError, match=r"000000/posterior\.safetensors is damaged"):
        snapshots.load(tmp_path, version).posterior_file()


def test_a_manifest_that_lacks_something_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / snapshots.SNAPSHOTS / "000000"
    folder.mkdir(parents=True)
    manifest.write(folder, {"kind": "snapshot"})
    with pytest.raises(DataError, match="'actions': field required"):
        snapshots.load(tmp_path, "000000")


def test_a_copy_beside_the_versions_is_none_of_them(tmp_path: Path) -> None:
    _stored(tmp_path)
    folder = tmp_path / snapshots.SNAPSHOTS
    shutil.copytree(folder / "000000", folder / "000000.bak")
    assert snapshots.versions(tmp_path) == ["000000"]
    assert snapshots.next_version(tmp_path) == "000001"
