"""What is learned outlives changed features, deleted waves, other campaigns and odd names."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.record import snapshots
from bandit.record import waves as record
from bandit.workflows.judge import own_waves
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

DAY = dt.timedelta(days=1)


def _features(folder: Path, old: str, new: str) -> None:
    config = folder / "campaign.toml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


@pytest.mark.long
def test_overlapping_windows_and_changed_features_lose_no_wave(tmp_path: Path) -> None:
    """Window 7 days, a wave every 3, learned from daily; a feature goes after the first wave."""
    folder = campaigns.write(tmp_path, customers=60)
    served = {}
    for day in range(16):
        at = MONDAY + day * DAY
        if day % 3 == 0:
            if day == 3:
                _features(folder, 'numeric = ["age", "spend"]', 'numeric = ["age"]')
            campaigns.write_customers(folder, campaigns.people(60, seed=day))
            served[f"w{day}"] = serve_batch(folder, wave=f"w{day}", at=at)
        learn(folder, no_events=True, at=at)
    found = learn(folder, no_events=True, at=MONDAY + 40 * DAY)
    assert found.waves == ["w3", "w6", "w9", "w12", "w15"]
    assert "waves with other [features] are left out: w0" in found.notes
    specs = {str(w.manifest.features.spec) for w in record.waves(folder)[1:]}
    assert len(specs) == 1
    priors = [n for n, s in served.items() if any("from a prior" in note for note in s.notes)]
    assert priors == ["w3"]


def test_features_that_come_back_take_up_what_was_learned(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    serve_batch(folder, wave="a", at=MONDAY)
    learn(folder, no_events=True, at=MONDAY + 7 * DAY)
    _features(folder, 'numeric = ["age", "spend"]', 'numeric = ["age"]')
    serve_batch(folder, wave="b", at=MONDAY + 8 * DAY)
    _features(folder, 'numeric = ["age"]', 'numeric = ["age", "spend"]')
    back = serve_batch(folder, wave="c", at=MONDAY + 9 * DAY)
    assert back.snapshot == "000001"
    assert not [note for note in back.notes if "feature" in note]
    assert learn(folder, no_events=True, at=MONDAY + 40 * DAY).waves == ["a", "c"]


def test_features_are_taken_from_a_wave_where_the_snapshots_are_gone(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    serve_batch(folder, wave="a", at=MONDAY)
    shutil.rmtree(folder / "snapshots")
    campaigns.write_customers(folder, campaigns.people(60, seed=5))
    serve_batch(folder, wave="b", at=MONDAY + DAY)
    assert learn(folder, no_events=True, at=MONDAY + 40 * DAY).waves == ["a", "b"]


def test_a_deleted_wave_is_named_and_the_others_are_used(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    for number in range(2):
        serve_batch(folder, wave=f"w{number}", at=MONDAY + number * DAY)
    learn(folder, no_events=True, at=MONDAY + 20 * DAY)
    shutil.rmtree(folder / "waves" / "w0")
    found = learn(folder, no_events=True, at=MONDAY + 20 * DAY)
    assert found.waves == ["w1"]
    assert any("gone" in note and "w0" in note for note in found.notes)


def test_a_wave_served_again_with_fewer_customers_breaks_nothing(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=60)
    serve_batch(folder, wave="w", at=MONDAY)
    ids = campaigns.decisions(folder, "w")["decision_id"].to_list()
    events = [
        {"event_id": f"e{i}", "decision_id": d, "reward": 1.0, "occurred_at": "2026-11-03 10:00:00"}
        for i, d in enumerate(ids)
    ]
    delivered = campaigns.outcomes(tmp_path / "events.csv", events)
    learn(folder, outcomes=delivered, at=MONDAY + 8 * DAY)
    shutil.rmtree(folder / "waves" / "w")
    campaigns.write_customers(folder, campaigns.people(10))
    serve_batch(folder, wave="w", at=MONDAY)
    assert learn(folder, no_events=True, at=MONDAY + 8 * DAY).waves == ["w"]


def test_two_campaigns_of_one_folder_learn_each_from_its_own(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    other = folder / "other.toml"
    other.write_text((folder / "campaign.toml").read_text().replace('"test"', '"other"'))
    serve_batch(folder, wave="a", at=MONDAY)
    first = learn(folder, no_events=True, at=MONDAY + 7 * DAY)
    served = serve_batch(other, wave="b", at=MONDAY + 7 * DAY)
    assert served.snapshot not in {first.snapshot, "000000"}
    found = learn(other, no_events=True, at=MONDAY + 20 * DAY)
    assert found.waves == ["b"]
    assert "waves of another campaign file are left out: a" in found.notes
    assert learn(folder, no_events=True, at=MONDAY + 20 * DAY).waves == ["a"]
    newest = snapshots.latest(folder, "other.toml")
    assert newest is not None
    assert newest.version == found.snapshot


def test_a_wave_called_log_and_a_log_stand_side_by_side(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    serve_batch(folder, wave="log", at=MONDAY)
    log = "customer_id,age,spend,owner,region,what,got,p\n" + "".join(
        f"{i},30,5.0,true,north,{'music/email' if i % 2 else 'none'},{i % 3},0.5\n"
        for i in range(40)
    )
    (folder / "log.csv").write_text(log)
    config = folder / "campaign.toml"
    more = (
        '[log]\nsource = "log.csv"\naction = "what"\nreward = "got"\npropensity = "p"\n'
        'customer = "customer_id"\nno_contact = "none"\n[reward]'
    )
    config.write_text(config.read_text().replace("[reward]", more))
    found = learn(folder, log=True, no_events=True, at=MONDAY + 8 * DAY)
    assert any("took in the log" in note for note in found.notes), found.notes
    assert sorted(found.waves) == ["log", "log-2"]
    again = learn(folder, log=True, at=MONDAY + 8 * DAY)
    assert "the log was taken in already, and nothing of it has changed" in again.notes
    with pytest.raises(ConfigError, match="give another --wave"):
        serve_batch(folder, wave="log-2", at=MONDAY)


def test_a_channel_cannot_have_the_name_of_our_own_list(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60, more='[exports]\nformat = "parquet"')
    config = folder / "campaign.toml"
    config.write_text(config.read_text().replace('name = "sms"', 'name = "withheld"'))
    with pytest.raises(ConfigError, match=r"'withheld'.*rename"):
        serve_batch(folder, wave="a", at=MONDAY)


def test_the_files_own_name_is_no_key_of_it(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    config = folder / "campaign.toml"
    config.write_text('file = "x"\n' + config.read_text())
    with pytest.raises(ConfigError, match="unknown key 'file'"):
        campaign_file.load(folder)


def test_waves_of_another_campaign_file_are_not_judged(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, customers=60)
    other = folder / "other.toml"
    other.write_text((folder / "campaign.toml").read_text().replace('"test"', '"other"'))
    serve_batch(folder, wave="a", at=MONDAY)
    serve_batch(other, wave="b", at=MONDAY)
    waves, notes = own_waves.usable(campaign_file.load(other), MONDAY + 20 * DAY)
    assert [w.name for w in waves] == ["b"]
    assert notes == ["left out, they are of another campaign file: a"]
