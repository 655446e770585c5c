"""Names and categories that hold what no page, picture or terminal should meet."""

from __future__ import annotations

import io

import pytest

from bandit.render import render, terminal
from bandit.results.privacy import Forgotten

CONTROLS = ["Be\x1brn", "\x01", "\x07", "\x0b", "\ufffe", "\x00", "\x9b31m", "\ud800"]


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_character_is_drawn_as_a_question_mark(name: str) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra that draws")
    spec = {
        "data": {"values": [{"category": name, "n": 1.0}]},
        "mark": "bar",
        "encoding": {"x": {"field": "category"}, "y": {"field": "n", "type": "quantitative"}},
    }
    assert "?" in render._svg(spec)


@pytest.mark.parametrize("key", ["A[/b]3", "[bold]x", ":smile:", "[link=file:///etc]y[/link]"])
def test_a_key_is_shown_as_it_is(key: str) -> None:
    stream = io.StringIO()
    terminal.show(Forgotten([key], 1, 0, 0, 0, ["w"], []), stream, width=200)
    assert key in stream.getvalue()


def test_an_order_of_direction_is_not_obeyed() -> None:
    stream = io.StringIO()
    terminal.show(Forgotten(["evil\u202etxt.exe"], 1, 0, 0, 0, ["w"], []), stream, width=200)
    assert "\u202e" not in stream.getvalue()
