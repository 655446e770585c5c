"""The page of a simulation: one file, no network, every name of the user's escaped."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from importlib import import_module

import polars as pl
import pytest

from bandit.core.errors import UsageError
from bandit.render import render
from bandit.render.pages import with_page
from bandit.workflows.judge.simulate import simulate
from tests.workflows.simulate_logs import TOML, toy, write

pytest.importorskip("vl_convert", reason="reports need the extra offer-bandit[report]")
pytest.importorskip("jinja2", reason="reports need the extra offer-bandit[report]")

EVIL = "<script>alert('a & b')</script>"
TOWN = '"><img src=x onerror=alert(1)>'
FIGURES = {"value", "lift", "segments", "weights", "overlap", "actions", "time", "learning"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    names = {"blue": EVIL, "red": "red", "none": "none"}
    towns = {"north": TOWN, "south": "south"}
    frame = toy(1800).with_columns(
        action=pl.col("action").replace_strict(names), city=pl.col("city").replace_strict(towns)
    )
    constant = f'[[simulate.candidate]]\npolicy = "constant"\naction = "{EVIL}"\n'
    greedy = '[[simulate.candidate]]\npolicy = "greedy"\n'
    write(folder, frame, simulate=constant + greedy, toml=TOML)
    return with_page(simulate(folder)).report


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.sources, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [v for k, v in attrs if k in {"src", "srcset", "href", "xlink:href"}]

    def handle_data(self, data):
        self.text.append(data)


def parsed(page):
    found = _Page()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_the_page_needs_nothing_else(page):
    found = parsed(page)
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert all(s.startswith("data:image/svg+xml;base64,") for s in found.sources)
    assert len(found.sources) == 2 * len(FIGURES), "each is drawn wide, and for a telephone"
    assert "url(" not in page.read_text(encoding="utf-8")


def test_names_are_shown_as_they_are_and_never_run(page):
    raw = page.read_text(encoding="utf-8")
    assert EVIL not in raw
    assert TOWN not in raw
    shown = "".join(parsed(page).text)
    assert f"always {EVIL}" in shown
    assert TOWN in shown
    for source in parsed(page).sources:
        svg = base64.b64decode(source.split(",", 1)[1]).decode()
        assert "<script" not in svg
        assert "<img" not in svg


def test_figures_are_files_too(page):
    files = {p.name for p in (page.parent / "figures").iterdir()}
    assert files == {f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")}
    png = (page.parent / "figures" / "value.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    svg = (page.parent / "figures" / "value.svg").read_text(encoding="utf-8")
    assert 'fill="white"' in svg[:400]


def test_verdict_and_units_stand_in_words(page):
    shown = re.sub(r"\s+", " ", "".join(parsed(page).text))
    assert "reward a decision" in shown
    assert re.search(r"always <script>.*: (ship|hold|not enough data)", shown)


def test_a_missing_extra_is_named_with_its_remedy(monkeypatch):
    def missing(name):
        if name == "vl_convert":
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr(render, "import_module", missing)
    with pytest.raises(UsageError, match=r'pip install "offer-bandit\[report\]"'):
        render.need()
