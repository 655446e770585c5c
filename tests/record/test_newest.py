"""The newest delivery or snapshot that is gone is missed, as one from among others is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bandit.core.errors import DataError
from bandit.record import manifest, newest, outcomes, snapshots


def _deliver(campaign: Path, number: int) -> Path:
    folder = campaign / outcomes.OUTCOMES / f"batch-{number}"
    folder.mkdir(parents=True)
    manifest.write(folder, {"kind": "outcomes", manifest.FOLDER: folder.name, "delivery": number})
    outcomes.settle(campaign)
    return folder


def test_the_newest_delivery_is_missed_and_may_be_given_up(tmp_path: Path) -> None:
    _deliver(tmp_path, 1)
    shutil.rmtree(_deliver(tmp_path, 2))
    outcomes.settle(tmp_path)  # what was there is not forgotten
    with pytest.raises(DataError, match=r"lacks delivery 2.*remove .*newest\.json"):
        outcomes.taken(tmp_path)
    (tmp_path / newest.NAME).unlink()
    assert [one.number for one in outcomes.taken(tmp_path)] == [1]


def test_a_folder_that_is_gone_as_a_whole_begins_anew(tmp_path: Path) -> None:
    _deliver(tmp_path, 1)
    _deliver(tmp_path, 2)
    shutil.rmtree(tmp_path / outcomes.OUTCOMES)
    assert outcomes.taken(tmp_path) == []
    outcomes.settle(tmp_path)
    _deliver(tmp_path, 1)
    assert [one.number for one in outcomes.taken(tmp_path)] == [1]


def test_the_newest_snapshot_is_missed_until_one_takes_its_place(tmp_path: Path) -> None:
    for version in ("000000", "000001"):
        (tmp_path / snapshots.SNAPSHOTS / version).mkdir(parents=True)
        snapshots.settle(tmp_path)
    (tmp_path / snapshots.SNAPSHOTS / "000001").rmdir()
    snapshots.settle(tmp_path)
    assert snapshots.missing(tmp_path) == "000001"
    snapshots.settle(tmp_path, whole=False)
    assert snapshots.missing(tmp_path) is None


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    _deliver(tmp_path, 1)
    path = tmp_path / newest.NAME
    path.write_bytes(path.read_bytes().replace(b'"outcomes": 1', b'"outcomes": 0'))
    with pytest.raises(DataError, match=r"newest\.json is damaged.*remove it"):
        outcomes.taken(tmp_path)
