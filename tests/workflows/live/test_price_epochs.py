"""Prices move in epochs: so that use lasts, exact and made again from the log."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
import numpy as np
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.config.deciding import Policy
from bandit.core.framed import Frames
from bandit.core.types import EXPLORATION, Array
from bandit.record import waves as record
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live import frames, pacing
from bandit.workflows.live.frames import Answer, Decided, Head, Pick, Priced
from bandit.workflows.live.heads import wave_of
from bandit.workflows.live.requests import Asked, Given, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.live.situation import Present
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve import limits
from bandit.workflows.serve.serve_batch import serve_batch
from reference import price_epochs as twin
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import DAY, NOON, Live, picks
from tests.service.test_app import body, talk

COUNT, CAPACITY = 1200, 100
IDS = campaigns.people(COUNT)["customer_id"].to_numpy()
PEOPLE: list[int] = np.random.default_rng(4).permutation(IDS).tolist()
SHARES = re.compile(r"share = \[.*?\n\]", re.S)
LIMITS = f"""
[limits]
max_contacts = {CAPACITY}
[[group_cap]]
name = "texts"
channels = ["sms"]
capacity = 60
"""
ALONE = """
[model]
share = false
"""


class Clock:
    """A day in which somebody asks at even intervals."""

    def __init__(self) -> None:
        self.at = MONDAY

    def __call__(self) -> dt.datetime:
        return self.at


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that has learned who buys: those who spend much."""
    folder = campaigns.write(tmp_path_factory.mktemp("epochs") / "c", customers=COUNT, more=ALONE)
    path = folder / "campaign.toml"
    text = SHARES.sub('share = [{ policy = "greedy", share = 1.0 }]', path.read_text())
    text = text.replace("exploration = 0.05", "exploration = 0.2")
    path.write_text(text.replace('value = "1 + spend / 100"\n', ""))
    serve_batch(folder, wave="w1", at=MONDAY - dt.timedelta(days=14))
    spend = dict(campaigns.people(COUNT).select("customer_id", "spend").iter_rows())
    rows = campaigns.decisions(folder, "w1").filter(pl.col("action") > 0)
    bought = [
        {"event_id": d, "decision_id": d, "reward": spend[c] / 10, "occurred_at": "2026-10-20"}
        for c, d in rows.select("customer_id", "decision_id").iter_rows()
    ]
    sent = campaigns.outcomes(folder / "sent.csv", bought)
    learn(folder, outcomes=sent, at=MONDAY - dt.timedelta(days=6))
    path.write_text(path.read_text().replace("exploration = 0.2", "exploration = 0.005") + LIMITS)
    return folder


@pytest.fixture
def folder(learned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(learned, tmp_path / "c"))


class Day(NamedTuple):
    """Who asked, what they were answered, and when, as a part of the day."""

    live: Live
    answers: list[Answer]
    at: list[float]

    @property
    def contacts(self) -> list[tuple[float, Pick]]:
        return [(t, p) for t, a in zip(self.at, self.answers, strict=True) for p in picks(a)]


@pytest.fixture(scope="module")
def half(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The campaign when half of the people have asked until noon."""
    folder = Path(shutil.copytree(learned, tmp_path_factory.mktemp("half") / "c"))
    with ExitStack() as stack:
        pass_day(folder, stack, PEOPLE[: COUNT // 2], hours=12.0)
    return folder


@pytest.fixture
def noon(half: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(half, tmp_path / "c"))


def pass_day(folder: Path, stack: ExitStack, people: list[int], hours: float = 24.0) -> Day:
    """Ask for some people, a few at a time, at even intervals from midnight on."""
    clock = Clock()
    live = Live(folder, stack, now=clock)
    answers, at = list[Answer](), list[float]()
    for start in range(0, len(people), 12):
        part = start / len(people) * hours / 24.0
        clock.at = MONDAY + dt.timedelta(days=part)
        some = people[start : start + 12]
        answers += ask(live, some)
        at += [part] * len(some)
    live.write()
    return Day(live, answers, at)


def ask(live: Live, people: list[int], *, dry_run: bool = False) -> list[Answer]:
    places = [WantedPlacement("outbound")]
    asks = [Asked(f"r{customer}", customer, places, dry_run) for customer in people]
    found = live.desk.decide_all(asks)
    return [given.answer for given in found if isinstance(given, Given)]


def log(folder: Path) -> list[frames.Frame]:
    """All that the day's streams say."""
    paths = sorted((folder / "streams" / "2026-11-02").iterdir())
    return [frames.decoded(content) for path in paths for _, content in Frames(path)]


def without_epochs(folder: Path) -> Path:
    path = folder / "campaign.toml"
    path.write_text(path.read_text() + "[live]\nepoch_seconds = 0\n")
    return folder


def best(live: Live, people: list[int]) -> list[float]:
    """What the best contact is expected to bring from each customer, the most first."""
    wave = live.desk.generation.wave
    found = [live.desk.situation.known(customer) for customer in people]
    ready = live.desk.situation.ready([Present(c, position, ()) for c, position in found])
    worth = ready.values * (ready.contexts @ wave.posterior.mean.T) - wave.plan.costs
    worth[~(ready.mask & wave.plan.actions.outbound)] = 0.0
    return sorted(worth.max(axis=1).tolist(), reverse=True)


def test_a_capacity_lasts_all_day_and_is_used_where_it_is_worth_most(
    folder: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """Against first come, first served, and the best that could be had by hindsight."""
    bare = without_epochs(Path(shutil.copytree(folder, tmp_path / "bare")))
    first, paced = pass_day(bare, stack, PEOPLE), pass_day(folder, stack, PEOPLE)
    mean = [np.mean([p.expected_value for _, p in day.contacts]) for day in (first, paced)]
    groups = {a.customer: a.placements[0].picks[0].group for a in first.answers}
    asked = [customer for customer in PEOPLE if groups[customer] != "holdout"]
    optimum = np.mean(best(first.live, asked)[:CAPACITY])

    assert len(first.contacts) == CAPACITY  # never passed, by one
    assert 0.95 * CAPACITY <= len(paced.contacts) <= CAPACITY
    assert mean[1] > 1.5 * mean[0]
    assert mean[1] > 0.85 * optimum
    assert first.contacts[-1][0] < 0.2
    assert paced.contacts[-1][0] > 0.9
    assert {a.price_epoch for a in first.answers} == {0}
    assert len({a.price_epoch for a in paced.answers}) > 50


class Told(NamedTuple):
    """The log of a day: its head, its decisions, and the limits' prices by epoch."""

    head: Head
    decided: list[Decided]
    prices: dict[int, list[float]]


def told(folder: Path) -> Told:
    every = log(folder)
    head = every[0]
    assert isinstance(head, Head)
    assert head.paced is not None
    moved = [head.paced.priced, *(one for one in every if isinstance(one, Priced))]
    decided = [one for one in every if isinstance(one, Decided)]
    return Told(head, decided, {one.epoch: one.prices[0] for one in moved})


def chance(policy: Policy, action: int, bits: Array, worth: Array) -> float:
    """Of an action, by a policy of one greedy share."""
    best = int(np.argmax(np.where(bits, worth, -np.inf)))
    drawn = (1.0 - policy.exploration) * (action == best) + policy.exploration / bits.sum()
    return float(policy.holdout * (action == 0) + (1.0 - policy.holdout) * drawn)


def test_propensities_are_exact_at_the_price_of_each_row(noon: Path) -> None:
    """From the log alone: greedy, the exploration floor and the holdout, by their definition."""
    head, decided, prices = told(noon)
    wave = wave_of(noon, head, DAY)
    policy = wave.run.campaign.policy
    limited = limits.of(wave.run.campaign, wave.catalogue, wave.plan)
    k, others = len(wave.plan.space), 0
    for one in decided:
        slot, x = one.slots[0], np.frombuffer(one.context, np.float32)
        bits = np.unpackbits(np.frombuffer(slot.eligible, np.uint8), bitorder="little")[:k]
        worth = wave.posterior.mean @ x - wave.plan.costs
        charges = limited.usage @ prices[one.epoch], np.zeros(k)
        served, free = (chance(policy, slot.action, bits, worth - charge) for charge in charges)
        assert slot.propensity == pytest.approx(served, abs=1e-9)
        others += served != pytest.approx(free, abs=1e-9)
    assert others > 100
    assert len({one.epoch for one in decided}) > 30


def test_the_same_log_gives_the_same_prices(noon: Path) -> None:
    """Step by step as the formula has it, from what was decided in between."""
    paced = told(noon).head.paced
    assert paced is not None
    state, used, since, deaf = paced.priced, Counter[str](), Counter[str](), Counter[str]()
    steps = 0
    for frame in log(noon):
        if isinstance(frame, Decided):
            since.update(frame.used)
            if frame.used and next(s.group for s in frame.slots if s.action) == EXPLORATION:
                deaf.update(frame.used)
        if not isinstance(frame, Priced):
            continue
        at = [(t - paced.begins) / 3.6e9 for t in (state.at, frame.at, paced.ends)]
        done, here, total = (twin.planned(paced.hours, hours) for hours in at)
        found = [
            twin.step(
                state.prices[0][j], state.squares[0][j], most=paced.most[0][j], before=used[name],
                used=since[name], deaf=deaf[name], heeding=paced.answering[0],
                part=(here - done) / (total - done), epochs=(frame.at - state.at) / 60e6,
                unit=paced.unit[j], spread=paced.spread[j], least=paced.least[0][j],
                highest=paced.highest[j],
            )
            for j, name in enumerate(paced.limits)
        ]  # fmt: skip
        prices, squares = (list(column) for column in zip(*found, strict=True))
        assert frame.prices[0] == pytest.approx(prices, rel=1e-12)
        assert frame.squares[0] == pytest.approx(squares, rel=1e-12)
        state, steps = frame, steps + 1
        used.update(since)
        since.clear()
        deaf.clear()
    assert steps > 30
    assert min(state.prices[0]) >= 0.0 < max(state.prices[0])


def test_after_a_kill_prices_go_on_where_the_log_says(noon: Path, stack: ExitStack) -> None:
    """And what an earlier epoch answered is answered again."""
    clock = Clock()
    clock.at = NOON
    again = [Live(Path(shutil.copytree(noon, noon.parent / n)), stack, now=clock) for n in "ab"]
    last = [one for one in log(noon) if isinstance(one, Priced)][-1]
    for live in again:
        assert live.desk.generation.wave.plan.prices.any()
        paced = live.book.paces.of("2026-11-02")
        assert paced is not None
        assert paced.priced == last
    before = {d.request: msgspec.json.decode(d.answer, type=Answer) for d in told(noon).decided}
    for answer in ask(again[0], PEOPLE[:40]):
        known = before[answer.request_id]
        assert answer == msgspec.structs.replace(known, replayed=True)
    clock.at = NOON + dt.timedelta(minutes=7)
    for live in again:
        ask(live, PEOPLE[-12:])
        live.write()
    one, other = (
        [found for found in log(live.campaign.folder) if isinstance(found, Priced)]
        for live in again
    )
    assert one == other
    assert one[-1].epoch == last.epoch + 1
    # A day that is no wave yet by midnight is what the next one begins with, on average.
    midnight = MONDAY + dt.timedelta(days=1)
    tomorrow = Live(noon, stack, midnight, now=lambda: midnight)
    begun = tomorrow.desk.pacer.paced
    assert begun is not None
    assert begun.priced.prices == tomorrow.book.paces.mean("2026-11-02").tolist()
    assert (
        0.0 < begun.priced.prices[0][-1] < max(prices[-1] for prices in told(noon).prices.values())
    )
    assert tomorrow.desk.pacer.epoch == 0


def test_a_price_falls_where_less_is_used_than_planned_and_nobody_writes_for_nobody(
    noon: Path, stack: ExitStack
) -> None:
    clock = Clock()
    clock.at = NOON
    live = Live(noon, stack, now=clock)
    start = told(noon).prices
    clock.at = NOON + dt.timedelta(hours=9)
    for customer in PEOPLE[-5:]:
        live.ask(customer, "home")  # lists have no prices
    assert not [p for p in live.desk.pending if isinstance(frames.decoded(p.frame[8:]), Priced)]
    ask(live, PEOPLE[-1:], dry_run=True)
    ask(live, PEOPLE[-2:-1])
    (priced,) = [
        found for p in live.desk.pending
        if isinstance(found := frames.decoded(p.frame[8:]), Priced)
    ]  # fmt: skip
    assert 0.0 <= priced.prices[0][-1] < start[max(start)][-1]


def test_a_sealed_day_keeps_what_each_row_was_charged(
    noon: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bandit.workflows.live.seal._yesterday", lambda _: "2026-11-01")
    day = told(noon)
    answers = [msgspec.json.decode(d.answer, type=Answer) for d in day.decided]
    seal(noon)
    rows = campaigns.decisions(noon, DAY)
    paid = {p.decision_id: (p.price, a.price_epoch) for a in answers for p in picks(a)}
    there = rows.filter(pl.col("action") > 0)
    columns = there.select("decision_id", "price_paid", "price_epoch").rows()
    assert {i: (price, epoch) for i, price, epoch in columns} == paid

    late = [a for a in answers if a.price_epoch > 30 and picks(a)]
    found = explain(noon, customer=str(late[0].customer))
    assert "derived again from the record: the same decisions" in found.notes
    (pick,) = picks(late[0])[:1]
    shown = {(c.offer, c.channel): c.price for c in found.slots[0].contenders}
    assert shown[pick.offer, pick.channel] == pytest.approx(pick.price, rel=1e-6)

    (wave,) = [w for w in record.waves(noon) if w.name == DAY]
    prices = [list(prices) for prices in day.prices.values()]
    mean = {one["name"]: one["price"] for one in wave.manifest.summary["limits"]}
    assert min(p[-1] for p in prices) < mean["limits.max_contacts"] < max(p[-1] for p in prices)
    assert sum(wave.manifest.asked[:12]) == len(day.decided)
    assert not any(wave.manifest.asked[12:])
    assert report(noon, wave=DAY, at=MONDAY + dt.timedelta(days=9)).limits[-1].price > 0.0
    assert simulate(noon).candidates

    # The same weekday of the next week begins with them, and plans by its hours.
    campaign = campaign_file.load(noon)
    week = pacing.hours(campaign, [wave], MONDAY + dt.timedelta(days=7))
    assert week[:12].sum() == pytest.approx(0.95)
    with ExitStack() as opened:
        next_ = Live(noon, opened, MONDAY + dt.timedelta(days=7))
        made = next_.desk.generation.pacing
        assert made is not None
        assert (
            dict(zip(next_.desk.generation.limits.names, made.standing.prices[0], strict=True))
            == mean
        )
        assert next_.desk.generation.wave.plan.prices.max() == pytest.approx(sum(mean.values()))

    # Where somebody is forgotten prices stay known, of rows and of the day.
    forget(noon, customers=[str(late[0].customer)])
    assert campaigns.decisions(noon, DAY)["price_epoch"].n_unique() > 30
    assert explain(noon, customer=str(late[1].customer)).notes == found.notes
    with ExitStack() as opened:
        paces = Live(noon, opened).book.paces
        known = paces.of("2026-11-02")
        assert known is not None
        assert known.priced.prices[0] == list(day.prices.values())[-1]
        assert paces.mean("2026-11-02")[0] == pytest.approx([mean[name] for name in known.limits])


def test_metrics_tell_the_prices(noon: Path) -> None:
    async def say(client: httpx.AsyncClient) -> str:
        sent = body(PEOPLE[-1], "m1", "outbound")
        epoch = (await client.post("/v1/decisions", json=sent)).json()["price_epoch"]
        assert epoch == max(told(noon).prices)
        text = (await client.get("/metrics")).text
        assert f"bandit_price_epoch {epoch:.1f}" in text
        return text

    found = talk(noon, say)
    prices = list(told(noon).prices.values())[-1]
    for name, price in zip(("group_cap.texts", "limits.max_contacts"), prices, strict=True):
        there = re.search(rf'bandit_price{{limit="{name}",whose="everybody"}} (\S+)', found)
        assert there is not None
        assert float(there[1]) == pytest.approx(price)


def test_where_nothing_is_limited_no_price_moves(learned: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(learned, tmp_path / "c"))
    path = folder / "campaign.toml"
    path.write_text(path.read_text().replace(LIMITS, ""))
    with ExitStack() as stack:
        day = pass_day(folder, stack, PEOPLE[:48])
        assert {answer.price_epoch for answer in day.answers} == {0}
    first, *rest = log(folder)
    assert isinstance(first, Head)
    assert first.paced is None
    assert all(isinstance(one, Decided) for one in rest)
