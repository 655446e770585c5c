"""An experiment over a campaign's waves: claimed, assigned, learned from, judged, read, stopped."""

from __future__ import annotations

import datetime as dt
import html
import json
import shutil
import sys

import numpy as np
import polars as pl
import pytest

import bandit
from bandit import experiments
from bandit.cli.app import main
from bandit.core.errors import ConfigError, DataError, UsageError
from bandit.core.types import SILENT
from bandit.record import journal, layers, manifest
from bandit.render.pages import with_page
from bandit.render.terminal import show
from bandit.workflows.experiment import trust
from bandit.workflows.experiment.design import design
from bandit.workflows.experiment.enrolled import Contacts
from bandit.workflows.experiment.read import read
from bandit.workflows.experiment.start import start, stop
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.inspect.status import status
from bandit.workflows.judge import job
from bandit.workflows.judge import simulate as judge
from bandit.workflows.learn.learn import learn
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.trials import SPRING, written

CUSTOMERS = 3000
ARMS = {"peace": 0.2, "rules": 0.4, "only": 0.1, "learned": 0.3}
PRESSURE = "slots = 2\nquiet_days = 10"


def day(number):
    return dt.datetime(2026, 11, number, tzinfo=dt.UTC)


def sales(folder, wave, when):
    """A fifth of the contacts and a fifth of the people buy, whatever they were sent."""
    rng = np.random.default_rng(when)
    rows = campaigns.decisions(folder, wave)
    made = rows.filter(pl.col("action") > 0)["decision_id"]
    people = rows["customer_id"].unique(maintain_order=True)
    event = {"event": "sale", "occurred_at": f"2026-11-{when:02d}"}
    found = [
        {"event_id": f"{wave}-{kind}-{i}", name: one, "reward": float(rng.gamma(2.0, 2.0)), **event}
        for kind, name, which in (("d", "decision_id", made), ("c", "customer_id", people))
        for i, one in enumerate(which)
        if rng.random() < 0.2
    ]
    return campaigns.outcomes(folder / f"sales-{when}.csv", found)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A wave with outcomes, then the start."""
    folder = campaigns.write(
        tmp_path_factory.mktemp("x") / "c", customers=CUSTOMERS, pressure=PRESSURE
    )
    written(folder)
    serve_batch(folder, at=day(2))
    learn(folder, outcomes=sales(folder, "2026-11-02", 3), at=day(9))
    start(folder, name="spring", at=day(9))
    return folder


@pytest.fixture(scope="module")
def served(begun, tmp_path_factory):
    """Two waves of the experiment, learned from."""
    folder = shutil.copytree(begun, tmp_path_factory.mktemp("y") / "c")
    for number in (9, 16):
        serve_batch(folder, at=day(number))
        wave = f"2026-11-{number:02d}"
        learn(folder, outcomes=sales(folder, wave, number + 1), at=day(number + 8))
    return folder


def first_slots(folder, wave):
    rows = campaigns.decisions(folder, wave)
    return rows.filter((pl.col("slot") == 1) & (pl.col("placement") == "outbound"))


def test_members_are_who_the_layer_says_in_the_arms_that_keys_are_drawn_for(served):
    (claim,) = layers.read(served).layers[0].claims
    layer = experiments.Layer("offers", seed=11).claim("spring", 0.5, dt.date(2026, 11, 9), 28)
    assert claim.ranges == layer.claims[0].ranges
    ages = campaigns.people(CUSTOMERS).select("customer_id", "age")
    for wave in ("2026-11-09", "2026-11-16"):
        rows = first_slots(served, wave).join(ages, on="customer_id")
        keys = rows["customer_id"].to_numpy()
        old = (rows["age"] > 25).fill_null(False).to_numpy()
        member = layer.members(keys, "spring") & old & (rows["group"] != "holdout").to_numpy()
        arm = experiments.arms(keys, "spring", list(ARMS.values()), seed=11)
        wanted = np.array([f"spring:{name}" for name in ARMS])[arm]
        group = rows["group"].to_numpy()
        assert (group[member] == wanted[member]).all()
        assert not np.char.startswith(group[~member].astype(str), "spring").any()


def test_each_arm_gets_what_it_is_for(served):
    rows = campaigns.decisions(served, "2026-11-16")
    by = {name: rows.filter(pl.col("group") == f"spring:{name}") for name in ARMS}
    assert (by["peace"]["action"] == 0).all()
    peace = by["peace"].filter(pl.col("placement") == "outbound")
    assert set(peace["reason"]) <= {"held out"}
    only = by["only"].filter(pl.col("action") > 0).select("offer", "channel").unique().rows()
    assert set(only) <= {("music", "email"), ("fibre", "sms")}
    assert by["rules"]["action"].n_unique() > 3
    assert by["learned"]["action"].n_unique() > 3


def test_the_first_wave_is_over_the_arms_and_later_ones_given_the_arm(served):
    about = [manifest.read(served / "waves" / w) for w in ("2026-11-09", "2026-11-16")]
    assert [m["experiments"][0]["known"] for m in about] == [False, True]
    peace = [
        first_slots(served, m["wave"]).filter(pl.col("group") == "spring:peace")["propensity"]
        for m in about
    ]
    assert peace[0].min() < 0.5
    assert (peace[1] == 1.0).all()


def test_a_wave_with_an_experiment_has_the_same_bytes_in_any_batch_size(begun, tmp_path):
    found = []
    for batch, threads in ((None, None), (37, 1)):
        folder = shutil.copytree(begun, tmp_path / str(batch))
        toml = folder / "campaign.toml"
        toml.write_text(toml.read_text() + "[limits]\nmax_contacts = 150\n")
        serve_batch(folder, at=day(9), batch_size=batch, threads=threads)
        wave = folder / "waves" / "2026-11-09"
        found.append({p.name: p.read_bytes() for p in wave.glob("decisions-*")})
        assert set(first_slots(folder, "2026-11-09")["keep_probability"]) != {1.0}
    assert found[0] == found[1]


def test_nobody_in_an_experiment_leaves_the_wave_as_it_was(tmp_path):
    """Before its start, and when it was stopped, every file of the wave is that without it."""
    plain = campaigns.write(tmp_path / "plain", customers=300)
    other = campaigns.write(tmp_path / "other", customers=300)
    written(other)
    start(other, name="spring", at=day(1))
    serve_batch(other, at=day(2))
    stop(other, name="spring", at=day(3))
    serve_batch(plain, at=day(2))
    for folder in (plain, other):
        serve_batch(folder, at=day(20))
    files = sorted(p.relative_to(plain) for p in plain.glob("waves/*/*"))
    assert files == sorted(p.relative_to(other) for p in other.glob("waves/*/*"))
    for path in files:
        assert (plain / path).read_bytes() == (other / path).read_bytes(), path


def test_weights_on_waves_with_an_experiment_have_mean_one(served):
    found = judge.simulate(served, at=day(24))
    for row in found.candidates:
        assert abs(row.mean_weight - 1.0) <= 4.0 * row.mean_weight_error, row.name
    logged = judge.read(job.load(served), log=False, at=day(24), progress=SILENT)
    waves = logged.waves
    apart = {str(g) for g in waves.group[waves.apart & (waves.wave == 2)]}
    assert apart == {"holdout", "spring:peace", "spring:only"}
    assert {str(g) for g in waves.group[waves.apart & (waves.wave == 1)]} == {"holdout"}


def test_the_learner_learns_from_every_row_of_an_experiment(served):
    found = learn(served, at=day(24))
    used = 0
    for wave in found.waves:
        rows = campaigns.decisions(served, wave)
        first = (pl.col("slot") == 1) & (pl.col("placement") == "outbound")
        used += rows.filter((pl.col("action") > 0) | first).height
    assert found.decisions == used


def test_a_reading_is_that_of_a_direct_count(served):
    found = read(served, name="spring", at=day(24))
    assert (found.look, found.looks, found.waiting) == (2, 3, [])
    first = first_slots(served, "2026-11-09").filter(pl.col("group").str.starts_with("spring:"))
    people = first.select("customer_id", arm=pl.col("group").str.strip_prefix("spring:"))
    counts = dict(people["arm"].value_counts().rows())
    assert {a.arm: a.assigned for a in found.arms} == counts
    assert {a.arm: a.compared for a in found.arms} == counts
    totals = _net(served)
    rows = (
        people.join(totals, on="customer_id", how="left")
        .with_columns(pl.col("net").fill_null(0.0))
        .join(campaigns.people(CUSTOMERS).select("customer_id", "spend"), on="customer_id")
    )
    for effect in (e for e in found.effects if e.metric == "net"):
        both = rows.filter(pl.col("arm").is_in(["peace", effect.arm]))
        one = experiments.compare(
            both["net"],
            both["arm"] == effect.arm,
            covariate=both["spend"],
            adjustment="lin",
            rare=True,
        )
        assert effect.interval.value == pytest.approx(one.effect, rel=1e-5)
        limit = experiments.boundaries([1 / 3, 2 / 3], alpha=0.05 / 3)[-1]
        assert effect.limit == pytest.approx(limit)
        assert effect.interval.lower == pytest.approx(one.within(limit)[0], rel=1e-4)
    assert found.verdict in {"ship", "go on"}
    assert not any(r.alarm for r in found.ratios)
    assert any("learned learned from wave to wave" in note for note in found.notes)
    assert not any("shared limits" in note for note in found.notes)
    assert found.balance is not None
    assert not found.balance.alarm
    assert [p.wave for p in found.path if p.arm == "rules"] == ["2026-11-09", "2026-11-16"]


def _net(folder):
    """Value times reward less cost, a customer, over the two waves, by this page's own join."""
    parts = []
    for number in (9, 16):
        rows = campaigns.decisions(folder, f"2026-11-{number:02d}")
        came = pl.read_csv(folder / f"sales-{number + 1}.csv")
        by_id = came.drop_nulls("decision_id").group_by("decision_id").agg(pl.sum("reward"))
        own = rows.join(by_id, on="decision_id", how="left").with_columns(
            net=pl.col("value") * pl.col("reward").fill_null(0.0) - pl.col("cost")
        )
        parts.append(own.select("customer_id", "net"))
        loose = (
            came.drop_nulls("customer_id")
            .cast({"customer_id": pl.Int64})
            .group_by("customer_id")
            .agg(pl.sum("reward"))
        )
        at = first_slots(folder, f"2026-11-{number:02d}").select("customer_id", "value")
        parts.append(
            at.join(loose, on="customer_id").select(
                "customer_id", net=pl.col("value") * pl.col("reward")
            )
        )
    return pl.concat(parts).group_by("customer_id").agg(pl.sum("net"))


@pytest.mark.long
def test_a_loss_of_one_arm_blocks_the_reading(served, tmp_path):
    folder = shutil.copytree(served, tmp_path / "c")
    first = first_slots(folder, "2026-11-09").filter(pl.col("group") == "spring:rules")
    forget(folder, customers=[str(c) for c in first["customer_id"][:250]])
    found = read(folder, name="spring", at=day(24))
    assert found.verdict == "blocked"
    assert found.effects == []
    assert [r.stage for r in found.ratios if r.alarm] == ["compared"]


def test_waves_of_which_nothing_was_heard_are_named(served, tmp_path):
    folder = shutil.copytree(served, tmp_path / "c")
    shutil.rmtree(folder / "outcomes")
    told = [n for n in read(folder, name="spring", at=day(24)).notes if "no event lies in" in n]
    assert [wave in note for wave, note in zip(("11-09", "11-16"), told, strict=True)] == [True] * 2
    assert not any("no event" in note for note in read(served, name="spring", at=day(24)).notes)


def test_before_a_window_closes_nothing_is_read(served, begun):
    assert read(begun, name="spring", at=day(9)).verdict == "nothing yet"
    found = read(served, name="spring", at=day(12))
    assert (found.verdict, found.waiting) == ("nothing yet", ["2026-11-09", "2026-11-16"])


def test_explain_derives_an_arms_decisions_again(served):
    rows = first_slots(served, "2026-11-16")
    for name in ARMS:
        who = rows.filter(pl.col("group") == f"spring:{name}")["customer_id"][0]
        found = explain(served, customer=str(who), wave="2026-11-16")
        assert any("the same decisions" in note for note in found.notes)
        slot = found.slots[0]
        taken = next(
            c for c in slot.contenders if (c.offer, c.channel) == (slot.offer, slot.channel)
        )
        assert taken.probability == pytest.approx(slot.propensity, abs=1e-6)


def test_the_report_has_the_arms_and_holds_them_against_nothing(served):
    found = report(served, at=day(24))
    assert {f"spring:{name}" for name in ARMS} <= set(found.groups)
    assert not any(":" in i.group for i in found.increments)


def test_a_stop_ends_the_claim_after_the_cooldown(served, tmp_path):
    folder = shutil.copytree(served, tmp_path / "c")
    found = stop(folder, name="spring", at=day(24))
    assert (found.end, found.free_from) == ("2026-11-24", "2026-12-22")
    serve_batch(folder, at=day(25))
    assert not first_slots(folder, "2026-11-25")["group"].str.contains(":").any()
    again = SPRING.replace("share = 0.5", "share = 0.6").replace("2026-11-09", "2026-12-01")
    written(folder, again, "summer")
    with pytest.raises(ConfigError, match=r"50.00% free on 2026-12-01.*2026-12-22"):
        start(folder, name="summer", at=day(25))
    written(folder, again.replace("2026-12-01", "2026-12-22"), "summer")
    start(folder, name="summer", at=day(25))


def test_an_experiment_ends_by_itself_with_its_last_wave(tmp_path):
    folder = campaigns.write(tmp_path / "c", customers=200)
    written(folder, SPRING.replace("waves = 3", "waves = 1"))
    start(folder, name="spring", at=day(9))
    for number in (9, 16):
        serve_batch(folder, at=day(number))
    had = [
        first_slots(folder, f"2026-11-{n:02d}")["group"].str.contains(":").any() for n in (9, 16)
    ]
    assert had == [True, False]


def test_an_edited_file_is_refused_until_it_is_put_back(begun, tmp_path):
    folder = shutil.copytree(begun, tmp_path / "c")
    written(folder, SPRING + "\n# a remark is no edit\n")
    read(folder, name="spring", at=day(9))
    written(folder, SPRING.replace("share = 0.5", "share = 0.4"))
    for command in (read, start):
        with pytest.raises(ConfigError, match=r"spring"):
            command(folder, name="spring", at=day(9))
    with pytest.raises(ConfigError, match=r"edited after its start.*put the file back"):
        serve_batch(folder, at=day(9))
    stop(folder, name="spring", at=day(9))
    serve_batch(folder, at=day(9))


def test_a_second_experiment_shares_nobody_with_the_first(served, tmp_path):
    folder = shutil.copytree(served, tmp_path / "c")
    other = SPRING.replace("share = 0.5", "share = 0.3").replace("2026-11-09", "2026-11-23")
    written(folder, other.replace('"offers"', '"prices"'), "other")
    with pytest.raises(ConfigError, match=r"'spring' of layer 'offers' decides"):
        start(folder, name="other", at=day(23))
    written(folder, other, "other")
    start(folder, name="other", at=day(23))
    claims = layers.read(folder).layers[0].claims
    held = [{b for low, high in c.ranges for b in range(low, high)} for c in claims]
    assert [len(h) for h in held] == [5000, 3000]
    assert not held[0] & held[1]
    serve_batch(folder, at=day(23))
    groups = first_slots(folder, "2026-11-23")["group"]
    assert groups.str.starts_with("spring:").any()
    assert groups.str.starts_with("other:").any()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('policy = "rules"', 'policy = "rulse"', "'rulse' is no policy of an arm"),
        ('"music/email"', '"music/emial"', "arm 'only': 'music/emial' is no action; did you mean"),
        ('value = "net"', 'value = "events.Mail_Opened"', "'net': opens are made by machines"),
        ('value = "net"', 'value = "events.click"', "'net': who is left in peace cannot click"),
        ('"age > 25"', '"agee > 25"', "did you mean 'age'"),
        ('"age > 25"', '"age"', "not true or false"),
        ('"spend"', '"region"', "covariate 'region' is none of"),
        ("share = 0.4", "share = 0.5", "sum to 1.1"),
        ("minimum_effect = 0.5", "", "needs minimum_effect"),
        ("margin = 0.05", "", "needs margin"),
        ("2026-11-09", "2026-11-01", "lies before 2026-11-09"),
        ("cooldown_days = 28", "cooldown_days = 28\ncapacity = 3", "unknown key 'capacity'"),
        ('value = "net"', 'value = "nett"', "value"),
        ('"rules"\n', '"rules"\ncapacity = "proportionate"\n', "capacity"),
        ('"no_contact"\n', '"no_contact"\ncapacity = "proportional"\n', "no_contact takes nothing"),
    ],
)
def test_what_is_wrong_is_told_with_file_key_and_value(begun, tmp_path, old, new, told):
    folder = shutil.copytree(begun, tmp_path / "c")
    written(folder, SPRING.replace(old, new, 1), "other")
    with pytest.raises(ConfigError) as wrong:
        start(folder, name="other", at=day(9))
    assert told in str(wrong.value)
    assert "other.toml" in str(wrong.value)
    assert len(layers.read(folder).layers[0].claims) == 1


def test_names_never_become_paths(begun):
    for name in ("../spring", "a/b", ".hidden", ""):
        with pytest.raises(UsageError, match="a name is up to 100 letters"):
            start(begun, name=name, at=day(9))


def test_a_damaged_record_of_layers_is_told(begun, tmp_path):
    folder = shutil.copytree(begun, tmp_path / "c")
    path = folder / layers.NAME
    path.write_text(path.read_text().replace('"seed": 11', '"seed": 12'))
    with pytest.raises(DataError, match=r"layers.json is damaged"):
        serve_batch(folder, at=day(9))


def test_design_measures_the_past_and_says_what_cannot_succeed(served, tmp_path):
    found = design(served, name="spring", at=day(24))
    assert found.measured == ["2026-11-02", "2026-11-09", "2026-11-16"]
    ages = campaigns.people(CUSTOMERS)["age"]
    assert found.population == int((ages > 25).sum())
    assert found.members == round(found.population * 0.5 * 0.9)
    assert not found.can_succeed
    assert "cannot succeed" in found.verdict
    for plan in found.plans:
        wanted = experiments.Plan(
            mean=plan.mean, sd=plan.sd, alpha=0.05 / 3, rho=plan.rho, looks=found.looks_cost,
            control_share=0.2 / (0.2 + ARMS[plan.arm]),
            tails=experiments.Tails(plan.kurtosis, plan.amount),
        )  # fmt: skip
        assert plan.needed == int(np.ceil(wanted.size(0.5)))
        assert plan.available == round(found.members * (0.2 + ARMS[plan.arm]))
    assert found.control_cost is not None
    assert found.control_cost.lower > 0.0  # silence cost the holdout what others bought
    folder = shutil.copytree(served, tmp_path / "c")
    written(folder, SPRING.replace("minimum_effect = 0.5", "minimum_effect = 60.0"), "large")
    assert design(folder, name="large", at=day(24)).can_succeed


def test_design_needs_a_past(tmp_path):
    folder = campaigns.write(tmp_path / "c", customers=50)
    written(folder)
    with pytest.raises(DataError, match="no wave has a closed window"):
        design(folder, name="spring", at=day(9))


def test_design_measures_no_wave_whose_outcomes_did_not_come(tmp_path):
    # contacts cost something, so that net differs from person to person where nothing came
    folder = campaigns.write(tmp_path / "c", customers=200)
    written(folder)
    serve_batch(folder, at=day(2))
    with pytest.raises(DataError, match="no event lies in the windows of waves 2026-11-02,"):
        design(folder, name="spring", at=day(9))


def test_layers_json_holds_no_customer(served):
    content = json.loads((served / layers.NAME).read_text())
    assert set(content) == {"format", "kind", "layers", "sha256"}
    (claim,) = content["layers"][0]["claims"]
    assert set(claim) == {"name", "campaign", "digest", "ranges", "experiment", "end", "pinned"}


def test_the_commands_print_one_object_and_go_into_the_journal(begun, tmp_path, capsys):
    folder = shutil.copytree(begun, tmp_path / "c")
    for command in ("design", "read", "stop"):
        with pytest.raises(SystemExit) as ended:
            main(["experiment", command, str(folder), "spring", "--at", "2026-11-09", "--json"])
        assert ended.value.code == 0
        told = json.loads(capsys.readouterr().out)
        assert told["experiment"] == "spring"
    assert [e.command for e in journal.read(folder).entries] == ["experiment stop"]
    with pytest.raises(SystemExit) as ended:
        main(["experiment", "read", str(folder), "summer", "--at", "2026-11-09"])
    assert ended.value.code == 3
    assert "'summer' was not started" in capsys.readouterr().err


def test_a_notebook_reads_an_experiment(served):
    spring = bandit.Campaign(served).experiment("spring")
    assert repr(spring) == "Experiment('spring')"
    found = spring.read(at=day(24))
    assert found.to_json() == read(served, name="spring", at=day(24)).to_json()
    assert found.to_polars()["effects"].height == len(found.effects)


def test_terminal_tables_show_design_and_reading(served, capsys):
    for result in (
        design(served, name="spring", at=day(24)),
        read(served, name="spring", at=day(24)),
    ):
        show(result, sys.stdout, 160)
    told = capsys.readouterr().out
    for word in ("It cannot succeed", "group_sequential", "sizes as assigned", "learned"):
        assert word in told


def test_the_page_shows_arms_effect_and_alpha(served, tmp_path):
    pytest.importorskip("vl_convert", reason="reports need the extra offer-bandit[report]")
    pytest.importorskip("jinja2", reason="reports need the extra offer-bandit[report]")
    found = with_page(read(served, name="spring", at=day(24)), tmp_path / "page")
    text = found.report.read_text(encoding="utf-8")
    for word in (found.words, "The alpha spent", "The effect over time", "learned", "sizes as"):
        assert html.escape(word) in text
    assert "<script" not in text
    drawn = {p.stem for p in (tmp_path / "page" / "figures").glob("*.svg")}
    assert drawn == {"effect", "time", "alpha"}
    early = with_page(read(served, name="spring", at=day(12)), tmp_path / "early")
    assert "No window has closed yet" in early.report.read_text(encoding="utf-8")
    assert not list((tmp_path / "early" / "figures").iterdir())


def test_segments_are_the_primary_effect_of_some_with_false_discoveries_held(served, tmp_path):
    folder = campaigns.write(tmp_path / "c", customers=1500)
    written(folder, SPRING.replace("waves = 3", 'waves = 1\nsegments = ["region", "owner"]'))
    start(folder, name="spring", at=day(9))
    serve_batch(folder, at=day(9))
    learn(folder, outcomes=sales(folder, "2026-11-09", 10), at=day(17))
    found = read(folder, name="spring", at=day(17))
    segments = [(s.column, s.segment) for s in found.segments if s.arm == "rules"]
    assert set(segments) >= {("region", "north"), ("owner", "yes"), ("owner", "no")}
    raised = experiments.benjamini_hochberg([s.p_value for s in found.segments])
    np.testing.assert_allclose([s.adjusted_p for s in found.segments], raised)
    whole = next(e for e in found.effects if e.metric == "net" and e.arm == "rules")
    people = [s.customers for s in found.segments if s.arm == "rules" and s.column == "owner"]
    counts = {a.arm: a.compared for a in found.arms}
    assert sum(people) == counts["rules"] + counts["peace"]
    for one in (s for s in found.segments if s.arm == "rules"):
        assert abs(one.shrunken.value - whole.interval.value) < 5.0
    assert read(served, name="spring", at=day(24)).segments == []
    written(folder, SPRING.replace("waves = 3", 'waves = 3\nsegments = ["regio"]'), "other")
    with pytest.raises(ConfigError, match=r"segments: 'regio' is none.*did you mean 'region'"):
        start(folder, name="other", at=day(9))


def test_status_tells_where_an_experiment_stands(begun, served, tmp_path):
    def state(folder, number):
        found = status(folder, at=day(number))
        (one,) = found.experiments
        asked = [line for line in found.next if "experiment" in line]
        return one.state, one.until, one.waves, one.closed, asked

    assert state(begun, 5)[:2] == ("to start", "2026-11-09")
    assert state(begun, 9) == ("running", None, 0, 0, [])
    folder = shutil.copytree(served, tmp_path / "c")
    asked = [f"bandit experiment read {folder} spring"]
    assert state(folder, 24) == ("running", None, 2, 2, asked)
    serve_batch(folder, at=day(24))
    assert state(folder, 24)[0] == "over"
    stop(folder, name="spring", at=day(25))
    assert state(folder, 26)[:2] == ("resting", "2026-12-23")


def test_a_loss_at_export_alarms_and_opt_outs_by_chance_do_not():
    """2 % of one arm's contacts on no list; of 1,000 waves with opt-outs by chance 3 at most."""
    rng = np.random.default_rng(0)
    decided = np.array([100_000, 100_000])
    lost = trust.exported(Contacts(decided, decided - [0, 2_000], None))
    assert lost.alarm
    alarms = sum(
        trust.exported(Contacts(decided, rng.binomial(decided, 0.99), None)).alarm
        for _ in range(1000)
    )
    assert alarms <= 3
