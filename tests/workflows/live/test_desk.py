"""Decisions one by one: the wave of the same name in every bit, exact given what came before."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bandit.record import lock
from bandit.workflows.experiment.start import start
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided, Outcome, Pick
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, Given, WantedPlacement
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import DAY, NOON, Live, picks
from tests.trials import declared, written

PEOPLE = campaigns.people(300)["customer_id"].to_list()


def test_one_by_one_is_the_wave_of_the_same_name_in_every_bit(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = campaigns.write(tmp_path / "live", customers=500)
    twin = campaigns.write(tmp_path / "batch", customers=500)
    serve_batch(twin, wave=DAY, at=MONDAY)
    live = Live(folder, stack)
    rows = []
    for customer in campaigns.people(500)["customer_id"].to_list():
        answer = live.ask(customer, "outbound", "home")
        rows += [
            (p.decision_id, customer, placed.name, p.rank, p.offer, p.channel, p.propensity,
             p.group, p.expected_reward, p.expected_value, p.price)
            for placed in answer.placements for p in placed.picks
        ]  # fmt: skip
    frame = campaigns.decisions(twin, DAY)
    wanted = frame.select(
        "decision_id", "customer_id", "placement", "slot", "offer", "channel", "propensity",
        "group", "expected_reward", "expected_value", "price_paid",
    ).rows()  # fmt: skip

    assert sorted(rows) == sorted(wanted)


def contacted(live: Live, channel: str = "email") -> int:
    """Somebody who gets an offer on a channel."""
    for customer in PEOPLE:
        if any(p.channel == channel for p in picks(live.ask(customer, "outbound"))):
            return customer
    raise AssertionError(f"nobody is contacted by {channel}")


def test_asked_again_a_customer_gets_the_same_and_nothing_is_written(
    tmp_path: Path, stack: ExitStack
) -> None:
    live = Live(campaigns.write(tmp_path / "c"), stack)
    customer = contacted(live)
    written = live.desk.frames
    first, second = live.ask(customer, "outbound"), live.ask(customer, "outbound")
    assert first.placements == second.placements
    assert not second.replayed
    assert live.desk.frames == written


def test_a_request_sent_again_is_answered_as_before_and_another_body_is_refused(
    tmp_path: Path, stack: ExitStack
) -> None:
    live = Live(campaigns.write(tmp_path / "c"), stack)
    first = live.ask(PEOPLE[0], "home", request="one")
    again = live.ask(PEOPLE[0], "home", request="one")
    assert again.replayed
    assert again.placements == first.placements
    with pytest.raises(NotDecidedError, match="was answered for another body"):
        live.ask(PEOPLE[1], "home", request="one")


def test_placements_asked_apart_are_decided_as_together(tmp_path: Path, stack: ExitStack) -> None:
    """The second is conditional on the first, as in a wave."""
    one = Live(campaigns.write(tmp_path / "one"), stack)
    two = Live(campaigns.write(tmp_path / "two"), stack)
    for customer in PEOPLE[:60]:
        both = one.ask(customer, "outbound", "home")
        apart = [two.ask(customer, "outbound"), two.ask(customer, "home")]
        assert both.placements == [placed for a in apart for placed in a.placements]


def test_more_ranks_than_were_decided_are_a_new_occasion(tmp_path: Path, stack: ExitStack) -> None:
    live = Live(campaigns.write(tmp_path / "c"), stack)
    (short,) = live.ask(PEOPLE[0], "home", count=1).placements
    (long,) = live.ask(PEOPLE[0], "home", count=2).placements
    assert (short.wave, long.wave) == (DAY, f"{DAY}-2")
    assert len(short.picks) == 1


@pytest.mark.parametrize("channel", ["email", None, "e-mail"])
def test_a_refusal_holds_from_the_next_request_on_and_after_a_restart_and_in_waves(
    tmp_path: Path, stack: ExitStack, channel: str | None
) -> None:
    """One of a channel that the campaign does not have can only mean all."""
    folder = campaigns.write(tmp_path / "c")
    live = Live(folder, stack)
    customer = contacted(live)
    live.desk.refuse(customer, channel)
    live.write()
    for asked in (live, Live(folder, stack)):
        channels = {p.channel for p in picks(asked.ask(customer, "outbound", "home"))}
        assert "email" not in channels
        assert channel == "email" or not channels
    serve_batch(folder, wave="next", at=MONDAY)
    frame = campaigns.decisions(folder, "next")
    mine = set(frame.filter(frame["customer_id"] == customer)["channel"].drop_nulls())
    assert "email" not in mine
    assert channel == "email" or not mine


def test_live_contacts_press_live_decisions_and_the_next_wave(
    tmp_path: Path, stack: ExitStack
) -> None:
    pressure = "max_contacts = 1\nper_days = 7"
    folder = campaigns.write(tmp_path / "c", pressure=pressure)
    live = Live(folder, stack)
    customer = contacted(live)
    live.desk.refuse(customer, "email")  # so the standing decision holds no more
    assert not picks(live.ask(customer, "outbound"))
    live.write()
    others = [c for c in PEOPLE[:150] if picks(live.ask(c, "outbound"))]
    live.write()
    serve_batch(folder, wave="next", at=MONDAY)
    frame = campaigns.decisions(folder, "next").filter(placement="outbound")
    both = frame.filter(frame["customer_id"].is_in(others), frame["action"] > 0)
    assert len(others) > 20
    assert both.height == 0


def test_no_cap_is_passed_and_what_it_closes_is_no_room(tmp_path: Path, stack: ExitStack) -> None:
    folder = campaigns.write(tmp_path / "c", more="\n[limits]\nmax_contacts = 17\n")
    live = Live(folder, stack)
    made = sum(len(picks(live.ask(customer, "outbound"))) for customer in PEOPLE)
    assert made == 17
    live.write()
    again = Live(folder, stack)  # a new process knows what was used
    assert not [c for c in PEOPLE if len(picks(again.ask(c, "outbound", request=f"n{c}"))) > 2]
    assert sum(again.book.used["2026-11-02"].values()) == 17


def test_a_refused_offer_is_not_shown_again(tmp_path: Path, stack: ExitStack) -> None:
    live = Live(campaigns.write(tmp_path / "c", pressure="refusal_days = 30.0"), stack)
    customer = contacted(live)
    refused = picks(live.ask(customer, "outbound"))[0]
    at = int(NOON.timestamp() * 1e6)
    live.desk.hear(Outcome("e1", refused.decision_id, None, "Refusal", 0.0, at, at))
    assert refused.offer not in {p.offer for p in picks(live.ask(customer, "outbound"))}


def test_outbound_waits_for_a_wave_and_inbound_does_not(tmp_path: Path, stack: ExitStack) -> None:
    folder = campaigns.write(tmp_path / "c")
    live = Live(folder, stack)
    with lock.hold(folder, "serve-batch --wave w"):
        with pytest.raises(NotDecidedError, match="a wave is being planned"):
            live.ask(PEOPLE[0], "outbound")
        assert live.ask(PEOPLE[0], "home").placements
    serve_batch(folder, wave="w", at=MONDAY)
    with pytest.raises(NotDecidedError, match="a wave was published"):
        live.ask(PEOPLE[0], "outbound")


def test_a_torn_end_is_told_and_what_stands_before_it_is_known(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = campaigns.write(tmp_path / "c")
    live = Live(folder, stack)
    kept = [live.ask(customer, "home", request=f"k{customer}") for customer in PEOPLE[:20]]
    live.write()
    segment = live.desk.segment.path
    whole = segment.read_bytes()
    live.ask(PEOPLE[20], "home", request="lost")
    live.write()
    content = segment.read_bytes()
    for end in (len(whole) + 1, len(whole) + 9, len(content) - 1):
        segment.write_bytes(content[:end])
        with ExitStack() as opened:
            again = Live(folder, opened)
            assert any("no whole frame" in note for note in again.book.notes)
            for answer in kept:
                told = again.ask(int(answer.customer), "home", request=answer.request_id)
                assert told.replayed
                assert told.placements == answer.placements
            assert not again.ask(PEOPLE[20], "home", request="lost").replayed


@pytest.mark.parametrize(
    "limits",
    ["", "\n[limits]\nmax_contacts = 53\n", '\n[[group_cap]]\nname = "e"\nchannels = ["email"]\n'
     "capacity = 20\n[limits]\nmax_contacts = 90\n"],
)  # fmt: skip
def test_decided_together_is_decided_one_after_the_other_byte_for_byte(
    tmp_path: Path, stack: ExitStack, limits: str
) -> None:
    """In the order of the log: customers, placements and requests that come twice, caps that bind.

    A refused request changes nothing, and none is lost.
    """
    rng, lots = np.random.default_rng(5), np.random.default_rng(6)
    pressure = "slots = 2\nmax_contacts = 3\nper_days = 7.0"
    together, apart = (
        Live(campaigns.write(tmp_path / name, pressure=pressure, more=limits), stack)
        for name in ("together", "apart")
    )
    wanted = [["outbound"], ["home"], ["outbound", "home"]]
    asks = [
        Asked(
            f"r{rng.integers(500)}",
            int(rng.choice([*PEOPLE[:120], -5])),
            [WantedPlacement(name) for name in wanted[rng.integers(3)]],
            exclude_offers=lots.choice(["cable", "fibre", "music"], lots.integers(3)).tolist(),
        )
        for _ in range(400)
    ]
    asks = [  # some are never shown; who is told again under another request would be shown by it
        msgspec.structs.replace(asked, activate=int(asked.customer) % 3 > 0) for asked in asks
    ]
    answers: list[Given | NotDecidedError] = []
    while len(answers) < len(asks):
        size = int(rng.choice([1, 3, 40]))
        answers += together.desk.decide_all(asks[len(answers) : len(answers) + size])
    frames_together = [pending.frame for pending in together.desk.pending]
    asked_by = {
        answer.content: asked
        for asked, answer in zip(asks, answers, strict=True)
        if isinstance(answer, Given)
    }
    written = [frames.decoded(frame[8:]) for frame in frames_together]
    for frame in written:
        assert isinstance(frame, Decided)
        apart.desk.decide(asked_by[frame.answer])

    assert frames_together == [pending.frame for pending in apart.desk.pending]
    assert len(written) > 100
    refused = {a.status for a in answers if isinstance(a, NotDecidedError)}
    assert refused == {404, 422}
    limited = together.desk.generation.limits
    most = dict(zip(limited.names, limited.most.tolist(), strict=True))
    used = together.book.used.get("2026-11-02", {})
    assert all(used[name] <= most[name] for name in most)
    assert not most or any(used[name] == most[name] for name in most)


def test_a_capacity_and_a_budget_are_used_up_and_never_passed_by_one(
    tmp_path: Path, stack: ExitStack
) -> None:
    """5,000 requests for 1,000 contacts, and more for a film than its budget pays."""
    limits = """
[[offer]]
name = "film"
priority = 0
cost = 0.3
budget = 100.0
channels = ["email"]
[limits]
max_contacts = 1000
"""
    folder = campaigns.write(tmp_path / "c", customers=5000, more=limits)
    live, rng = Live(folder, stack), np.random.default_rng(2)
    asks = [
        Asked(f"c{customer}", int(customer), [WantedPlacement("outbound")])
        for customer in campaigns.people(5000)["customer_id"]
    ]
    found: list[Pick] = []
    while asks:
        size = int(rng.integers(1, 128))
        for given in live.desk.decide_all(asks[:size]):
            assert isinstance(given, Given)
            found += picks(given.answer)
        del asks[:size]
    films = sum(pick.offer == "film" for pick in found)

    assert len(found) == 1000
    assert films == 322  # 0.31 each with the channel: one more would cost 100.13


def test_a_dry_run_tells_what_is_decided_then_and_leaves_no_trace(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = campaigns.write(tmp_path / "c", more="\n[limits]\nmax_contacts = 30\n")
    live = Live(folder, stack)
    places = [WantedPlacement("outbound"), WantedPlacement("home")]
    live.ask(PEOPLE[0], "outbound")
    for customer in PEOPLE[:60]:
        asked = Asked(f"d{customer}", customer, places)
        trial = msgspec.structs.replace(asked, dry_run=True)
        written, used = live.desk.frames, dict(live.book.used.get("2026-11-02", {}))
        first, second = live.desk.decide_all([trial, trial])
        assert isinstance(first, Given)
        assert isinstance(second, Given)
        assert not first.fresh
        assert (live.desk.frames, dict(live.book.used.get("2026-11-02", {}))) == (written, used)
        decided = live.desk.decide(asked)
        assert decided.fresh
        assert first.answer == second.answer == decided.answer
        assert not live.desk.decide(trial).answer.replayed  # it stands, and is no retry


SPRING = declared(
    {"peace": (0.3, "no_contact"), "rules": (0.3, "rules"), "learned": (0.4, "learned")},
    start="2026-11-02",
    share=0.8,
    more='population = "age > 25"\n',
)


def test_members_of_an_experiment_get_their_arms_as_in_the_wave(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = campaigns.write(tmp_path / "live")
    written(folder, SPRING)
    start(folder, name="spring", at=MONDAY)
    twin = Path(shutil.copytree(folder, tmp_path / "batch"))
    serve_batch(twin, wave=DAY, at=MONDAY)
    live = Live(folder, stack)
    places = [WantedPlacement("outbound"), WantedPlacement("home")]
    asks = [Asked(f"c{customer}", customer, places) for customer in PEOPLE]
    rows = [
        (p.decision_id, p.offer, p.channel, p.propensity, p.group)
        for given in live.desk.decide_all(asks)
        if isinstance(given, Given)
        for placed in given.answer.placements
        for p in placed.picks
    ]
    frame = campaigns.decisions(twin, DAY)
    wanted = frame.select("decision_id", "offer", "channel", "propensity", "group").rows()

    assert sorted(rows) == sorted(wanted)
    arms = {str(group) for *_, group in rows if "spring" in str(group)}
    assert len(arms) == 3
    assert {offer for _, offer, *_, group in rows if "peace" in str(group)} == {None}
