"""Lists that a dead run left out: the wave's own channels, on its own day, or nobody is mailed."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from bandit.core.errors import ConfigError
from bandit.record import exports
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests.faults import people, small

WAVE = small.AT.date().isoformat()
HOUR = small.DAY / 24


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wave whose run died after its record was published and before its lists were."""
    folder = small.write(tmp_path_factory.mktemp("recovery"), customers=60)
    serve_batch(folder, at=small.AT)
    lists = folder / "exports" / WAVE
    lists.rename(lists.with_name(f".{WAVE}.partial"))
    return folder


@pytest.fixture
def campaign(served: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(served, tmp_path / "campaign"))


def _contacts(folder: Path) -> set[str]:
    return {r["decision_id"] for r in people.decisions(folder, WAVE) if r["action"] > 0}


def _withheld(folder: Path) -> set[str]:
    return set(pl.read_parquet(folder / "exports" / WAVE / exports.WITHHELD)["decision_id"])


def test_a_renamed_channel_loses_nobody(campaign: Path) -> None:
    config = campaign / "campaign.toml"
    config.write_text(config.read_text().replace('name = "sms"', 'name = "text"'))
    learn(campaign, at=small.AT + HOUR)
    listed = people.lists(campaign, WAVE)
    assert (campaign / "exports" / WAVE / "sms.csv").is_file()
    assert listed
    assert listed | _withheld(campaign) == _contacts(campaign)
    assert not listed & _withheld(campaign)


def test_lists_of_a_day_gone_by_are_withheld_and_not_learned_from(campaign: Path) -> None:
    found = learn(campaign, no_events=True, at=small.AT + 5 * small.DAY)
    assert any("its day has gone by" in note for note in found.notes)
    assert not people.lists(campaign, WAVE)
    assert _withheld(campaign) == _contacts(campaign)
    assert found.decisions == sum(
        r["action"] == 0 and r["slot"] == 1 and r["placement"] == "outbound"
        for r in people.decisions(campaign, WAVE)
    )


def test_lists_of_a_day_gone_by_are_written_for_who_asks(campaign: Path) -> None:
    learn(campaign, no_events=True, at=small.AT + 5 * small.DAY)
    serve_batch(campaign, wave=WAVE, at=small.AT)
    listed = people.lists(campaign, WAVE)
    assert listed
    assert listed | _withheld(campaign) == _contacts(campaign)


def test_an_erasure_and_a_rollback_need_no_consents(campaign: Path) -> None:
    (campaign / "consents.csv").unlink()
    left = campaign / "exports" / f".{WAVE}.partial"
    assert left.is_dir()
    key = people.decisions(campaign, WAVE)[0]["customer_id"]
    assert forget(campaign, customers=[key]).decisions
    assert rollback(campaign, version="000000").snapshot == "000001"
    assert people.traces(campaign, key) == []
    assert left.is_dir()
    assert not list(left.iterdir())
    with pytest.raises(ConfigError, match="consents"):
        serve_batch(campaign, wave=WAVE, at=small.AT)
