"""A wave's best allocation goes by what decisions go by: lines, curves, depths that rise."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bandit.core.types import Float64
from bandit.models.curved import Curved
from bandit.models.moved import Moved, lifts_of
from bandit.models.rising import Rising
from bandit.results.serve import WaveSummary
from bandit.runners import engine
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve import prepare, pricing
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.serve.what_if import what_if
from reference.allocation import Instance, programme
from tests import campaigns
from tests.campaigns import MONDAY
from tests.config.test_discount import TV
from tests.runners.clusters import Twice

LATER = MONDAY + dt.timedelta(days=7)
CUSTOMERS = 200
EVENTS = """window_days = 7.0
no_contact_value = 0.0
[reward.events]
sale = 20.0
refusal = -8.0
"""
CURVES = f'{EVENTS}[model]\nlink = "logit"\n'
CAPS = """[limits]
max_contacts = 90
[[group_cap]]
name = "net"
offers = ["fibre", "cable"]
capacity = 40
"""
GREEDY = """[policy]
holdout = 0.0
exploration = 0.0
share = [{ policy = "greedy", share = 1.0 }]
[[channel]]
"""


class World(NamedTuple):
    """A campaign's reward, its slots, further offers, and what moves its means."""

    reward: str
    slots: int
    more: str
    moved: type[Moved] | None


WORLDS = {
    "lines": World(EVENTS, 1, "", None),
    "curves": World(CURVES, 1, "", Curved),
    "depths": World(f"{EVENTS}[model]\nshare = false\n", 1, TV, Rising),
    "curves and depths": World(CURVES, 1, TV, Rising),
    "curves, two slots": World(CURVES, 2, "", Curved),
    "curves and depths, two slots": World(CURVES, 2, TV, Rising),
}


class Asked(NamedTuple):
    """A dry run of a campaign, and the best allocation as a programme by the formula."""

    world: World
    folder: Path
    summary: WaveSummary
    instance: Instance
    moved: float


def _learned(folder: Path, world: World) -> Path:
    """Owners buy, mostly by e-mail; of the deep ones hardly anybody does."""
    campaigns.write(folder, customers=CUSTOMERS, pressure=f"slots = {world.slots}", more=world.more)
    file = folder / "campaign.toml"
    text = file.read_text().replace("window_days = 7.0\n", world.reward)
    file.write_text(text.replace('value = "1 + spend / 100"', "value = 2.0"))
    serve_batch(folder, wave="w1", at=MONDAY)
    rng = np.random.default_rng(5)
    owners = dict(campaigns.people(CUSTOMERS).select("customer_id", "owner").iter_rows())
    rows: list[dict[str, Any]] = []
    for row in campaigns.decisions(folder, "w1").iter_rows(named=True):
        likes = 0.6 if owners[row["customer_id"]] else 0.1
        deep = str(row["offer"]) in {"tv-12.5", "tv-30"}
        chance = 0.02 if row["action"] == 0 or deep else likes if row["channel"] == "email" else 0.2
        for event, often in (("sale", chance), ("refusal", 0.05)):
            if rng.random() < often:
                rows.append({
                    "event_id": f"{event}-{row['decision_id']}", "decision_id": row["decision_id"],
                    "event": event, "reward": 0.0, "occurred_at": "2026-11-03 10:00:00",
                })  # fmt: skip
    learn(folder, outcomes=campaigns.outcomes(folder / "o.csv", rows), at=LATER)
    text = file.read_text().replace('name = "sms"\n', 'name = "sms"\ncapacity = 35\n')
    begin, end = text.index("[policy]"), text.index("[[channel]]") + len("[[channel]]\n")
    file.write_text(f"{text[:begin]}{CAPS}{GREEDY}{text[end:]}")
    return folder


@pytest.fixture(scope="module", params=WORLDS)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    world = WORLDS[request.param]
    folder = _learned(tmp_path_factory.mktemp("bound") / "campaign", world)
    kept: list[tuple[Instance, float]] = []
    find = pricing.each

    def spied(wave: Any, parts: Any, spool: Any, *rest: Any) -> Any:
        assert isinstance(wave.posterior, world.moved or object)
        kept.append(_instance(wave, parts[0], prepare.joined(list(spool))))
        return find(wave, parts, spool, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pricing, "each", spied)
        summary = serve_batch(folder, wave="w2", at=LATER, dry_run=True)
    return Asked(world, folder, summary, *kept[0])


def _instance(wave: Any, limits: Any, batch: Any) -> tuple[Instance, float]:
    lifts = lifts_of(wave.posterior, batch.contexts)
    mean = batch.contexts.astype(np.float64) @ wave.posterior.mean.T + lifts
    worth = np.atleast_2d(batch.values) * mean - wave.plan.costs
    slots = wave.run.campaign.pressure.slots
    given = Instance(
        _above_peace(worth), limits.usage, limits.most, None,
        batch.mask & wave.plan.actions.outbound & (batch.allowance > 0)[:, None], slots,
        wave.plan.actions.channel if slots > 1 else None,
    )  # fmt: skip
    return given, float(np.abs(lifts).max())


def _above_peace(worth: Float64) -> Float64:
    return worth - worth[:, :1]


def test_the_bound_is_that_of_the_means_that_decisions_go_by(asked: Asked) -> None:
    """HiGHS over the formula's worths: no allocation is worth more, ours as much but for little."""
    linear = -float(programme(asked.instance, whole=False).fun)
    found = asked.summary
    assert found.primal_value is not None
    assert found.dual_value is not None
    assert linear * (1.0 - 1e-6) <= found.dual_value <= linear * (1.0 + 1e-5)
    assert 0.98 * linear <= found.primal_value <= linear * (1.0 + 1e-6)
    for one in found.limits:
        assert one.best_used is not None
        assert one.most is not None
        assert one.best_used <= one.most
    assert any(one.best_price for one in found.limits)


def test_no_wave_is_expected_to_bring_more_than_its_bound(asked: Asked) -> None:
    found = asked.summary
    assert found.outbound is not None
    assert found.dual_value is not None
    # Greedy, without holdout and exploration, is as near to it as a wave can be.
    assert 0.6 * found.dual_value < found.outbound.expected_value <= found.dual_value + 1e-6


def test_what_if_at_todays_size_is_the_bound(asked: Asked) -> None:
    told = what_if(asked.folder, limit="sms.capacity", low=35, high=35, points=1, at=LATER)
    assert told.points[0].value == pytest.approx(asked.summary.dual_value, rel=1e-9)
    sms = next(one for one in asked.summary.limits if one.name == "channels.sms.capacity")
    assert told.points[0].price == pytest.approx(sms.best_price, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("how", [{"batch_size": 17, "threads": 1}, {"engine": "spark"}])
@pytest.mark.parametrize("asked", ["curves", "curves and depths"], indirect=True)
def test_the_same_for_any_batches_and_workers(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    monkeypatch.setattr(engine, "Spark", lambda *_: Twice())
    folder = Path(shutil.copytree(asked.folder, tmp_path / "campaign"))
    again = serve_batch(folder, wave="w2", at=LATER, dry_run=True, **how)
    for name in ("primal_value", "dual_value", "gap", "limits", "outbound"):
        assert getattr(again, name) == getattr(asked.summary, name)


def test_curves_and_depths_do_move_means(asked: Asked) -> None:
    """Else the lines' bound would do."""
    assert (asked.moved > 0.01) == (asked.world.moved is not None)
