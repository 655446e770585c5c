"""experiments/<name>.toml: read strictly, digested by what it says."""

from __future__ import annotations

import pytest

from bandit.config import campaign_file
from bandit.config.experiment import load
from bandit.core.errors import ConfigError, DataError, UsageError
from tests import campaigns
from tests.trials import SPRING, written


def test_remarks_and_layout_are_no_part_of_the_digest(tmp_path):
    written(tmp_path, SPRING)
    written(tmp_path, "# one\n" + SPRING.replace("share = 0.5", "share = 5e-1"), "again")
    written(tmp_path, SPRING.replace("waves = 3", "waves = 4"), "other")
    first, again, other = (load(tmp_path, n).digest for n in ("spring", "again", "other"))
    assert first == again != other


def test_every_fault_is_told_at_once(tmp_path):
    text = SPRING.replace("waves = 3", "waves = 0").replace("layer =", "layre =")
    written(tmp_path, text.replace("method", "metod"))
    with pytest.raises(ConfigError) as wrong:
        load(tmp_path, "spring")
    told = str(wrong.value).splitlines()
    assert any("layer is missing" in line for line in told)
    assert any("unknown key 'layre'; did you mean 'layer'?" in line for line in told)
    assert any("waves = 0" in line for line in told)
    assert all("spring.toml" in line for line in told)


def test_a_key_below_the_wrong_table_is_told_where_it_belongs(tmp_path):
    """What stands below a line in brackets is of that table, whatever it was meant for."""
    end = SPRING if SPRING.endswith("\n") else SPRING + "\n"
    table = [line for line in end.splitlines() if line.startswith("[")][-1].strip("[]")
    written(tmp_path, text=end + 'segments = ["region"]\n')
    told = rf"'{table}.*segments'; 'segments' stands in no table: write it above the first line"
    with pytest.raises(ConfigError, match=told):
        load(tmp_path, "spring")
    campaigns.write(tmp_path, customers=20)
    campaign = tmp_path / "campaign.toml"
    text = campaign.read_text() + "\n[limits]\nrefusal_days = 9.0\n"
    campaign.write_text(text.replace("[limits]\n", "[limits]\n", 1))
    with pytest.raises(ConfigError, match=r"unknown key 'limits.refusal_days'; it is a key of"):
        campaign_file.load(tmp_path)


def test_one_metric_decides_and_two_arms_compare(tmp_path):
    for old, new, told in (
        ('role = "secondary"', 'role = "primary"\nminimum_effect = 1.0', "2 have it"),
        ('name = "rules"', 'name = "peace"', "a name of its own"),
        ('name = "refusals"', 'name = "net"', "a name of its own"),
    ):
        written(tmp_path, SPRING.replace(old, new))
        with pytest.raises(ConfigError, match=told):
            load(tmp_path, "spring")


def test_a_missing_one_names_the_nearest(tmp_path):
    written(tmp_path)
    with pytest.raises(ConfigError, match=r"sprong.toml does not exist.*did you mean 'spring'"):
        load(tmp_path, "sprong")


def test_a_link_is_not_followed_and_no_name_is_a_path(tmp_path):
    written(tmp_path)
    (tmp_path / "experiments" / "link.toml").symlink_to(tmp_path / "experiments" / "spring.toml")
    with pytest.raises(DataError, match="is a link"):
        load(tmp_path, "link")
    with pytest.raises(UsageError, match="a name is up to"):
        load(tmp_path, "../spring")


def test_a_campaign_may_not_set_what_experiments_ask_for(tmp_path):
    folder = campaigns.write(tmp_path / "c")
    toml = folder / "campaign.toml"
    toml.write_text('populations = ["1 = 1"]\n' + toml.read_text())
    with pytest.raises(ConfigError, match="unknown key 'populations'"):
        campaign_file.load(folder)
