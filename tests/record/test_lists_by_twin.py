"""Lists merged batch by batch hold what a dictionary of consents says, for many channels too."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.config.offered import Channel
from bandit.record import exports
from bandit.sources import database
from tests.sources import rows, small

CHANNELS = [f"ch{i}" for i in range(130)]
"""More than fit into two words of bits."""


def _decided(folder: Path, who: Iterable[tuple[str | int, str]]) -> Path:
    pairs = sorted(who)
    batch = rows.decisions("w", len(pairs))
    columns = {
        "customer_id": pa.array([key for key, _ in pairs]),
        "channel": pa.array([channel for _, channel in pairs]).cast(rows.schema.LABEL),
        "action": pa.array([1] * len(pairs), pa.int32()),
    }
    for name, values in columns.items():
        batch = batch.set_column(batch.schema.get_field_index(name), name, values)
    path = folder / "decisions-0000.parquet"
    pq.write_table(pa.Table.from_batches([batch]), path)
    return path


def _twin(consents: list[tuple[str, str, str]], key: str | int, channel: str) -> bool:
    answers = [granted == "true" for c, ch, granted in consents if (c, ch) == (str(key), channel)]
    return bool(answers) and all(answers)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_lists_are_those_of_the_twin(
    whole: bool, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_GROUP", 7)
    draw = np.random.default_rng(seed)
    keys: list[str | int] = [i if whole else f"k-{i:03d}" for i in range(60)]
    used = CHANNELS[:3] + CHANNELS[-3:]
    decided = {(keys[k], used[c]) for k, c in draw.integers([60, 6], size=(150, 2))}
    consents = [
        (str(keys[k]), used[c], "true" if yes < 8 else "false")
        for k, c, yes in draw.integers([60, 6, 10], size=(400, 3))
    ]
    text = "customer_id,channel,granted\n" + "".join(f"{c},{ch},{g}\n" for c, ch, g in consents)
    people = "customer_id,age,spend,city,joined,member\n" + "".join(
        f"{key},30,1.5,Bern,2020-01-01,true\n" for key in keys
    )
    campaign = small.campaign(tmp_path, customers=people, consents=text)
    part = _decided(tmp_path, decided)
    channels = [Channel(name=name, consent=name != used[0]) for name in CHANNELS]
    with database.connect(campaign, roles=("customers", "consents")) as data:
        found = exports.write(tmp_path, campaign, data, [part], channels)
    for name in used:
        with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            listed = [row["customer_id"] for row in csv.DictReader(stream)]
        free = name == used[0]
        wanted = sorted(k for k, ch in decided if ch == name and (free or _twin(consents, k, name)))
        assert listed == [str(key) for key in wanted], name
    assert sum(found.rows.values()) + found.withheld == len(decided)


def test_a_contact_that_no_list_takes_is_withheld_and_counted(tmp_path: Path) -> None:
    campaign = small.campaign(tmp_path, consents="customer_id,channel,granted\n1,fax,true\n")
    part = _decided(tmp_path, [(1, "fax"), (2, "email")])
    with database.connect(campaign, roles=("customers", "consents")) as data:
        found = exports.write(tmp_path, campaign, data, [part], [Channel(name="email")])
    assert found == exports.Lists({"email": 0}, 2)
