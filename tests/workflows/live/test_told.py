"""What an asker says counts as if the table said so, for features alone; a wave has one of it."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from bandit.features.encode import encode
from bandit.features.spec import Column, FeatureSpec
from bandit.record import waves
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import Answer
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.live.told import Told, Value
from tests import campaigns
from tests.lives import DAY, Live

PEOPLE = campaigns.people(300)["customer_id"].to_list()
SAID: dict[str, Any] = {"owner": True, "region": "east"}
AT = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)


def asked(desk: Desk, customer: int, request: str, place: str = "home", **more: Any) -> Answer:
    return desk.decide(Asked(request, customer, [WantedPlacement(place)], **more)).answer


def drawn(answer: Answer) -> list[tuple[object, ...]]:
    return [
        (p.decision_id, p.offer, p.channel, p.propensity, p.score, p.expected_value)
        for placed in answer.placements
        for p in placed.picks
    ]


def test_what_is_said_counts_as_if_the_table_said_so(tmp_path: Path) -> None:
    """Beside a campaign whose table says it: the same in every bit, where no rule asks for it."""
    folder = campaigns.write(tmp_path / "c")
    people = campaigns.people(300)
    some = people.filter(pl.col("age") > 40)["customer_id"].to_list()[:60]
    with ExitStack() as stack:
        Live(folder, stack)  # the prior is stored
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    said = people.with_columns(owner=pl.lit(value=True), region=pl.lit("east"))
    campaigns.write_customers(other, said)
    with ExitStack() as stack:
        desk, table = Live(folder, stack).desk, Live(other, stack).desk
        changed = 0
        for customer in some:
            without = asked(desk, customer, f"b{customer}", dry_run=True)
            mine = asked(desk, customer, f"a{customer}", context=SAID)
            theirs = asked(table, customer, f"a{customer}")
            assert drawn(mine) == drawn(theirs)
            changed += drawn(mine) != drawn(without)
    assert changed > 30


def test_what_is_said_is_in_the_wave(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "c")
    with ExitStack() as stack:
        live = Live(folder, stack)
        spec = live.desk.generation.wave.start.spec
        for customer in PEOPLE[1:11]:
            asked(live.desk, customer, f"a{customer}", context=SAID)
            asked(live.desk, customer, f"b{customer}", context={**SAID, "age": None})
        asked(live.desk, PEOPLE[20], "c")
        live.write()
    seal(folder)
    rows = {w.name: campaigns.decisions(folder, w.name) for w in waves.waves(folder)}
    place = spec.names.index("owner")
    table = Told(spec, AT)
    for name, said in ((DAY, SAID), (f"{DAY}-2", {**SAID, "age": None})):
        mine = rows[name].filter(pl.col("customer_id").is_in(PEOPLE[1:11]))
        contexts = np.array(mine["features"].to_list(), np.float32)
        assert mine["customer_id"].n_unique() == 10
        assert (contexts == np.array([table.into(row, said) for row in contexts])).all()
        assert len(np.unique(contexts[:, place])) == 1


def test_another_thing_said_is_another_occasion_but_never_another_contact(tmp_path: Path) -> None:
    with ExitStack() as stack:
        live = Live(campaigns.write(tmp_path / "c"), stack)
        desk, who = live.desk, PEOPLE[3]
        first = asked(desk, who, "1", context=SAID)
        same = asked(desk, who, "2", context=dict(SAID))
        silent = asked(desk, who, "3")
        other = asked(desk, who, "4", context={"owner": False})
        assert [a.placements[0].wave for a in (first, same, silent, other)] == [
            DAY, DAY, DAY, f"{DAY}-2",
        ]  # fmt: skip
        contact = asked(desk, who, "5", "outbound", context={"age": 30.0})
        again = asked(desk, who, "6", "outbound", context={"age": 80.0})
        assert drawn(contact) == drawn(again)
        retried = asked(desk, who, "4", context={"owner": False})
        assert retried.replayed
        assert drawn(retried) == drawn(other)
        with pytest.raises(NotDecidedError, match="answered for another body"):
            asked(desk, who, "4", context={"owner": True})


def test_no_rule_and_no_consent_hears_it(tmp_path: Path) -> None:
    """What a customer is worth, may get and agreed to stays as the table says."""
    folder = campaigns.write(tmp_path / "c")
    with ExitStack() as stack:
        live = Live(folder, stack)
        for customer in PEOPLE[:60]:
            without = asked(live.desk, customer, f"a{customer}", "outbound", dry_run=True)
            said = asked(
                live.desk, customer, f"b{customer}", "outbound", dry_run=True,
                context={"region": "north", "age": 90.0},
            )  # fmt: skip
            counts = [a.placements[0].eligible_count for a in (without, said)]
            assert counts[0] == counts[1]


KINDS = (
    Column("n", "numeric", mean=2.0, scale=3.0, missing=True),
    Column("b", "boolean", mean=0.5, scale=0.5),
    Column("c", "categorical", categories=("x", "y"), missing=True),
    Column("d", "date", mean=100.0, scale=50.0),
    Column("v", "vector", length=2, missing=True),
    Column("s", "score", cuts=(0.5,), terms=((0.0, 1.0), (1.0, 0.0))),
)


def test_every_kind_is_encoded_as_its_column() -> None:
    spec = FeatureSpec(intercept=True, columns=KINDS)
    given: dict[str, Value] = {
        "n": 7, "b": True, "c": "z", "d": "2026-10-01T02:00:00+02:00", "v": [1.5, -2.0],
    }  # fmt: skip
    row = pa.RecordBatch.from_arrays(
        [
            pa.array([7.0]), pa.array([True]), pa.array(["z"]),
            pa.array([dt.datetime(2026, 10, 1)], pa.timestamp("us")),  # noqa: DTZ001 - as tables
            pa.array([[1.5, -2.0]], pa.list_(pa.float32())), pa.array([0.7]),
        ],
        names=[c.name for c in KINDS],
    )  # fmt: skip
    empty = pa.RecordBatch.from_arrays(
        [pa.nulls(1, array.type) for array in row.columns[:5]] + [row.column(5)],
        names=row.schema.names,
    )
    whole, base = encode(spec, row, AT).contexts[0], encode(spec, empty, AT).contexts[0]
    told = Told(spec, AT)
    assert (told.into(base, given) == whole).all()
    assert (told.into(whole, dict.fromkeys("nbcdv")) == base).all()
    wrong: list[tuple[str, Value]] = [
        ("n", "7"), ("n", [1.0]), ("b", 1), ("c", 3), ("d", "yesterday"), ("d", 5), ("v", [1.0]),
        ("v", 2), ("v", [1e300, 0.0]), ("n", 1e300), ("s", 0.5), ("x", 1), ("n", 10**400),
        ("d", "0001-01-01T00:00:00+23:00"),
    ]  # fmt: skip
    for name, value in wrong:
        with pytest.raises(NotDecidedError, match="context: "):
            told.into(base, {name: value})
