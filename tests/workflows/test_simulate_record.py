"""A campaign judged on its own waves, and shown by `bandit report`."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bandit import experiments
from bandit.core.errors import ConfigError, DataError, UsageError
from bandit.core.types import SILENT
from bandit.record import manifest
from bandit.record import waves as record
from bandit.render.pages import with_page
from bandit.stats.quantiles import normal_tail
from bandit.workflows.inspect.report import report
from bandit.workflows.judge import job as simulate_job
from bandit.workflows.judge.simulate import read, simulate
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.demo import demo
from tests import campaigns

CUSTOMERS, WAVES = 1_500, 3
LATER = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)

CANDIDATES = """
[simulate]
estimators = ["dr", "snips"]
[[simulate.candidate]]
policy = "greedy"
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "uniform"
[[simulate.candidate]]
policy = "snapshot"
version = "000001"
decides = "lin_ts"
"""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record") / "operator"
    demo(folder=folder, customers=CUSTOMERS, waves=WAVES, seed=2)
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text() + CANDIDATES)
    return folder


@pytest.fixture(scope="module")
def result(campaign):
    return simulate(campaign, at=LATER)


def decisions(campaign, wave):
    found = next(w for w in record.waves(campaign) if w.name == wave)
    return pa.concat_tables(pq.read_table(f) for f in found.decisions)


def not_held(campaign, wave):
    groups = decisions(campaign, f"wave-{wave:02d}")["group"].cast(pa.string())
    return pc.sum(pc.not_equal(groups, "holdout")).as_py()


def test_every_first_decision_of_those_not_held_out_is_a_row(campaign, result):
    assert result.rows == sum(not_held(campaign, wave) for wave in range(1, WAVES + 1))
    assert result.customers <= CUSTOMERS
    assert result.causal
    assert {p.label for p in result.periods} == {"wave-01", "wave-02", "wave-03"}
    assert {p.group for p in result.periods} >= {"rules", "lin_ts", "holdout"}


@pytest.mark.long
def test_each_wave_is_a_look_and_asking_again_is_none(campaign, result):
    assert (result.looks, result.promised) == (WAVES, 0.95)
    limits = experiments.open_ended([1, 2, 3], alpha=0.1)
    assert 1.0 - result.confidence == pytest.approx(normal_tail(limits[-1]), rel=0.02)
    again = simulate(campaign, at=LATER)
    assert (again.looks, again.confidence) == (result.looks, result.confidence)
    assert again.gate == result.gate
    second = record.waves(campaign)[1].end(simulate_job.load(campaign).campaign.window)
    earlier = simulate(campaign, at=second)
    assert earlier.looks == 2
    assert 0.95 < earlier.confidence < result.confidence


@pytest.mark.parametrize(
    "said", ['looks = "once"', pytest.param('interval = "betting"', marks=pytest.mark.long)]
)
def test_a_verdict_for_one_look_or_for_any_keeps_its_confidence(campaign, tmp_path, said):
    folder = shutil.copytree(campaign, tmp_path / "operator")
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace("[simulate]\n", f"[simulate]\n{said}\n"))
    found = simulate(folder, at=LATER)
    assert (found.looks, found.confidence) == (1, 0.95)


def test_each_manifest_is_read_a_few_times_whatever_the_number_of_waves(campaign, monkeypatch):
    seen = Counter()
    once = manifest.read

    def counting(folder):
        seen[folder] += 1
        return once(folder)

    monkeypatch.setattr(manifest, "read", counting)
    read(simulate_job.load(campaign), log=False, at=LATER, progress=SILENT)
    assert len([folder for folder in seen if folder.parent.name == record.WAVES]) == WAVES
    assert max(n for folder, n in seen.items() if folder.parent.name == record.WAVES) <= 2


def test_rewards_are_net_of_costs_and_joined_as_learning_joins_them(campaign):
    job = simulate_job.load(campaign)
    logged = read(job, log=False, at=LATER, progress=SILENT)
    first = logged.take(np.flatnonzero(logged.waves.wave == 0))
    table = decisions(campaign, "wave-01")
    np.testing.assert_array_equal(first.customers, table["customer_id"].to_numpy())
    held = first.waves.group == "holdout"
    share = job.campaign.policy.holdout
    nothing = table["action"].to_numpy() == 0
    given = (table["propensity"].to_numpy() - share * nothing) / (1.0 - share)
    np.testing.assert_allclose(first.log.propensities[~held], given[~held], rtol=1e-12)
    np.testing.assert_array_equal(first.waves.apart, held)
    events = pa.concat_tables(
        pq.read_table(p) for p in (campaign / "outcomes").glob("*/events.parquet")
    )
    at = next(w.at for w in record.waves(campaign) if w.name == "wave-01")
    inside = events.filter(pc.less(events["occurred_at"], pa.scalar(at + dt.timedelta(days=14))))
    seen = inside.group_by("event_id").aggregate(
        [("reward", "min"), ("decision_id", "min"), ("customer_id", "min")]
    )
    mine = seen.filter(
        pc.or_kleene(
            pc.fill_null(pc.starts_with(seen["decision_id_min"], "wave-01."), False),
            pc.is_null(seen["decision_id_min"]),
        )
    )
    assert first.rewards.sum() == pytest.approx(pc.sum(mine["reward_min"]).as_py())
    cost = first.catalogue.costs[first.log.actions]
    np.testing.assert_allclose(first.log.rewards, first.rewards - cost)
    assert cost.max() > 0.0


def test_rules_are_worth_about_what_their_own_group_earned(result):
    """Business as usual serves nearly half of the customers: the estimate must agree with them."""
    own = [p for p in result.periods if p.group == "rules"]
    mean = sum(p.rows * p.reward.value for p in own) / sum(p.rows for p in own)
    rules = next(r for r in result.candidates if r.name == "rules")
    assert rules.value.lower < mean < rules.value.upper
    assert rules.lift is None
    assert result.business_as_usual == "rules"


def test_a_snapshot_is_judged_on_waves_it_has_not_learned_from(campaign, result):
    snapshot = next(r for r in result.candidates if r.policy == "snapshot")
    assert snapshot.rows == sum(not_held(campaign, w) for w in (2, 3))
    assert snapshot.mean_weight == pytest.approx(1.0, abs=0.5)


def test_a_snapshot_that_has_learned_from_all_is_refused(campaign):
    toml = campaign / "campaign.toml"
    text = toml.read_text()
    try:
        toml.write_text(text.replace('version = "000001"\n', ""))
        with pytest.raises(DataError, match="has learned from every wave of this log"):
            simulate(campaign, at=LATER)
    finally:
        toml.write_text(text)


def test_no_closed_wave_is_told(campaign):
    early = dt.datetime(2026, 1, 6, tzinfo=dt.UTC)
    with pytest.raises(ConfigError, match="no wave whose window has closed"):
        simulate(campaign, at=early)


def test_the_section_changes_no_wave(campaign):
    job = simulate_job.load(campaign)
    other = job.campaign.model_copy(update={"simulate": job.settings.model_copy()})
    assert "simulate" not in job.campaign.model_dump(mode="json")
    assert other.digest == job.campaign.digest


def test_report_counts_what_the_record_holds(campaign, tmp_path):
    pytest.importorskip("vl_convert", reason="reports need the extra offer-bandit[report]")
    shown = with_page(report(campaign, wave="wave-02", at=LATER), tmp_path)
    assert shown.report == tmp_path / "report.html"
    table = decisions(campaign, "wave-02")
    assert shown.customers == len(table)
    assert shown.contacted == pc.sum(pc.not_equal(table["action"], 0)).as_py()
    assert sum(sum(c.values()) for c in shown.grid.values()) == shown.contacted
    assert sum(shown.groups.values()) == shown.customers
    mine = [e for e in shown.earned if e.wave == "wave-02"]
    assert sum(e.customers for e in mine) == shown.customers
    assert {e.wave for e in shown.earned} == {"wave-01", "wave-02"}
    lin = next(e for e in mine if e.group == "lin_ts")
    expected = table.filter(pc.equal(table["group"].cast(pa.string()), "lin_ts"))["expected_value"]
    assert lin.expected == pytest.approx(pc.mean(expected).as_py(), rel=1e-5)
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert (tmp_path / "figures" / "offers.png").is_file()


def test_report_of_a_wave_that_is_not_there(campaign):
    with pytest.raises(UsageError, match="has no wave 'nope'; it has wave-01"):
        report(campaign, wave="nope")


def test_the_campaigns_own_share_is_judged_first_by_its_group(campaign, tmp_path):
    """Without [simulate] the gate is asked about what ran, and answers by what its group earned."""
    folder = shutil.copytree(campaign, tmp_path / "operator")
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace(CANDIDATES, ""))
    job = simulate_job.load(folder)
    found = simulate(folder, at=LATER)
    assert found.gate.candidate == "lin_ts"
    assert "(its own group, as it was served)" in found.gate.reason
    assert {row.name for row in found.candidates} >= {"lin_ts", "rules", "uniform", "no_contact"}
    logged = read(job, log=False, at=LATER, progress=SILENT)
    group, net = logged.waves.group, logged.waves.whole
    wave = logged.waves.wave
    assert [(g.group, g.over) for g in found.groups] == [("lin_ts", "rules"), ("lin_ts", "holdout")]
    for row in found.groups:
        gaps, rows = [], []
        for w in np.unique(wave):
            one, other = ((wave == w) & (group == name) for name in (row.group, row.over))
            gaps.append(net[one].mean() - net[other].mean())
            rows.append(int((one | other).sum()))
        assert row.rows == sum(rows)
        assert row.lift.value == pytest.approx(np.average(gaps, weights=rows))
        assert row.lift.lower < row.lift.value < row.lift.upper


def test_own_inbound_waves_can_be_judged(tmp_path):
    """The holdout sees none of a list's offers, which is in nobody else's eligible set."""
    folder = campaigns.write(tmp_path / "campaign", customers=600)
    toml = folder / "campaign.toml"
    toml.write_text(
        toml.read_text()
        + '\n[simulate]\nplacement = "home"\n[[simulate.candidate]]\npolicy = "uniform"\n'
        + '[[simulate.candidate]]\npolicy = "rules"\n'
    )
    serve_batch(folder, wave="w1", at=dt.datetime(2026, 11, 2, tzinfo=dt.UTC))
    found = simulate(folder, at=LATER)
    uniform = found.candidates[0]
    assert abs(uniform.mean_weight - 1.0) < 4 * uniform.mean_weight_error
    assert "no contact" not in uniform.shares
