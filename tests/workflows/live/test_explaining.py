"""A live pick is explained as `bandit explain` explains it once it is part of a wave."""

from __future__ import annotations

from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bandit.workflows.inspect.explain import explain
from bandit.workflows.live.requests import Asked, Given, WantedPlacement
from bandit.workflows.live.seal import seal
from tests import campaigns
from tests.lives import Live

PEOPLE = campaigns.people(300)["customer_id"].to_list()[:40]


def told(live: Live, asked: Asked) -> dict[str, Any]:
    given = live.desk.decide(msgspec.structs.replace(asked, explain=True))
    return dict(msgspec.json.decode(given.content))


def asks(customer: int, *names: str) -> Asked:
    return Asked(f"{customer}-{names}", customer, [WantedPlacement(n) for n in names])


def test_it_is_what_explain_tells_of_the_wave_that_it_becomes(tmp_path: Path) -> None:
    """Placements asked for together, one after the other, and told again; dry, at once, later."""
    folder = campaigns.write(tmp_path / "c")
    live_told: dict[int, list[Any]] = {}
    with ExitStack() as stack:
        live = Live(folder, stack)
        for i, customer in enumerate(PEOPLE):
            if i % 2:
                first = told(live, asks(customer, "home"))["explanation"]
                both = told(live, asks(customer, "outbound", "home"))["explanation"]
                assert first == [s for s in both if s["placement"] == "home"]
            else:
                asked = asks(customer, "outbound", "home")
                trial = msgspec.structs.replace(asked, dry_run=True)
                tried = told(live, trial)["explanation"]
                both = told(live, asked)["explanation"]
                assert tried == both
            live_told[customer] = both
        live.write()
    with ExitStack() as stack:  # its segment is an older one by now
        live = Live(folder, stack)
        for customer in PEOPLE[::2]:
            again = told(live, asks(customer, "outbound", "home"))
            assert again["replayed"]
            assert again["explanation"] == live_told[customer]
    seal(folder)
    for customer in PEOPLE[::2]:  # the wave's order, outbound first, is the one they were drawn in
        slots = msgspec.to_builtins(explain(folder, customer=str(customer)).slots)
        key = itemgetter("placement", "slot")
        for mine, theirs in zip(
            sorted(live_told[customer], key=key), sorted(slots, key=key), strict=True
        ):
            assert close(mine, theirs)


def close(mine: Any, theirs: Any) -> bool:
    """Equal, but for the last digits of what is summed in another order."""
    if isinstance(mine, float):
        return mine == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    if isinstance(mine, dict):
        return mine.keys() == theirs.keys() and all(close(mine[k], theirs[k]) for k in mine)
    if isinstance(mine, list):
        return len(mine) == len(theirs) and all(map(close, mine, theirs))
    return bool(mine == theirs)


def test_the_probabilities_are_exact_and_explaining_changes_nothing(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = campaigns.write(tmp_path / "c")
    live, twin = Live(folder, stack), Live(campaigns.write(tmp_path / "twin"), stack)
    for customer in PEOPLE:
        asked = asks(customer, "outbound", "home")
        answer = told(live, asked)
        bare = msgspec.json.decode(twin.desk.decide(asked).content)
        assert bare == {name: value for name, value in answer.items() if name != "explanation"}
        for slot in answer["explanation"]:
            mine = next(c for c in slot["contenders"] if c["offer"] == slot["offer"]
                        and c["channel"] == slot["channel"])  # fmt: skip
            assert mine["probability"] == pytest.approx(slot["propensity"], rel=1e-6)
        retried = live.desk.decide(asked)  # a retry need not be explained
        assert isinstance(retried, Given)
        assert retried.answer.replayed
        assert b"explanation" not in retried.content
