from __future__ import annotations

from pathlib import Path

from bandit.record import journal


def test_an_entry_behind_a_torn_line_is_read(tmp_path: Path) -> None:
    journal.add(tmp_path, "learn", "000001", "1")
    path = tmp_path / journal.NAME
    path.write_bytes(path.read_bytes() + b'{"at": "2026-')
    journal.add(tmp_path, "learn", "000002", "1")
    found = journal.read(tmp_path)
    assert [entry.made for entry in found.entries] == ["000001", "000002"]
    assert found.unreadable == 1
