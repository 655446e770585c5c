"""What a campaign says of itself is what its manifests and its journal hold."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from pathlib import Path

import pytest

from bandit.cli.app import main
from bandit.record import journal
from bandit.render.terminal import show
from bandit.workflows.inspect.status import status
from bandit.workflows.operate.journal import noted
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY, bytes_of


def _ran(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json", "-q"])
    assert not ended.value.code


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = campaigns.write(tmp_path_factory.mktemp("status") / "campaign")
    _ran("serve-batch", str(folder), "--wave", "w1", "--at", MONDAY.isoformat())
    _ran("serve-batch", str(folder), "--wave", "w1", "--at", MONDAY.isoformat())
    _ran("serve-batch", str(folder), "--wave", "dry", "--at", MONDAY.isoformat(), "--dry-run")
    later = (MONDAY + dt.timedelta(days=60)).isoformat()
    first = campaigns.decisions(folder, "w1").row(0, named=True)
    event = {
        "event_id": "e1", "decision_id": first["decision_id"], "event": "sale", "reward": 1.0,
        "occurred_at": f"{MONDAY:%Y-%m-%d} 12:00:00+00",
    }  # fmt: skip
    outcomes = campaigns.outcomes(folder / "o.csv", [event])
    _ran("learn", str(folder), "--outcomes", str(outcomes), "--at", later)
    _ran("serve-batch", str(folder), "--wave", "w2", "--at", later)
    return folder


def test_a_new_campaign_is_told_how_to_begin(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    before = bytes_of(folder)
    found = status(folder)
    assert (found.waves, found.snapshots, found.runs, found.serving) == ([], [], [], None)
    assert found.next == [f"bandit check {folder}", f"bandit serve-batch {folder}"]
    assert bytes_of(folder) == before


def test_waves_windows_and_snapshots_are_those_of_the_record(served: Path) -> None:
    found = status(served, at=MONDAY + dt.timedelta(days=61))
    assert [(w.name, w.closed, w.learned) for w in found.waves] == [
        ("w1", True, True), ("w2", False, False),
    ]  # fmt: skip
    for wave in found.waves:
        content = json.loads((served / "waves" / wave.name / "manifest.json").read_text())
        assert wave.decisions == content["decisions"]
        assert wave.contacted == content["summary"]["contacted"]
        assert wave.snapshot == content["snapshot"]
        assert wave.config == found.config
        assert wave.version == found.program
    assert [s.version for s in found.snapshots] == ["000000", "000001"]
    assert found.snapshots[1].waves == ["w1"]
    assert found.serving == "000001"
    assert (found.deliveries, found.events) == (1, 1)
    assert any("window of wave w2 closes on" in note for note in found.notes)
    assert f"bandit simulate {served}" in found.next


def test_who_ran_what_stands_in_the_journal(served: Path) -> None:
    found = status(served)
    told = [(run.command, run.made) for run in found.runs]
    assert told == [
        ("serve-batch", "w1"), ("serve-batch", "w1"), ("learn", "000001"), ("serve-batch", "w2"),
    ]  # fmt: skip
    me = f"{found.runs[0].user}@{found.runs[0].host}"
    assert [w.run_by for w in found.waves] == [me, me]
    assert found.snapshots[1].run_by == me


def test_a_rollback_is_told_as_such(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    serve_batch(folder, wave="w1", at=MONDAY)
    noted(folder, rollback(folder, version="000000"))
    found = status(folder)
    assert found.serving == "000001"
    assert found.snapshots[1].restored == "000000"
    assert found.snapshots[1].run_by is not None
    assert found.waves[0].run_by is None


def test_broken_lines_are_counted_and_a_link_is_not_followed(tmp_path: Path) -> None:
    journal.add(tmp_path, "learn", None, "0.1.0")
    with (tmp_path / journal.NAME).open("ab") as file:
        file.write(b'{"at": "2026"}\n[1]\n\xff\n{"at"')
    found = journal.read(tmp_path)
    assert (len(found.entries), found.unreadable) == (1, 4)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / journal.NAME).symlink_to(tmp_path / "planted")
    with pytest.raises(OSError, match="symbolic links"):
        journal.add(tmp_path / "other", "learn", None, "0.1.0")
    assert not (tmp_path / "planted").exists()


def test_a_journal_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    (folder / journal.NAME).mkdir()
    result = noted(folder, serve_batch(folder, wave="w1", at=MONDAY))
    assert "who ran this is lost" in result.notes[-1]


def test_it_is_shown(served: Path) -> None:
    text = StringIO()
    show(status(served), text, width=160)
    assert "w1" in text.getvalue()
    assert "learned" in text.getvalue()
