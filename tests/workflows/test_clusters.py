"""Clusters: crowds that are there are found, as segments of the same people; others are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import BanditError, ConfigError, DataError, UsageError
from bandit.sources import database
from bandit.workflows.inspect.clusters import clusters
from tests import campaigns
from tests.campaigns import MONDAY


def _write(folder: Path, apart: float) -> Path:
    """Three crowds of people by two numbers and a flag, ``apart`` standard deviations."""
    campaigns.write(folder, customers=900)
    rng = np.random.default_rng(5)
    crowd = np.arange(900) % 3
    frame = campaigns.people(900).with_columns(
        age=pl.Series(40 + apart * (crowd == 1) * 4.0 + rng.normal(0, 4, 900)),
        spend=pl.Series(50 + apart * (crowd == 2) * 9.0 + rng.normal(0, 9, 900)),
        crowd=pl.Series(crowd),
    )
    frame = frame.with_columns(age=pl.when(pl.int_range(900) % 50 > 0).then("age"))
    campaigns.write_customers(folder, frame)
    return folder


@pytest.mark.parametrize(
    ("by", "count"), [(("age", "spend"), 3), (("age", "spend", "owner"), 6)]
)  # fmt: skip
def test_crowds_that_are_there_become_segments_of_the_same_people(
    tmp_path: Path, by: tuple[str, ...], count: int
) -> None:
    folder = _write(tmp_path / "campaign", 8.0)
    found = clusters(folder, by=by, count=count, at=MONDAY)
    assert found.stability > 0.8
    assert len(found.clusters) == count
    assert clusters(folder, by=by, count=count, at=MONDAY) == found
    segments = "".join(
        f"[[segment]]\nname = \"{c.name}\"\nwhere = '{c.where}'\n" for c in found.clusters
    )
    file = folder / "campaign.toml"
    file.write_text(file.read_text() + segments)
    campaign = campaign_file.load(folder)
    with database.connect(campaign, at=MONDAY) as data:
        view = data.table("customers").view
        members = data.connection.sql(f"SELECT * FROM {view} ORDER BY customer_id").pl()
    names = [c.name for c in found.clusters]
    assert (members.select(pl.sum_horizontal(names)) == 1).to_series().all()
    for one in found.clusters:
        assert members[one.name].mean() == pytest.approx(one.share, abs=1e-4)
        assert members[one.name].sum() == (members["segment"] == one.name).sum()


def test_softly_who_stands_between_crowds_is_of_several(tmp_path: Path) -> None:
    """The segments' members are those of the formula; each is of the nearest at least."""
    folder = _write(tmp_path / "campaign", 5.0)
    hard = clusters(folder, by=("age", "spend"), count=3, at=MONDAY)
    found = clusters(folder, by=("age", "spend"), count=3, soft=0.1, at=MONDAY)
    assert hard.several == 0.0 < found.several < 0.5
    assert [c.means for c in found.clusters] == [c.means for c in hard.clusters]
    both = {c.name: (h.where, c.where) for h, c in zip(hard.clusters, found.clusters, strict=True)}
    segments = "".join(
        f"[[segment]]\nname = \"{name}_{kind}\"\nwhere = '{where[kind]}'\n"
        for name, where in both.items()
        for kind in (0, 1)
    )
    file = folder / "campaign.toml"
    file.write_text(file.read_text() + segments)
    campaign = campaign_file.load(folder)
    with database.connect(campaign, at=MONDAY) as data:
        view = data.table("customers").view
        members = data.connection.sql(f"SELECT * FROM {view}").pl()
    of = members.select(pl.sum_horizontal([f"{name}_1" for name in both])).to_series()
    assert of.min() == 1
    assert (of > 1).mean() == pytest.approx(found.several, abs=1e-4)
    for one in found.clusters:
        assert (members[f"{one.name}_1"] | ~members[f"{one.name}_0"]).all()
        assert members[f"{one.name}_1"].mean() == pytest.approx(one.share, abs=1e-4)
    with pytest.raises(UsageError, match=r"--soft 0\.0"):
        clusters(folder, by=("age",), soft=0.0)


@pytest.mark.long
def test_without_a_count_the_most_stable_is_taken(tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign", 8.0)
    assert len(clusters(folder, by=("age", "spend"), at=MONDAY).clusters) == 3


def test_what_is_no_crowd_is_refused_with_its_stability(tmp_path: Path) -> None:
    folder = _write(tmp_path / "campaign", 0.0)
    with pytest.raises(DataError, match=r"adjusted Rand 0\.\d\d at best, less than 0\.6"):
        clusters(folder, by=("age", "spend"), count=5, at=MONDAY)


@pytest.mark.parametrize(
    ("by", "count", "kind", "told"),
    [
        (("agee",), None, ConfigError, "did you mean 'age'"),
        (("region",), None, ConfigError, "column 'region' is VARCHAR, neither a number nor"),
        (("age", "age"), None, UsageError, "different columns"),
        ((), None, UsageError, "name 1 to 6"),
        (("age",), 9, UsageError, "write 2 to 8"),
    ],
)
def test_wrong_input_is_named(
    tmp_path: Path, by: tuple[str, ...], count: int | None, kind: type[BanditError], told: str
) -> None:
    folder = campaigns.write(tmp_path / "campaign", customers=200)
    with pytest.raises(kind, match=told):
        clusters(folder, by=by, count=count, at=MONDAY)
