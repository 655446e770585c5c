"""The Python examples of the documentation say what is written under them."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.mark.parametrize("name", ["library.md", "experiments.md"])
def test_every_example_says_what_is_written_under_it(name):
    page = DOCS / name
    text = "".join(
        "\n" if line.startswith("```") else line
        for line in page.read_text(encoding="utf-8").splitlines(keepends=True)
    )
    examples = doctest.DocTestParser().get_doctest(text, {}, name, str(page), 0)
    assert len(examples.examples) > 20
    assert doctest.DocTestRunner().run(examples).failed == 0
