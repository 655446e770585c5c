"""The examples of docs/experiments.md say what is written under them."""

from __future__ import annotations

import doctest
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "experiments.md"


def test_every_example_says_what_is_written_under_it():
    text = "".join(
        "\n" if line.startswith("```") else line
        for line in PAGE.read_text(encoding="utf-8").splitlines(keepends=True)
    )
    examples = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    assert len(examples.examples) > 20
    assert doctest.DocTestRunner().run(examples).failed == 0
