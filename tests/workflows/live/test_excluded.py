"""Offers that a request excludes are closed before the draw, so its propensity stays exact."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.lives import DAY, Live, picks

PEOPLE = campaigns.people(300)["customer_id"].to_list()
PLACES = [WantedPlacement("outbound"), WantedPlacement("home")]


def asked(customer: int, request: str, *without: str) -> Asked:
    return Asked(request, customer, PLACES, exclude_offers=list(without))


def test_what_is_excluded_is_as_an_offer_whose_rule_never_holds(tmp_path: Path) -> None:
    """Every second customer excludes it; theirs are the decisions of a wave that has that rule."""
    folder = campaigns.write(tmp_path / "live")
    ruled = campaigns.write(tmp_path / "ruled")
    toml = ruled / "campaign.toml"
    toml.write_text(toml.read_text().replace('"music"\n', '"music"\neligible = "age < 0"\n'))
    whole = campaigns.write(tmp_path / "whole")
    for twin in (ruled, whole):
        serve_batch(twin, wave=DAY, at=MONDAY)
    with ExitStack() as stack:
        live = Live(folder, stack)
        live.desk.decide_all([
            asked(c, f"r{c}", *(["music"] if i % 2 else [])) for i, c in enumerate(PEOPLE)
        ])  # fmt: skip
        live.write()
    seal(folder)
    columns = ["customer_id", "placement", "slot", "offer", "channel", "propensity",
               "expected_value", "eligible", "eligible_count", "group", "reason"]  # fmt: skip
    found = campaigns.decisions(folder, DAY).select(columns)
    excluding = found["customer_id"].is_in(PEOPLE[1::2])
    for twin, mine in ((ruled, excluding), (whole, ~excluding)):
        wanted = campaigns.decisions(twin, DAY).select(columns)
        same = found.filter(mine)
        wanted = wanted.filter(wanted["customer_id"].is_in(same["customer_id"].unique().to_list()))
        assert same.equals(wanted)
    assert "music" not in found.filter(excluding)["offer"].to_list()
    assert "music" in found["offer"].to_list()


def test_a_standing_pick_that_is_excluded_is_not_told_again(
    tmp_path: Path, stack: ExitStack
) -> None:
    live = Live(campaigns.write(tmp_path / "c"), stack)
    changed = 0
    for customer in PEOPLE[:60]:
        before = live.ask(customer, "home")
        offers = [p.offer for p in picks(before)]
        if not offers:
            continue
        other = "fibre" if "fibre" not in offers else "nothing"
        if other == "fibre":
            again = live.desk.decide(Asked(f"o{customer}", customer, PLACES[1:], False, [other]))
            assert again.answer.placements == before.placements
        anew = live.desk.decide(Asked(f"x{customer}", customer, PLACES[1:], False, [offers[0]]))
        assert offers[0] not in [p.offer for p in picks(anew.answer)]
        assert anew.answer.placements[0].wave.startswith(f"{DAY}-")
        changed += 1
    assert changed > 20


def test_a_retry_excludes_the_same_and_an_unknown_name_is_told_with_those_known(
    tmp_path: Path, stack: ExitStack
) -> None:
    live = Live(campaigns.write(tmp_path / "c"), stack)
    first = live.desk.decide(asked(PEOPLE[0], "a", "cable", "music"))
    again = live.desk.decide(asked(PEOPLE[0], "a", "cable", "music"))
    assert again.answer == msgspec.structs.replace(first.answer, replayed=True)
    for without in ([], ["cable"]):
        with pytest.raises(NotDecidedError, match="was answered for another body"):
            live.desk.decide(asked(PEOPLE[0], "a", *without))
    with pytest.raises(NotDecidedError, match="no offer 'x'; known here: fibre, cable, music"):
        live.desk.decide(asked(PEOPLE[1], "b", "x"))
    everything = live.desk.decide(asked(PEOPLE[2], "c", "cable", "fibre", "music"))
    assert picks(everything.answer) == []
    assert everything.answer.placements[0].picks[0].propensity == 1.0


def test_an_offer_with_depths_is_excluded_in_all_of_them(tmp_path: Path, stack: ExitStack) -> None:
    more = """
[[offer]]
name = "tv"
priority = 0
channels = ["email", "home"]
[offer.discount]
price = 30.0
depths = [0.0, 0.2]
"""
    live = Live(campaigns.write(tmp_path / "c", more=more), stack)
    open_, closed = set(), set()
    for customer in PEOPLE[:60]:
        open_ |= {p.offer for p in picks(live.desk.decide(asked(customer, f"o{customer}")).answer)}
        given = live.desk.decide(asked(customer, f"x{customer}", "tv"))
        closed |= {p.offer for p in picks(given.answer)}
    assert open_ & {"tv-0", "tv-20"}
    assert not closed & {"tv-0", "tv-20"}
