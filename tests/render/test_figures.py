"""Figures at the ends of what may come: nothing, one, very many, below zero."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bandit.render.overlap_figures import MOST_ACTIONS, actions
from bandit.render.parts import MOST_APART, bars, course
from bandit.render.style import NARROW_WIDTH, narrowed
from bandit.render.wave_figures import wave_figures
from bandit.render.what_if_page import write_what_if
from bandit.results.serve import WhatIf, WhatIfPoint


def candidate(name, shares):
    return SimpleNamespace(name=name, shares=shares)


def times(waves):
    return [
        {"name": f"2026-{w:02d}", "group": "all", "value": 1.0, "lower": 0.0, "upper": 2.0}
        for w in range(waves)
    ]


def marks(spec):
    return {layer["mark"]["type"] for layer in spec["layer"]}


def test_many_actions_are_shown_by_offer():
    shares = {"no contact": 0.2} | {f"o{i}/{c}": 0.02 for i in range(20) for c in ("sms", "email")}
    figure = actions(SimpleNamespace(candidates=[candidate("a", shares)]))
    cells = {row["column"]: row["amount"] for row in figure.spec["data"]["values"]}
    assert len(cells) == MOST_ACTIONS + 1
    assert cells["o0"] == pytest.approx(0.04)
    assert cells["9 others"] == pytest.approx(9 * 0.04)
    assert sum(cells.values()) == pytest.approx(1.0)


def test_few_actions_are_shown_as_they_are():
    figure = actions(SimpleNamespace(candidates=[candidate("a", {"x/sms": 0.4, "y/sms": 0.6})]))
    assert {row["column"] for row in figure.spec["data"]["values"]} == {"x/sms", "y/sms"}


def test_many_waves_become_bands_and_the_newest_is_named():
    few, many = (course(times(n), ["all"], "wave", "EUR") for n in (MOST_APART, 40))
    assert marks(few) == {"rule", "point"}
    assert marks(many) == {"area", "line", "point"}
    assert many["encoding"]["x"]["axis"]["values"][0] == "2026-39"


def test_bars_below_zero_stay_in_the_picture():
    rows = [{"name": n, "share": v, "text": n} for n, v in (("a", -3.0), ("b", 1.0))]
    low, high = bars(rows, "EUR", percent=False, room=1.5)["layer"][0]["encoding"]["x"]["scale"][
        "domain"
    ]
    assert low == -3.0
    assert high >= 1.5


def test_the_telephone_gets_the_short_text():
    rows = [{"name": "a", "share": 1.0, "text": "1 of 2, and more", "short": "1"}]
    small = narrowed(bars(rows, "share", percent=True, room=1.5))
    assert small["width"] == NARROW_WIDTH
    assert small["data"]["values"][0]["text"] == "1"
    assert small["layer"][1]["encoding"]["text"] == {"field": "text"}


def test_a_wave_of_nobody_has_no_figures():
    nothing = SimpleNamespace(
        grid={},
        segments=[],
        at_peace={},
        earned=[],
        increments=[],
        limits=[],
        funnel=[],
        budget=None,
    )
    assert wave_figures(nothing) == []


@pytest.mark.parametrize("now", [None, 1500.0])
def test_what_if_is_drawn(tmp_path, now):
    pytest.importorskip("vl_convert", reason="reports need the extra offer-bandit[report]")
    points = [
        WhatIfPoint(1000.0, 50.0, 0.4, 1000.0), WhatIfPoint(2000.0, 80.0, 0.0, 1800.0),
    ]  # fmt: skip
    found = WhatIf("channels.email.capacity", now, "EUR", 10, 10, points, tmp_path)
    text = write_what_if(tmp_path, found, "test").read_text(encoding="utf-8")
    assert "From 1,000 to 2,000 the best allocation would be worth 30 EUR more" in text
    assert "one more earns nothing: 1,800 are used" in text
    assert ("dashed line" in text) == (now is not None)
    assert {p.name for p in (tmp_path / "figures").glob("*.png")} == {"value.png", "price.png"}
