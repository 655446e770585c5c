import datetime as dt
import re
import resource

import duckdb
import pytest
from pydantic import BaseModel

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.errors import DataError, UsageError
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.init import CUSTOMERS, init
from bandit.worlds.operator import World


def test_the_example_is_a_valid_campaign_with_data(tmp_path):
    result = init(folder=tmp_path / "new" / "example")
    campaign = campaign_file.load(result.folder)
    assert set(result.files) == {"campaign.toml", "customers.duckdb"}
    assert sorted(p.name for p in result.folder.iterdir()) == sorted(result.files)
    with duckdb.connect(str(result.folder / "customers.duckdb"), read_only=True) as con:
        columns = {row[0] for row in con.execute("DESCRIBE customers").fetchall()}
        assert con.execute("SELECT count(*) FROM customers").fetchone() == (CUSTOMERS,)
    features = campaign.features
    assert {*features.numeric, *features.boolean, *features.categorical, *features.date} <= columns
    assortment = World(CUSTOMERS, offers=6).assortment
    assert {o.name for o in campaign.offer} == set(assortment.offers)
    assert [c.name for c in campaign.channel] == list(assortment.channels)


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        for inner in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found += models(inner)
    return found


def test_the_template_explains_every_key(tmp_path):
    init(folder=tmp_path / "example")
    text = (tmp_path / "example" / "campaign.toml").read_text()
    keys = set(re.findall(r"^#? ?(\w+) = ", text, re.MULTILINE))
    sections = set(re.findall(r"^#? ?\[+([\w.]+)\]", text, re.MULTILINE))
    known = {
        field.alias or name
        for model in models(Campaign)
        for name, field in model.model_fields.items()
    }
    assert known - {"folder", "file", "populations", "households"} <= keys | {
        part for s in sections for part in s.split(".")
    }


def test_a_wave_can_be_served_at_once(tmp_path):
    folder = init(folder=tmp_path / "example").folder
    summary = serve_batch(folder, wave="first", at=dt.datetime(2026, 1, 5, tzinfo=dt.UTC))
    assert summary.customers == CUSTOMERS
    assert summary.rejected == 0
    assert set(summary.offers) == set(World(CUSTOMERS, offers=6).assortment.offers)
    assert min(summary.offers.values()) > 0


def test_an_empty_folder_is_taken(tmp_path):
    assert init(folder=tmp_path).folder == tmp_path
    assert (tmp_path / "campaign.toml").is_file()


def test_an_occupied_folder_is_refused_by_name_and_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(UsageError, match=r"is not empty \(it holds letters.txt\)"):
        init(folder=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["letters.txt"]
    with pytest.raises(UsageError, match="is not a folder"):
        init(folder=tmp_path / "letters.txt")


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(World, "write", full)
    with pytest.raises(Exception, match="No space left"):
        init(folder=tmp_path / "example")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_more_is_told(tmp_path):
    """The database is DuckDB's to write, and what that says is of its own kind."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(DataError, match=r"example could not be written.*make room"):
            init(folder=tmp_path / "example")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []
