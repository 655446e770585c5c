"""What has not the form that is needed is told by what is needed there, not by another form."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.service import keys
from tests import campaigns

WRONG = {
    "a channel's name": ('name = "sms"', 'name = "../sms"', "a name is up to 100 letters"),
    "a name with a line's end": ('name = "sms"', 'name = "sms\\n"', "a name is up to 100 letters"),
    "dates": (
        'table = "customers"', 'table = "customers"\ndate_format = "DD.MM.YYYY"',
        "where day, month and year stand",
    ),
    "a trigger's name": (
        "seed = 11", f'seed = 11\ntrigger = [{{ name = "{"x" * 61}", event = "e" }}]',
        "a name is up to 60 letters",
    ),
    "a variable's name": (
        "seed = 11", 'seed = 11\n[variables]\n"spent in all" = { function = "count" }',
        "up to 63 letters, digits and underscores",
    ),
    "an option of Spark's": (
        "seed = 11", 'seed = 11\n[engine]\noptions = { "spark.jars" = "x.jar" }',
        "options size a run",
    ),
    "a variable of the environment": (
        "seed = 11",
        'seed = 11\n[webhooks.sms]\nurl = "https://x.example/"\ntoken_variable = "MY TOKEN"',
        "a variable of the environment",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_the_form_that_is_needed_is_told(tmp_path: Path, what: str) -> None:
    right, wrong, needed = WRONG[what]
    folder = campaigns.write(tmp_path, customers=20)
    config = folder / "campaign.toml"
    text = config.read_text()
    assert right in text
    config.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ConfigError) as told:
        campaign_file.load(folder)
    assert "will not do" in str(told.value)
    assert needed in str(told.value)


def test_a_file_of_keys_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nokeys\.toml cannot be read \(No such file") as told:
        keys.load(tmp_path / "nokeys.toml")
    assert "Errno" not in str(told.value)
