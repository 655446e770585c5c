"""A shadow decides beside the served policy: its picks are noted, and nothing else changes."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest

from bandit.config import campaign_file
from bandit.record import manifest
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.serve import plan
from tests import campaigns
from tests.lives import Live
from tests.service.test_app import body, talk

PEOPLE = campaigns.people(300)["customer_id"].to_list()
PLACES = [WantedPlacement("outbound"), WantedPlacement("home")]
CAPPED = "\n[limits]\nmax_contacts = 40\n"


def decided(live: Live) -> list[Decided]:
    """Everybody's decisions as they are written."""
    live.desk.decide_all([Asked(f"r{c}", c, PLACES) for c in PEOPLE])
    found = [frames.decoded(pending.frame[8:]) for pending in live.desk.pending]
    return [one for one in found if isinstance(one, Decided)]


def shadow(policy: str, more: str = "") -> str:
    return f'{CAPPED}\n[shadow]\npolicy = "{policy}"\n{more}'


def test_what_is_served_is_the_same_in_every_byte(tmp_path: Path, stack: ExitStack) -> None:
    """The propensities and ids too; caps are used by what is served alone."""
    bare = decided(Live(campaigns.write(tmp_path / "bare", more=CAPPED), stack))
    folder = campaigns.write(tmp_path / "with", more=shadow("greedy"))
    beside = decided(Live(folder, stack))
    assert [msgspec.structs.replace(one, shadow=[]) for one in beside] == bare
    assert all(len(one.shadow) == len(one.slots) for one in beside)
    assert not any(one.shadow for one in bare)


@pytest.mark.parametrize("policy", ["greedy", "uniform", "rules", "lin_ts"])
def test_its_picks_are_of_the_same_sets_and_its_chances_are_its_own(
    tmp_path: Path, stack: ExitStack, policy: str
) -> None:
    live = Live(campaigns.write(tmp_path / "c", more=shadow(policy)), stack)
    wave = live.desk.generation.wave
    asked = wave.run.campaign.shadow
    assert asked is not None
    actions, offers = wave.plan.actions, wave.catalogue.offers
    alone = plan.alone(asked, actions, offers, wave.posterior.noise_scale)
    rows = [
        (one, slot, *mine)
        for one in decided(live)
        for slot, mine in zip(one.slots, one.shadow, strict=True)
    ]
    k = len(wave.plan.space)
    for one, slot, picked, chance in rows[:200]:
        bits = np.unpackbits(np.frombuffer(slot.eligible, np.uint8), bitorder="little")[:k]
        assert bits[picked]
        chances = alone.probabilities(
            wave.posterior,
            np.frombuffer(one.context, np.float32)[None, :],
            eligible=bits.astype(bool)[None, :],
            values=np.frombuffer(one.values, np.float32)[None, :],
            costs=wave.plan.costs,
        )[0]
        assert chance == pytest.approx(chances[slot.action], abs=1e-6)
        assert chances[picked] > 0.0
    tally = live.desk.shadowed
    assert tally.decisions == len(rows)
    assert tally.agreed == pytest.approx(sum(chance for *_, chance in rows))


def test_metrics_tell_its_agreement_and_lift_and_simulate_judges_it(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "c", more=shadow("uniform", 'name = "bold"'))

    async def say(client: httpx.AsyncClient) -> str:
        assert "bandit_shadow{" not in (await client.get("/metrics")).text
        for customer in PEOPLE[:60]:
            await client.post("/v1/decisions", json=body(customer, f"r{customer}", "home"))
        return (await client.get("/metrics")).text

    told = talk(folder, say)
    for figure in ("decisions", "agreement", "lift"):
        assert f'bandit_shadow{{figure="{figure}"}}' in told
    sealed = seal(folder).waves
    result = simulate(folder)
    assert "bold" in [row.name for row in result.candidates]
    (beside,) = result.shadows
    assert beside.name == "bold"
    assert beside.slots == sum(wave.decisions for wave in sealed)
    for figure, value in vars(beside).items():
        if figure in {"agreement", "lift"}:
            there = re.search(rf'bandit_shadow{{figure="{figure}"}} (\S+)', told)
            assert there is not None
            assert value == pytest.approx(float(there[1]), rel=1e-4, abs=1e-7)


def test_a_sealed_wave_keeps_what_came_of_it_and_who_came_too_late_is_left_out(
    tmp_path: Path, stack: ExitStack
) -> None:
    """Contacts and lists of everybody, of which some were left to the rules."""
    folder = campaigns.write(tmp_path / "c", more=shadow("greedy", 'name = "bold"'))
    live = Live(folder, stack)
    late = [Asked(f"l{c}", c, [WantedPlacement("home")]) for c in PEOPLE[:40]]
    live.desk.decide_all(late, set(range(40)))
    assert not live.desk.shadowed.decisions
    live.desk.decide_all([Asked(f"r{c}", c, PLACES) for c in PEOPLE])
    live.write()
    tally = live.desk.shadowed
    kept = [manifest.read(folder / "waves" / one.wave) for one in seal(folder).waves]
    sums = [one["shadow"] for one in kept if "shadow" in one]
    assert {one["name"] for one in sums} == {"bold"}
    assert sum(one["slots"] for one in sums) == tally.decisions
    assert sum(one["agreed"] for one in sums) == pytest.approx(tally.agreed)
    assert sum(one["lift"] for one in sums) == pytest.approx(tally.lift, abs=1e-4)


def test_it_changes_no_wave(tmp_path: Path) -> None:
    """So it may be set and taken away at any time: no digest, no id hangs on it."""
    bare = campaigns.write(tmp_path / "bare", more=CAPPED)
    beside = campaigns.write(tmp_path / "with", more=shadow("lin_ucb", "alpha = 2.0"))
    assert campaign_file.load(bare).digest == campaign_file.load(beside).digest
