"""What a `forget` replaced while it was read is read again; what is damaged is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.core.errors import DataError
from bandit.record import erase, manifest, steady
from tests.sources import rows


def _replaced(wave: Path) -> None:
    content = manifest.read(wave)
    new = wave / "new"
    new.write_bytes(manifest.encoded({**content, "forgotten": content.get("forgotten", 0) + 1}))
    new.replace(wave / manifest.NAME)


def test_a_reader_whose_files_were_replaced_reads_again(tmp_path: Path) -> None:
    wave = rows.publish_wave(tmp_path, "w", 4)
    seen = []

    @steady.steady
    def reader(campaign_path: Path) -> int:
        seen.append(campaign_path)
        if len(seen) == 1:
            _replaced(wave)
            raise DataError("decisions-0000.parquet is damaged")
        if len(seen) == 2:
            _replaced(wave)
        return len(seen)

    assert reader(tmp_path) == 3


def test_what_two_states_made_together_is_no_defect(tmp_path: Path) -> None:
    wave = rows.publish_wave(tmp_path, "w", 4)
    seen = []

    @steady.steady
    def reader(campaign_path: Path) -> int:
        seen.append(campaign_path)
        if len(seen) == 1:
            _replaced(wave)
            raise IndexError
        return len(seen)

    assert reader(tmp_path) == 2


def test_damage_is_told_after_the_second_look(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "w", 4)
    seen = []

    @steady.steady
    def reader(campaign_path: Path) -> int:
        seen.append(campaign_path)
        raise DataError("decisions-0000.parquet is damaged")

    with pytest.raises(DataError, match="is damaged"):
        reader(campaign_path=tmp_path)
    assert len(seen) == 1


def test_a_new_wave_disturbs_no_reader(tmp_path: Path) -> None:
    rows.publish_wave(tmp_path, "w", 4)
    seen = []

    @steady.steady
    def reader(campaign_path: Path) -> int:
        seen.append(campaign_path)
        rows.publish_wave(tmp_path, f"w{len(seen)}", 4)
        return len(seen)

    assert reader(tmp_path) == 1


def test_a_forget_that_died_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / erase.COMMITTED).mkdir()
    monkeypatch.setattr(steady, "_PATIENCE_SECONDS", 0.1)
    reader = steady.steady(Path.exists)
    with pytest.raises(DataError, match="has not finished; run it again"):
        reader(tmp_path)
