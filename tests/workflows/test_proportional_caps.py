"""Arms with a part of every limit: never passed, priced by themselves, exact given the arm."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections import Counter
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.config.experiment import PROPORTIONAL, SHARED
from bandit.core import spill
from bandit.core.types import SILENT
from bandit.render.terminal import show
from bandit.results.serve import WaveSummary
from bandit.runners import engine
from bandit.workflows.experiment.design import design
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.start import start
from bandit.workflows.inspect.customer import customer
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.judge import targets
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.room import Rooms
from bandit.workflows.live.seal import seal
from bandit.workflows.serve import limits, pricing, spool
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.hard_caps import Planned
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.spool import Spool
from simulations.experiments import waves_under_caps as world
from tests import campaigns
from tests.campaigns import bytes_of
from tests.lives import Live
from tests.runners.clusters import Twice
from tests.trials import declared, written

CAPS = """
[limits]
max_contacts = 401
[[group_cap]]
name = "texts"
channels = ["sms"]
capacity = 97
"""
OWN = '\ncapacity = "proportional"'
SPRING = declared(
    {
        "rules": (0.4, 'policy = "rules"' + OWN),
        "learned": (0.4, 'policy = "learned"' + OWN),
        "peace": (0.2, "no_contact"),
    },
    start="2026-11-09",
    share=0.7,
)
ARMS = ("spring:rules", "spring:learned")
CUSTOMERS = 2000


def day(number: int) -> dt.datetime:
    return dt.datetime(2026, 11, number, tzinfo=dt.UTC)


def sales(folder: Path, wave: str, when: int) -> Path:
    """What contacts bring hangs on the spend, so that prices are worth something."""
    rng = np.random.default_rng(when)
    rows = campaigns.decisions(folder, wave).filter(pl.col("slot") == 1)
    contact = (rows["action"] > 0).to_numpy()
    spend = campaigns.people(CUSTOMERS).select("customer_id", "spend")
    more = rows.join(spend, on="customer_id", how="left")["spend"].to_numpy() / 20.0
    worth = 1.0 + contact * (0.5 + more) + rng.normal(0.0, 1.0, rows.height)
    told = [
        {"event_id": f"{wave}-{i}", "decision_id": d, "event": "sale", "reward": float(w),
         "occurred_at": f"2026-11-{when:02d}"}
        for i, (d, w) in enumerate(zip(rows["decision_id"], worth, strict=True))
    ]  # fmt: skip
    return campaigns.outcomes(folder / f"sales-{when}.csv", told)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wave that was learned from, then the start."""
    folder = campaigns.write(tmp_path_factory.mktemp("x") / "c", customers=CUSTOMERS, more=CAPS)
    written(folder, SPRING)
    serve_batch(folder, at=day(2))
    learn(folder, outcomes=sales(folder, "2026-11-02", 3), at=day(9))
    assert start(folder, name="spring", at=day(9)).notes == []
    return folder


@pytest.fixture(scope="module")
def served(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WaveSummary]:
    """The experiment's first wave, learned from."""
    folder = Path(shutil.copytree(begun, tmp_path_factory.mktemp("y") / "c"))
    summary = serve_batch(folder, at=day(9))
    learn(folder, outcomes=sales(folder, "2026-11-09", 10), at=day(17))
    return folder, summary


def outbound(folder: Path) -> pl.DataFrame:
    frame = campaigns.decisions(folder, "2026-11-09")
    return frame.filter(pl.col("placement") == "outbound")


def whose(frame: pl.DataFrame) -> pl.DataFrame:
    """Contacts by population; who is in no such arm is everybody else's."""
    named = pl.when(pl.col("group").is_in(ARMS)).then("group").otherwise(pl.lit("else"))
    return frame.filter(pl.col("action") > 0).with_columns(of=named)


@given(
    most=st.integers(0, 10**12),
    counts=st.lists(st.integers(0, 10**7), min_size=2, max_size=6).filter(any),
    budget=st.floats(0, 1e9),
)
def test_whole_parts_add_up_to_the_limit_and_money_to_the_budget(
    most: int, counts: list[int], budget: float
) -> None:
    whole = Limits(
        ("calls", "euros", "offer"),
        np.array([[0.0, 0.0, 0.0], [1.0, 0.25, 1.0]]),
        np.array([most, budget, np.inf]),
        np.array([most / 2, 0.0, 7.0]),
    )
    parts = limits.split(whole, np.array(counts))
    calls = [part.most[0] for part in parts]
    assert sum(calls) == most
    for part, count in zip(parts, counts, strict=True):
        assert part.most[0] == int(part.most[0])
        assert abs(part.most[0] - most * count / sum(counts)) < 1 + 1e-9 * most
        assert part.most[1] == pytest.approx(budget * count / sum(counts))
        assert np.isinf(part.most[2])
        assert (part.least <= part.most).all()
        assert part.least[2] == pytest.approx(7.0 * count / sum(counts))
    assert limits.split(whole, np.array([9])) == [whole]


def test_no_arm_passes_its_part_and_what_is_short_is_used(
    served: tuple[Path, WaveSummary],
) -> None:
    folder, summary = served
    contacts = whose(outbound(folder))
    assert [part.arm for part in summary.split] == [None, *ARMS]
    assert sum(part.customers for part in summary.split) == CUSTOMERS
    for place, (name, most) in enumerate([("group_cap.texts", 97), ("limits.max_contacts", 401)]):
        assert sum(part.limits[place].most or 0 for part in summary.split) == most
        for part in summary.split:
            limit = part.limits[place]
            of = contacts.filter(pl.col("of") == (part.arm or "else"))
            used = of.filter(pl.col("channel") == "sms").height if place == 0 else of.height
            assert limit.name == name
            assert limit.used == used <= limit.most
            assert abs((limit.most or 0) - most * part.customers / CUSTOMERS) < 1
            # 85 to 99 of 112, over eight draws of the noise that prices are found with.
            assert place == 0 or used > 0.7 * (limit.most or 0)
    assert summary.limits[1].used == contacts.height
    assert any("had of each limit the part" in note for note in summary.notes)
    assert not any("share the campaign's limits" in note for note in summary.notes)


def test_an_arm_pays_its_own_prices(served: tuple[Path, WaveSummary]) -> None:
    folder, summary = served
    about = json.loads((folder / "waves" / "2026-11-09" / "manifest.json").read_text())
    prices = {"else": about["prices"], **about["arm_prices"]}
    assert set(about["arm_prices"]) == set(ARMS)
    assert len({tuple(row) for row in prices.values()}) == 3
    paid = whose(outbound(folder))
    for row in paid.iter_rows(named=True):
        assert row["price_paid"] == np.float32(prices[row["of"]][row["action"]])
    for part in summary.split:
        actions = [f"{o}/{c}" for o, c in about["actions"]]
        email, sms = (prices[part.arm or "else"][1 + actions.index(f"fibre/{c}")]
                      for c in ("email", "sms"))  # fmt: skip
        assert email == pytest.approx(part.limits[1].price)
        assert sms == pytest.approx(part.limits[0].price + part.limits[1].price)


def test_propensities_are_given_the_arm_from_the_first_wave_on(
    served: tuple[Path, WaveSummary],
) -> None:
    folder, _ = served
    about = json.loads((folder / "waves" / "2026-11-09" / "manifest.json").read_text())
    assert [one["known"] for one in about["experiments"]] == [True]
    peace = outbound(folder).filter(pl.col("group") == "spring:peace")
    assert (peace["propensity"] == 1.0).all()
    found = simulate(folder, at=day(24))
    for row in found.candidates:
        assert abs(row.mean_weight - 1.0) <= 4.0 * row.mean_weight_error, row.name


def test_the_learner_is_judged_at_the_prices_of_the_arm_that_decides_as_it_does(
    served: tuple[Path, WaveSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = served
    about = json.loads((folder / "waves" / "2026-11-09" / "manifest.json").read_text())
    own, rest = about["arm_prices"]["spring:learned"], about["prices"]
    assert own != rest
    paid, asked = [], targets._asked

    def spied(*given: Any) -> Any:
        paid.append(None if len(given) < 5 or given[4] is None else given[4].tolist())
        return asked(*given)

    monkeypatch.setattr(targets, "_asked", spied)
    simulate(folder, at=day(24))
    assert own in paid
    assert rest not in paid


def test_explain_and_report_know_the_arms_prices_and_lots(
    served: tuple[Path, WaveSummary],
) -> None:
    folder, _ = served
    about = json.loads((folder / "waves" / "2026-11-09" / "manifest.json").read_text())
    first = outbound(folder).filter(pl.col("slot") == 1)
    for name in (*ARMS, "spring:peace", "lin_ts"):
        for who in first.filter(pl.col("group") == name)["customer_id"][:4]:
            found = explain(folder, customer=str(who), wave="2026-11-09")
            assert any("the same decisions" in note for note in found.notes)
            prices = about["arm_prices"].get(name, about["prices"])
            for one in found.slots[0].contenders:
                pair = [one.offer, one.channel]
                action = 1 + about["actions"].index(pair) if one.offer else 0
                assert one.price == pytest.approx(prices[action])
    assert not any("derived again" in note for note in report(folder, at=day(24)).notes)


def test_an_arms_prices_are_those_of_a_wave_of_its_customers_alone(tmp_path: Path) -> None:
    given = world.setting(tmp_path / "calls", 1500)
    asked = world.experiment(world.RENEWAL, "learned", PROPORTIONAL)
    wave, batch = world.assigned(given, asked, given.crowd, seed=3)
    caps = given.caps._replace(most=np.array([301.0]))
    with ExitStack() as stack:
        together = Spool(spill.new(stack), [batch])
        parts = limits.split(caps, together.customers_of(3))
        found = pricing.each(wave, parts, together, SILENT)
        for population in (1, 2):
            alone = Spool(spill.new(stack), [batch.only(batch.population == population)])
            twin = pricing.find(wave, parts[population], alone, SILENT)
            np.testing.assert_array_equal(found[population].costs, twin.costs)
            assert found[population].dual_value == twin.dual_value
    assert found[0].costs.tolist() == [0.0, 0.0, 0.0]
    assert found[1].prices[0] != found[2].prices[0]


@pytest.mark.long
def test_over_redraws_of_draws_and_lots_weights_have_mean_one_in_each_arm(tmp_path: Path) -> None:
    """Given the arms: 1[an action was taken] / its propensity, for whoever may get it."""
    given = world.setting(tmp_path / "calls", 600)
    asked = world.experiment(world.UPGRADE, "learned", PROPORTIONAL)
    wave, batch = world.assigned(given, asked, given.crowd, seed=3)
    caps = given.caps._replace(most=np.array([101.0]))
    with ExitStack() as stack:
        one = Spool(spill.new(stack), [batch])
        parts = limits.split(caps, one.customers_of(3))
        priced = pricing.each(wave, parts, one, SILENT)
    # Too cheap, so that lots are drawn in every wave.
    wave = wave.at_prices(0.8 * np.stack([p.costs for p in priced]))
    redraws, n = 300, len(batch.keys)
    weights = np.zeros((n, 3))
    for seed in range(redraws):
        again = wave._replace(run=wave.run._replace(seed=seed))
        planned = Planned(again, limited=True)
        planned.add(list(fill(again, batch)), batch)
        rule = planned.thinning(parts)
        assert rule is not None
        (taken,) = fill(again, batch, rule=rule)
        action = taken.choice.action
        for population in (1, 2):
            mine = batch.population == population
            assert (action[mine] > 0).sum() <= parts[population].most[0]
        weights[np.arange(n), action] += 1.0 / taken.choice.propensity / redraws
    for population, actions in ((1, (0, 2)), (2, (0, 1, 2))):
        for a in actions:
            may = batch.mask[:, a] & batch.mask[:, 2]
            mine = weights[may & (batch.population == population), a]
            error = mine.std(ddof=1) / np.sqrt(len(mine))
            assert abs(mine.mean() - 1.0) <= 4.5 * error


@pytest.mark.long
def test_bytes_are_the_same_in_any_batch_size_and_on_a_cluster(
    begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ROWS", 300)
    monkeypatch.setattr(engine, "Spark", lambda *_: Twice())
    # A ladder of samples, some of them larger than what is kept of everybody.
    monkeypatch.setattr(pricing, "MEASURED", (200, 500))
    monkeypatch.setattr(pricing, "FOLLOWED", (200, 500))
    found = []
    for name, asked in (
        ("one", {}), ("many", {"batch_size": 37, "threads": 1}), ("cluster", {"engine": "spark"}),
    ):  # fmt: skip
        folder = Path(shutil.copytree(begun, tmp_path / name))
        summary = serve_batch(folder, at=day(9), **asked)  # type: ignore[arg-type]  # by name
        assert summary.given_up > 0
        found.append({**bytes_of(folder / "waves"), **bytes_of(folder / "exports")})
    assert found[0] == found[1]
    assert found[0] == found[2]


def test_live_decisions_pay_the_prices_of_their_arm_in_the_newest_wave(
    served: tuple[Path, WaveSummary], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(served[0], tmp_path / "c"))
    about = json.loads((folder / "waves" / "2026-11-09" / "manifest.json").read_text())
    prices = {**dict.fromkeys(("rules", "lin_ts", "exploration"), about["prices"]),
              **about["arm_prices"]}  # fmt: skip
    actions = [None, *map(tuple, about["actions"])]
    told = []
    with ExitStack() as stack:
        live = Live(folder, stack, at=day(18))
        for customer in campaigns.people(CUSTOMERS)["customer_id"][:250]:
            for placed in live.ask(customer, "outbound").placements:
                told += [p for p in placed.picks if p.offer is not None]
        live.write()
    for pick in told:
        action = actions.index((pick.offer, pick.channel))
        assert pick.price == np.float32(prices[pick.group][action])
    assert {p.group for p in told} >= set(ARMS)
    waves = seal(folder).waves
    rows = pl.concat([campaigns.decisions(folder, wave.wave) for wave in waves])
    paid = dict(rows.select("decision_id", "price_paid").iter_rows())
    assert {p.decision_id: p.price for p in told}.items() <= paid.items()


def test_live_prices_move_for_each_arm_by_itself_and_rows_keep_them(
    served: tuple[Path, WaveSummary], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(served[0], tmp_path / "c"))
    file = folder / "campaign.toml"
    file.write_text(file.read_text().replace("max_contacts = 401", "max_contacts = 81"))
    people = campaigns.people(CUSTOMERS)["customer_id"].to_list()[::8]
    now = [day(18)]
    paid: dict[str, float] = {}
    of: dict[str, set[float]] = {}
    with ExitStack() as stack:
        live = Live(folder, stack, at=day(18), now=lambda: now[0])
        for number, customer_id in enumerate(people):
            now[0] = day(18) + dt.timedelta(minutes=5 * number)
            for placed in live.ask(customer_id, "outbound").placements:
                for pick in placed.picks:
                    paid[pick.decision_id] = pick.price
                    if pick.offer is not None:
                        arm = pick.group if pick.group in ARMS else "else"
                        of.setdefault(arm, set()).add(pick.price)
        mean = live.book.paces.mean("2026-11-18")
        live.write()
    assert set(of) == {"else", *ARMS}
    assert all(len(prices) > 2 for prices in of.values())
    (made,) = [w for w in seal(folder).waves if w.wave == "live-2026-11-18"]
    rows = campaigns.decisions(folder, made.wave)
    assert dict(rows.select("decision_id", "price_paid").iter_rows()) == paid
    about = json.loads((folder / "waves" / made.wave / "manifest.json").read_text())
    split = [[one["price"] for one in part["limits"]] for part in about["summary"]["split"]]
    assert split == pytest.approx(mean)
    assert about["arm_prices"][ARMS[0]] != about["prices"]
    for group in (*ARMS, "rules"):
        some = rows.filter((pl.col("group") == group) & (pl.col("price_epoch") > 20))
        found = explain(folder, customer=str(some["customer_id"][0]), wave=made.wave)
        assert "derived again from the record: the same decisions" in found.notes
    assert simulate(folder).candidates


def test_a_members_page_shows_the_prices_of_the_arm(
    served: tuple[Path, WaveSummary], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(served[0], tmp_path / "c"))
    about = json.loads((folder / "waves" / "2026-11-09" / "manifest.json").read_text())
    actions = [None, *map(tuple, about["actions"])]
    rows = outbound(folder).filter(pl.col("slot") == 1)
    seen = 0
    for group in (*ARMS, "rules"):
        prices = about["arm_prices"].get(group, about["prices"])
        some = rows.filter(pl.col("group") == group)["customer_id"].head(3).to_list()
        for who in some:
            page = customer(folder, customer=str(who), at=day(24))
            told = [note for note in page.notes if "in experiment 'spring'" in note]
            assert len(told) == (group in ARMS)
            for one in page.open:
                seen += 1
                assert one.price == prices[actions.index((one.offer, one.channel))]
                assert one.worth == pytest.approx(one.value * one.mean - one.cost - one.price)
    assert seen > 10


def test_a_live_day_has_room_for_each_arm_also_after_a_restart(
    served: tuple[Path, WaveSummary], tmp_path: Path
) -> None:
    """Each population fills its part of the cap and passes it not, whoever comes first."""
    folder = Path(shutil.copytree(served[0], tmp_path / "c"))
    file = folder / "campaign.toml"
    file.write_text(file.read_text().replace("max_contacts = 401", "max_contacts = 41"))
    people = campaigns.people(CUSTOMERS)["customer_id"].to_list()
    made: Counter[str] = Counter()
    for some in (people[:150], people[150:400]):
        with ExitStack() as stack:
            live = Live(folder, stack, at=day(18))
            for customer in some:
                for placed in live.ask(customer, "outbound").placements:
                    for pick in placed.picks:
                        arm = pick.group if pick.group in ARMS else "everybody else"
                        made[arm] += pick.offer is not None
            live.write()
            of = live.desk.generation.populations
            used = dict(live.book.used["2026-11-18"])
    assert of.sum() == CUSTOMERS
    quota = 41 * of / CUSTOMERS
    for name, part in zip(("everybody else", *ARMS), quota, strict=True):
        assert abs(made[name] - part) < 1.0
        assert used[f"limits.max_contacts of {name}"] == made[name]
    assert made.total() == used["limits.max_contacts"] == 41


def test_a_room_that_was_used_before_the_parts_is_not_passed() -> None:
    """The whole binds where the day began without parts; what is given back is free again."""
    whole = Limits(("all",), np.array([[0.0], [1.0]]), np.array([10.0]), np.array([0.0]))
    used = Counter({"all": 8.0})
    rooms = Rooms(whole, ("x:a",), np.array([5, 5]), used)
    mine, rest = rooms.of(1), rooms.of(0)
    before = mine.mark()
    assert mine.use(1) == {"all": 1.0, "all of x:a": 1.0}
    assert rest.use(1) == {"all": 1.0, "all of everybody else": 1.0}
    assert mine.left().tolist() == rest.left().tolist() == [True, False]
    mine.back_to(before)
    assert rest.left().tolist() == [True, True]


def test_a_summary_is_told_again_and_shown_by_population(
    served: tuple[Path, WaveSummary],
) -> None:
    folder, summary = served
    again = serve_batch(folder, at=day(9))
    assert again.split == summary.split
    out = StringIO()
    show(summary, out, 160)
    assert "spring:learned (" in out.getvalue()
    assert "everybody else (" in out.getvalue()


def test_pooled_arms_under_limits_are_told_before_the_start(begun: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(begun, tmp_path / "c"))
    pooled = SPRING.replace(OWN, "").replace("share = 0.7", "share = 0.2")
    written(folder, pooled, "summer")
    told = design(folder, name="summer", at=day(9)).notes
    assert any("rules, learned share the campaign's limits" in note for note in told)
    assert any("'capacity = \"proportional\"'" in n or "proportional" in n for n in told)
    mine = design(folder, name="spring", at=day(9)).notes
    assert not any("share the campaign's limits" in note for note in mine)


def test_a_reading_says_who_shared_limits_and_nothing_where_nobody_did(
    served: tuple[Path, WaveSummary],
) -> None:
    folder, _ = served
    found = read(folder, name="spring", at=day(24))
    assert found.look == 1
    assert not any("shared limits" in note for note in found.notes)


@pytest.mark.long
def test_one_pool_misleads_and_proportional_parts_cover(tmp_path: Path) -> None:
    """The treatment wants twice as much of a capacity; 40 runs a way, small."""
    given = world.setting(tmp_path / "calls", 9000)
    target = world.truth(given, world.TWICE, 3000)
    covered = {}
    for capacity in (SHARED, PROPORTIONAL):
        many = [world.once(given, world.TWICE, capacity, 3000, seed) for seed in range(1, 41)]
        covered[capacity] = sum(o.found.lower <= target <= o.found.upper for o in many)
        control, treatment = np.mean([o.called for o in many], axis=0)
        ratio = 2.0 if capacity == SHARED else 1.0
        assert treatment / control == pytest.approx(ratio, rel=0.05)
    assert covered[PROPORTIONAL] >= 34
    assert covered[SHARED] <= 15
