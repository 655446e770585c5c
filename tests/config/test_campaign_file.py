"""A campaign.toml that no TOML reader can read, and folders that DuckDB cannot name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError

TOML = """
[customers]
source = "customers.csv"
[[offer]]
name = "shoes"
[[channel]]
name = "email"
"""


def _written(folder: Path, text: str = TOML) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "campaign.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"seed = {'9' * 5000}\n", "no valid TOML: Exceeds the limit"),
        (f"x = {'[' * 5000}\n", "no valid TOML: maximum recursion depth"),
        (f"x = 1 # {'x' * campaign_file.MAX_CHARACTERS}\n", "is longer than 10,000,000 characters"),
    ],
)
def test_what_no_reader_should_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        campaign_file.load(_written(tmp_path, text + TOML))


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9"), "k [1]", "all*"])
def test_a_folder_that_duckdb_cannot_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="rename it"):
        campaign_file.load(_written(tmp_path / name))


@pytest.mark.parametrize("name", ["Kämpäin ü  1", "o'neil; --"])
def test_other_names_are_fine(tmp_path: Path, name: str) -> None:
    assert campaign_file.load(_written(tmp_path / name)).folder == tmp_path / name


def test_a_device_is_no_campaign() -> None:
    with pytest.raises(ConfigError, match="is no file"):
        campaign_file.load(Path("/dev/zero"))


def test_the_record_is_kept_beside_a_link_to_a_shared_file(tmp_path: Path) -> None:
    shared, own = _written(tmp_path / "shared"), tmp_path / "own"
    own.mkdir()
    (own / "campaign.toml").symlink_to(shared / "campaign.toml")
    (tmp_path / "link").symlink_to(own)
    assert campaign_file.load(own).folder == own
    assert campaign_file.load(tmp_path / "link").folder == own


@pytest.mark.parametrize(
    "text",
    [
        f"{'.'.join(['a'] * 50_000)} = 1",
        f"[{' . '.join(['a'] * 50_000)}]",
        f"x = {{ {'.'.join(['a'] * 50_000)} = 1 }}",
        '"a"' + '."b c"' * 40 + " = 1",
    ],
)
def test_a_key_of_many_parts_is_refused_before_it_is_parsed(tmp_path: Path, text: str) -> None:
    """The parser would take ten gigabytes for a file of a hundred kilobytes."""
    (tmp_path / "campaign.toml").write_text(f"# a comment\n{text}\n")
    with pytest.raises(ConfigError, match=r"campaign.toml: line 2 has a key of more parts"):
        campaign_file.load(tmp_path)


def test_long_texts_with_stops_are_no_keys(tmp_path: Path) -> None:
    text = " ".join(f"t{i}.a = 1.5 or" for i in range(100))
    (tmp_path / "campaign.toml").write_text(
        f"# {'It is so. No it is not. ' * 100}\nname = '{text}'\n"
    )
    with pytest.raises(ConfigError, match="customers is missing"):
        campaign_file.load(tmp_path)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            "[reward.events]\nsale = nan",
            "reward.events.sale = nan: input should be a finite number",
        ),
        (
            "[reward.events]\nsale = [1]",
            r"reward.events.sale = \[1\]: input should be a valid number",
        ),
        ("[[offer]]\nname = 'a'\nvalue = true", "offer.1.value = True: input should be a valid"),
        (
            "[[simulate.candidate]]\npolicy = 'lin_ts'\nalpha = [inf]",
            "simulate.candidate.1.alpha.1 = inf: input should be a finite number",
        ),
    ],
)
def test_a_value_of_several_types_is_one_fault_by_its_key(
    tmp_path: Path, section: str, told: str
) -> None:
    """And not a fault for each type, under the names that the types have in our code."""
    (tmp_path / "campaign.toml").write_text(f"name = 'x'\n[customers]\nsource = 'c.csv'\n{section}")
    with pytest.raises(ConfigError, match=told) as caught:
        campaign_file.load(tmp_path)
    keys = [line.split(": ", 1)[1].split(" = ")[0] for line in str(caught.value).splitlines()]
    assert len(keys) == len(set(keys))
    assert "constrained" not in str(caught.value)
    assert ".str" not in str(caught.value)


def test_what_changes_no_decision_is_no_part_of_the_digest(tmp_path: Path) -> None:
    # decision ids digest it, and a wave has the same bytes whatever the batches and the memory
    def digest(name: str, limits: str = "") -> str:
        return campaign_file.load(_written(tmp_path / name, f"{TOML}[limits]\n{limits}")).digest

    plain = digest("plain")
    assert digest("bounds", "batch_size = 7\nmemory_mb = 900\nquery_seconds = 60") == plain
    assert digest("cap", "max_contacts = 7") != plain
    assert digest("share", "reject_share = 0.5") != plain
