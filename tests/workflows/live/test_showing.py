"""Decisions that are shown later or never: caps hold; what was not shown is not learned from."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import bandit
from bandit.record import snapshots, streams
from bandit.workflows.learn.learn import learn
from bandit.workflows.live.frames import Answer
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import DAY, Live, picks

PEOPLE = campaigns.people(300)["customer_id"].to_list()


def hold(live: Live, customer: int, *names: str, activate: bool = False) -> Answer:
    """Decide, to be shown later."""
    places = [WantedPlacement(name) for name in names]
    return live.desk.decide(
        Asked(f"h{customer}-{names}-{activate}", customer, places, activate=activate)
    ).answer


def ids(answer: Answer) -> list[str]:
    return [p.decision_id for placed in answer.placements for p in placed.picks]


def test_what_was_never_shown_is_withheld_and_learned_from_by_nobody(tmp_path: Path) -> None:
    """As if those customers had not been asked: what is learned is the same, sum by sum."""
    folders = [campaigns.write(tmp_path / name) for name in ("held", "less")]
    shown, unshown = PEOPLE[:100], PEOPLE[100:150]
    delivered = []
    for folder in folders:
        with ExitStack() as stack:
            live = Live(folder, stack)
            for customer in shown:
                answer = hold(live, customer, "outbound", "home")
                assert not answer.active
                assert live.desk.activate(ids(answer)) == len(ids(answer))
                assert live.desk.activate(ids(answer)) == 0
                delivered += [
                    {"event_id": f"{folder.name}{i}", "decision_id": i, "event": "sale",
                     "reward": 2.0, "occurred_at": "2026-11-03"}
                    for i in ids(answer)[::2]
                ]  # fmt: skip
            lost = [
                i
                for c in unshown
                if folder.name == "held"
                for i in ids(hold(live, c, "outbound", "home"))
            ]
            live.write()
        seal(folder)
        if folder.name == "held":
            gone = pl.read_parquet(folder / "waves" / DAY / "withheld.parquet")["decision_id"]
            assert sorted(gone) == sorted(lost)
    learned = [
        learn(folder, outcomes=campaigns.outcomes(
            tmp_path / f"{folder.name}.csv",
            [row for row in delivered if row["event_id"].startswith(folder.name)],
        ))
        for folder in folders
    ]  # fmt: skip
    assert learned[0].decisions == learned[1].decisions
    held, less = (
        bandit.load_posterior(snapshots.load(folder, done.snapshot or "").posterior_file()).mean
        for folder, done in zip(folders, learned, strict=True)
    )
    assert np.array_equal(held, less)
    assert held.any()


def test_room_and_pressure_are_taken_at_once_so_no_cap_is_passed(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = campaigns.write(
        tmp_path / "c",
        pressure="slots = 2\nmax_contacts = 1\nper_days = 7.0",
        more="\n[limits]\nmax_contacts = 30\n",
    )
    live = Live(folder, stack)
    answers = [hold(live, customer, "outbound") for customer in PEOPLE]
    made = [i for a in answers for i in ids(a)]
    assert sum(len(picks(a)) for a in answers) == 30
    assert live.desk.activate(made[:20]) == 20
    live.write()
    again = Live(folder, stack)  # a kill: what was activated stays so, the rest still may be
    assert again.book.activated == set(made[:20])
    assert again.desk.activate(made) == len(made) - 20
    for customer in PEOPLE:
        assert hold(again, customer, "outbound", activate=True).active


def test_asked_again_it_is_told_and_shown_by_that(tmp_path: Path, stack: ExitStack) -> None:
    live = Live(campaigns.write(tmp_path / "c"), stack)
    first = hold(live, PEOPLE[0], "home")
    trial = Asked("t", PEOPLE[0], [WantedPlacement("home")], dry_run=True)
    assert not live.desk.decide(trial).answer.active
    assert not live.book.activated
    with_outbound = hold(live, PEOPLE[0], "home", "outbound", activate=True)
    assert with_outbound.placements[1] == first.placements[0]
    assert live.book.activated == set(ids(first))
    assert live.desk.activate(ids(first)) == 0
    assert hold(live, PEOPLE[0], "home", activate=True).active


def test_who_refuses_meanwhile_is_shown_nothing(tmp_path: Path, stack: ExitStack) -> None:
    """All of an activation is taken, or none."""
    live = Live(campaigns.write(tmp_path / "c"), stack)
    answers = [hold(live, customer, "outbound") for customer in PEOPLE[:40]]
    one, other = [a for a in answers if picks(a)][:2]
    live.desk.refuse(one.customer, None)
    before = live.desk.frames
    with pytest.raises(NotDecidedError, match="may not be shown any more") as told:
        live.desk.activate([*ids(other), *ids(one)])
    assert told.value.status == 409
    with pytest.raises(NotDecidedError, match=r"no live decision .* 'nobody'") as told:
        live.desk.activate([*ids(other), "nobody"])
    assert told.value.status == 404
    assert live.desk.frames == before
    assert live.desk.activate(ids(other)) == len(ids(other))


def test_what_a_wave_was_made_of_can_be_activated_no_more_and_is_decided_anew(
    tmp_path: Path, stack: ExitStack
) -> None:
    """Beside the server: what it activates after it began a new segment belongs to no wave yet."""
    folder = campaigns.write(tmp_path / "c")
    live = Live(folder, stack)
    stack.enter_context(streams.held(folder, "serve"))
    early, late = (hold(live, customer, "home") for customer in PEOPLE[:2])
    live.desk.open(live.desk.generation)  # the customers were read anew: no wave is made of it
    live.desk.activate(ids(early))
    sealing = threading.Thread(target=seal, args=(folder,))
    sealing.start()
    turn = folder / "streams" / streams.TURN
    while not turn.exists():
        time.sleep(0.01)
    live.desk.open(live.desk.generation)
    live.write()
    live.book.close_older()
    with pytest.raises(NotDecidedError, match="counts as never shown") as told:
        live.desk.activate(ids(late))
    assert told.value.status == 409
    assert live.desk.activate(ids(early)) == 0
    turn.unlink()
    sealing.join()
    gone = pl.read_parquet(folder / "waves" / DAY / "withheld.parquet")["decision_id"].to_list()
    assert sorted(gone) == sorted(ids(late))
    assert hold(live, PEOPLE[0], "home", activate=True).placements == early.placements
    anew = hold(live, PEOPLE[1], "home", activate=True)
    assert anew.active
    assert set(ids(anew)).isdisjoint(ids(late))


def test_a_contact_that_was_never_shown_presses_nobody_once_its_wave_is_made(
    tmp_path: Path,
) -> None:
    folder = campaigns.write(tmp_path / "c", pressure="slots = 1\nmax_contacts = 1\nper_days = 7.0")
    with ExitStack() as stack:
        live = Live(folder, stack)
        contacted = [c for c in PEOPLE if picks(hold(live, c, "outbound"))]
        live.write()
    serve_batch(folder, wave="w", at=MONDAY)
    frame = campaigns.decisions(folder, "w").filter(pl.col("placement") == "outbound")
    later = frame.filter(pl.col("action") > 0)["customer_id"].to_list()
    assert len(set(later) & set(contacted)) > len(contacted) / 2
