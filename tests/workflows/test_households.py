"""Households as the unit of an experiment: assigned, kept, compared and sized as a whole."""

from __future__ import annotations

import datetime as dt
import shutil
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from bandit import experiments
from bandit.checks.keys import customer_keys
from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.core.types import SILENT
from bandit.record import homes
from bandit.stats.intraclass import intraclass
from bandit.workflows.experiment.design import design
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.start import start, stop
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.realised import keys_of, realised
from bandit.workflows.judge import own_waves
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.lives import Live
from tests.trials import written

CUSTOMERS, SIZE = 1_200, 4
TEXT = """
hypothesis = "rules earn more than silence, house by house"
unit = "household"
household = "home"
layer = "homes"
share = 0.5
start = 2026-11-09
waves = 3
cooldown_days = 28
[[arm]]
name = "peace"
share = 0.3
policy = "no_contact"
[[arm]]
name = "rules"
share = 0.7
policy = "rules"
[[metric]]
name = "reward"
role = "primary"
value = "reward"
minimum_effect = 5.0
[[metric]]
name = "bought"
role = "secondary"
value = "responded"
"""
EVERYBODY = TEXT.replace("share = 0.5\nstart", "share = 1.0\nstart")


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 11, number, tzinfo=dt.UTC)


def people(moved: bool = False, seed: int = 0) -> pl.DataFrame:
    """Homes of four; one customer in ten has none; two have moved."""
    frame = campaigns.people(CUSTOMERS, seed)
    homes = [None if i % 10 == 0 else f"h{i // SIZE}" for i in range(CUSTOMERS)]
    if moved:
        homes[5], homes[9] = "h200", None
    return frame.with_columns(pl.Series("home", homes, dtype=pl.String))


def sales(folder: Path, wave: str, when: int) -> Path:
    """What a home buys hangs on the home: all of it, or nobody."""
    rows = campaigns.decisions(folder, wave)
    found = []
    for key in rows["customer_id"].unique(maintain_order=True):
        place = (key - 3) // 7
        luck = np.random.default_rng([when, place // SIZE]).random()
        if luck < 0.3:
            found.append({
                "event_id": f"{wave}-{key}", "customer_id": key, "event": "sale",
                "reward": 10.0 + 20.0 * luck + place % SIZE, "occurred_at": f"2026-11-{when:02d}",
            })  # fmt: skip
    return campaigns.outcomes(folder / f"sales-{when}.csv", found)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wave with outcomes, then the start."""
    folder = campaigns.write(tmp_path_factory.mktemp("x") / "c", pressure="slots = 1")
    campaigns.write_customers(folder, people())
    written(folder, EVERYBODY, "homes")
    serve_batch(folder, at=day(2))
    learn(folder, outcomes=sales(folder, "2026-11-02", 3), at=day(9))
    start(folder, name="homes", at=day(9))
    return folder


@pytest.fixture(scope="module")
def served(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two waves of the experiment; two customers moved before the second."""
    folder = shutil.copytree(begun, tmp_path_factory.mktemp("y") / "c")
    serve_batch(folder, at=day(9))
    learn(folder, outcomes=sales(folder, "2026-11-09", 10), at=day(17))
    campaigns.write_customers(folder, people(moved=True))
    told = serve_batch(folder, at=day(17))
    (folder / "told.txt").write_text("\n".join(told.notes))
    learn(folder, outcomes=sales(folder, "2026-11-17", 18), at=day(26))
    return folder


def arms(folder: Path, wave: str) -> pl.DataFrame:
    """Customer, arm and place among the customers; of the held-out none."""
    rows = campaigns.decisions(folder, wave).filter(
        (pl.col("slot") == 1) & (pl.col("placement") == "outbound")
        & pl.col("group").str.starts_with("homes:")
    )  # fmt: skip
    place = (pl.col("customer_id") - 3) // 7
    return rows.select("customer_id", pl.col("group").alias("arm"), place.alias("place"))


def test_a_home_is_in_one_arm_and_who_has_none_is_a_home_of_their_own(served: Path) -> None:
    found = arms(served, "2026-11-09").with_columns(home=pl.col("place") // SIZE)
    at_home = found.filter(pl.col("place") % 10 != 0)
    assert (at_home.group_by("home").agg(pl.col("arm").n_unique())["arm"] == 1).all()
    alone = found.filter(pl.col("place") % 10 == 0).join(
        at_home.unique("home"), on="home", suffix="_home"
    )
    same = (alone["arm"] == alone["arm_home"]).mean()
    assert 0.3 < same < 0.85, "by chance 0.58 of them are with their neighbours"
    told = (served / "told.txt").read_text()
    assert "121 of 1,200 customers have no 'home'" in told
    assert "2 customers are in another 'home' than when first seen" in told


def test_who_moves_keeps_the_arm(served: Path) -> None:
    first, second = (arms(served, wave) for wave in ("2026-11-09", "2026-11-17"))
    both = first.join(second, on="customer_id", suffix="_later")
    assert both.height == first.height
    assert (both["arm"] == both["arm_later"]).all()


def test_the_same_members_in_any_order_of_rows(begun: Path, tmp_path: Path) -> None:
    made = []
    for name, order in (("a", False), ("b", True)):
        folder = shutil.copytree(begun, tmp_path / name)
        campaigns.write_customers(folder, people().reverse() if order else people())
        serve_batch(folder, at=day(9), batch_size=97 if order else None)
        wave = folder / "waves" / "2026-11-09"
        made.append({p.name: p.read_bytes() for p in wave.glob("*.parquet")})
    assert made[0] == made[1]


def test_read_compares_homes_with_errors_of_homes(served: Path) -> None:
    told = read(served, name="homes", at=day(26))
    assert told.verdict != "blocked", told.words
    first = arms(served, "2026-11-09").sort("customer_id")
    unit = [p // SIZE if p % 10 else -p - 1 for p in first["place"]]
    events = pl.concat([pl.read_csv(served / f"sales-{when}.csv") for when in (10, 18)])
    total = events.group_by("customer_id").agg(pl.col("reward").sum())
    values = first.join(total, on="customer_id", how="left", maintain_order="left")["reward"]
    treated = (first["arm"] == "homes:rules").to_numpy()
    wanted = experiments.compare(
        values.fill_null(0.0), treated, clusters=unit, adjustment="lin", rare=True
    )
    effect = next(e for e in told.effects if e.role == "primary")
    assert effect.interval.value == pytest.approx(wanted.effect, abs=1e-9)
    assert effect.p_value == pytest.approx(wanted.p_value, abs=1e-9)
    alone = experiments.compare(values.fill_null(0.0), treated, adjustment="lin")
    assert wanted.standard_error > 1.3 * alone.standard_error
    assert [arm.units for arm in told.arms] == [
        len({u for u, t in zip(unit, treated, strict=True) if t == of}) for of in (False, True)
    ]
    assert any("2 customers" in note or "household" in note for note in told.notes), told.notes


def test_sample_ratios_count_homes(served: Path) -> None:
    told = read(served, name="homes", at=day(26))
    counts = [arm.units for arm in told.arms]
    assigned = next(ratio for ratio in told.ratios if ratio.stage == "assigned")
    assert assigned.p_value == pytest.approx(experiments.sample_ratio(counts, [0.3, 0.7]))


def test_design_needs_more_where_homes_have_something_in_common(served: Path) -> None:
    homes = design(served, name="homes", at=day(27))
    (plan,) = homes.plans
    assert plan.icc is not None
    assert plan.icc > 0.5
    assert plan.household_size == pytest.approx(3.4, abs=0.4)
    written(served, TEXT.replace('unit = "household"\nhousehold = "home"\n', ""), "each")
    text = (served / "experiments" / "each.toml").read_text().replace('"homes"', '"others"')
    written(served, text, "each")
    stop(served, name="homes", at=day(27))
    (each,) = design(served, name="each", at=day(27)).plans
    assert each.icc is None
    deff = 1.0 + (plan.household_size - 1.0) * plan.icc
    assert plan.needed / each.needed == pytest.approx(deff, rel=0.01)


def test_explain_derives_the_arm_of_the_home_of_then(served: Path) -> None:
    campaigns.write_customers(served, people(moved=True))
    for place in (5, 9, 10):
        told = explain(served, customer=str(place * 7 + 3), wave="2026-11-17")
        assert any("the same decisions" in note for note in told.notes), told.notes


def test_a_layer_has_one_unit_and_a_column_that_is_none_is_named(
    begun: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(begun, tmp_path / "c")
    written(folder, TEXT.replace('unit = "household"\nhousehold = "home"\n', ""), "each")
    with pytest.raises(ConfigError, match="layer 'homes' assigns by 'home'"):
        start(folder, name="each", at=day(9))
    written(folder, TEXT.replace('"home"', '"house"'), "else")
    with pytest.raises(ConfigError, match="no column 'house'"):
        start(folder, name="else", at=day(9))
    written(folder, TEXT.replace('household = "home"\n', ""), "none")
    with pytest.raises(ConfigError, match="needs household, the column"):
        start(folder, name="none", at=day(9))


def test_live_a_home_has_the_arm_that_a_wave_gives_it(
    begun: Path, served: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(begun, tmp_path / "c")
    some = arms(served, "2026-11-09").filter(pl.col("place") < 40)
    with ExitStack() as stack:
        live = Live(folder, stack, at=day(9))
        for customer in some["customer_id"]:
            live.ask(customer, "outbound", count=1)
        live.write()
    sealed = seal(folder).waves[0].wave
    assert_frame_equal(arms(folder, sealed), some, check_row_order=False)
    # The units stay: a wave after it, whose customers have moved, keeps the arms of then.
    campaigns.write_customers(folder, people(moved=True))
    serve_batch(folder, at=day(17))
    moved = some.filter(pl.col("place").is_in([5, 9]))
    after = arms(folder, "2026-11-17").filter(pl.col("place").is_in([5, 9]))
    assert len(moved)
    assert_frame_equal(after, moved, check_row_order=False)
    # And they go with whom they are of.
    held = export_customer(folder, customer=str(some["customer_id"][0])).variables
    assert sealed in [row["wave"] for row in held]
    forget(folder, customers=[str(some["customer_id"][0])])
    assert not export_customer(folder, customer=str(some["customer_id"][0])).variables


def test_live_an_explanation_knows_the_home(begun: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(begun, tmp_path / "c")
    told = {}
    with ExitStack() as stack:
        live = Live(folder, stack, at=day(9))
        for customer in (38, 66):  # one of them moves
            asked = Asked(str(customer), customer, [WantedPlacement("outbound", 1)], explain=True)
            given = live.desk.decide(asked)
            told[customer] = msgspec.json.decode(given.content)["explanation"]
        live.write()
    seal(folder)
    campaigns.write_customers(folder, people(moved=True))
    for customer, slots in told.items():
        again = msgspec.to_builtins(explain(folder, customer=str(customer)).slots)
        assert [one["contenders"] for one in again] == [one["contenders"] for one in slots]


def test_estimators_over_waves_take_homes_for_clusters(served: Path) -> None:
    campaign = campaign_file.load(served)
    waves, _ = own_waves.usable(campaign, day(26))
    logged = own_waves.read(campaign, waves, [], SILENT)
    assert logged.customers is not None
    place = (logged.customers.astype(np.int64) - 3) // 7
    homes = np.where(place % 10 == 0, -1 - place, place // SIZE)
    pairs = np.unique(np.stack([homes, logged.log.clusters]), axis=1)
    assert len(pairs.T) == len(np.unique(homes)) == len(np.unique(logged.log.clusters))
    seen = []
    realised(
        campaign, waves, waves, day(26), SILENT,
        lambda decisions, _: seen.extend(
            len(np.unique(keys_of(rows))) < len(np.unique(rows.customers.to_numpy()))
            for rows in decisions.rows("customer_id")
        ),
    )  # fmt: skip
    assert seen
    assert all(seen)


def test_what_a_home_buys_together_is_one_purchase(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = campaign_file.load(served)
    waves, _ = own_waves.usable(campaign, day(26))
    home = realised(campaign, waves, waves, day(26), SILENT).waves[waves[-1].name]
    monkeypatch.setattr(homes, "whose", lambda *_: None)
    alone = realised(campaign, waves, waves, day(26), SILENT).waves[waves[-1].name]
    assert max(home.lumped.values()) > 0.0
    assert not alone.lumped
    for arm in ("homes:rules", "homes:peace"):
        assert home.rewards[arm].total == alone.rewards[arm].total
        assert home.rewards[arm].effective < 0.6 * alone.rewards[arm].effective
    most = max(alone.made, key=lambda name: alone.made[name].count)
    assert home.made[most].lumped > 0.5 * alone.made[most].sums.squares
    assert not alone.made[most].lumped


def test_forget_takes_the_unit_out_too(served: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(served, tmp_path / "c")
    held = export_customer(folder, customer="38").variables
    assert [row["wave"] for row in held] == ["2026-11-09", "2026-11-17"]
    assert all("experiment.homes" in row for row in held)
    forget(folder, customers=["38"])
    assert not export_customer(folder, customer="38").variables


def test_a_merge_inside_an_experiment_makes_one_member_or_none(
    served: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(served, tmp_path / "c")
    found = arms(folder, "2026-11-09")
    peace = found.filter(pl.col("arm") == "homes:peace")["customer_id"].to_list()
    rules = found.filter(pl.col("arm") == "homes:rules")["customer_id"].to_list()
    before = read(folder, name="homes", at=day(26))
    merges = [(rules[0], rules[1]), (rules[2], peace[0]), (peace[1], peace[2])]
    rows = "\n".join(f"{a},{b},customer,2026-11-20" for a, b in merges)
    (folder / "ids.csv").write_text(f"customer_id,id,kind,valid_from\n{rows}\n")
    text = (folder / "campaign.toml").read_text()
    (folder / "campaign.toml").write_text(text + '[identity]\nsource = "ids.csv"\n')
    after = read(folder, name="homes", at=day(26))
    lost = [a.compared - b.compared for a, b in zip(before.arms, after.arms, strict=True)]
    assert lost == [2, 2], "one each of two that are one, and one each of two that differ"
    assert any("2 keys that turned out to be of the same people" in n for n in after.notes)
    assert [r.p_value for r in after.ratios] == [r.p_value for r in before.ratios]
    then, of_then = (read(f, name="homes", at=day(19)) for f in (served, folder))
    assert of_then.arms == then.arms, "by the map of a day before the merges"


def test_the_share_that_groups_have_in_common_is_found() -> None:
    rng = np.random.default_rng(5)
    sizes = rng.integers(1, 7, 4_000)
    groups = np.repeat(np.arange(4_000), sizes)
    for icc in (0.0, 0.1, 0.5):
        common = rng.normal(size=4_000)[groups] * np.sqrt(icc)
        values = common + rng.normal(size=len(groups)) * np.sqrt(1.0 - icc)
        found = intraclass(values, groups)
        assert found.icc == pytest.approx(icc, abs=0.04)
        assert found.size == pytest.approx((sizes**2).sum() / sizes.sum())
    assert intraclass(np.arange(5.0), np.arange(5)).icc == 0.0
    assert len(customer_keys(groups)) == len(groups)
