"""Where there is no time the rules pick, it is on the record as that, and nobody learns from it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from bandit.workflows.judge.simulate import simulate
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import FALLBACK, Answer
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from tests import campaigns
from tests.lives import DAY, Live

PEOPLE = campaigns.people(300)["customer_id"].to_list()
ORDER = ["fibre", "cable", "music"]


def asked(customer: int, request: str, *places: str) -> Asked:
    return Asked(request, customer, [WantedPlacement(name) for name in places])


def late(desk: Desk, *asks: Asked) -> list[Answer | str]:
    """What they are told who have no time left, or why they are told nothing."""
    given = desk.decide_all(list(asks), set(range(len(asks))))
    return [str(one) if isinstance(one, NotDecidedError) else one.answer for one in given]


def test_the_rules_pick_for_all_but_the_holdout_and_no_probability_is_told(tmp_path: Path) -> None:
    with ExitStack() as stack:
        desk = Live(campaigns.write(tmp_path / "c"), stack).desk
        picked = held = 0
        for answer in late(desk, *(asked(c, f"l{c}", "home") for c in PEOPLE)):
            assert isinstance(answer, Answer)
            (placed,) = answer.placements
            assert {(p.group, p.propensity) for p in placed.picks} == {(FALLBACK, None)}
            offers = [p.offer for p in placed.picks if p.offer is not None]
            assert offers == sorted(offers, key=ORDER.index)
            picked, held = picked + bool(offers), held + (not offers)
        assert picked > 240
        assert 15 < held < 50


def test_asked_with_time_it_is_decided_and_a_retry_is_told_the_fallback(tmp_path: Path) -> None:
    with ExitStack() as stack:
        live = Live(campaigns.write(tmp_path / "c"), stack)
        desk, who = live.desk, PEOPLE[0]
        first = late(desk, asked(who, "1", "home"))[0]
        live.write()
        again = desk.decide(asked(who, "1", "home")).answer
        whole = desk.decide(asked(who, "2", "home")).answer
        stands = late(desk, asked(who, "3", "home"))[0]
        assert isinstance(first, Answer)
        assert isinstance(stands, Answer)
        assert again.replayed
        assert again.placements == first.placements
        assert whole.placements[0].wave == f"{DAY}-2"
        assert whole.placements[0].picks[0].propensity is not None
        assert stands.placements == whole.placements  # what stands takes no time


def test_a_contact_has_no_fallback_and_leaves_no_record(tmp_path: Path) -> None:
    with ExitStack() as stack:
        live = Live(campaigns.write(tmp_path / "c"), stack)
        (told,) = late(live.desk, asked(PEOPLE[0], "1", "outbound", "home"))
        assert "no fallback" in str(told)
        assert not live.desk.pending
        assert live.book.request("1") is None


def test_sealed_it_is_withheld_and_what_was_decided_counts(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "c")
    with ExitStack() as stack:
        live = Live(folder, stack)
        hurried = late(live.desk, *(asked(c, f"l{c}", "home") for c in PEOPLE[:40]))
        for c in PEOPLE[20:80]:
            live.desk.decide(asked(c, f"w{c}", "home"))
        live.write()
    seal(folder)
    ids = {
        p.decision_id
        for answer in hurried if isinstance(answer, Answer)
        for placed in answer.placements for p in placed.picks
    }  # fmt: skip
    rows, again = campaigns.decisions(folder, DAY), campaigns.decisions(folder, f"{DAY}-2")
    gone = pl.read_parquet(folder / "waves" / DAY / "withheld.parquet")["decision_id"].to_list()
    assert set(gone) == ids
    assert ids < set(rows["decision_id"])
    assert not (folder / "waves" / f"{DAY}-2" / "withheld.parquet").exists()
    assert again["customer_id"].n_unique() == 20
    assert rows["propensity"].is_between(0.0, 1.0).all()
    assert simulate(folder).candidates


@pytest.mark.parametrize("activate", [True, False])
def test_shown_or_not_it_is_never_learned_from(tmp_path: Path, activate: bool) -> None:
    folder = campaigns.write(tmp_path / "c")
    with ExitStack() as stack:
        live = Live(folder, stack)
        one = asked(PEOPLE[1], "1", "home")
        (answer,) = late(
            live.desk,
            Asked(one.request_id, one.customer, one.placements, activate=activate),
        )
        assert isinstance(answer, Answer)
        ids = [p.decision_id for p in answer.placements[0].picks]
        assert live.desk.activate(ids) == (0 if activate else len(ids))
        live.write()
    seal(folder)
    gone = pl.read_parquet(folder / "waves" / DAY / "withheld.parquet")["decision_id"].to_list()
    assert gone == ids
