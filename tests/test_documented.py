"""The Python examples of the documentation say what is written under them."""

from __future__ import annotations

import doctest
import re
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


def test_every_module_that_a_page_names_is_there():
    root = DOCS.parent
    known = [str(path.relative_to(root)) for path in root.glob("*/**/*.py")]
    gone = [
        f"{page.name}: {name}"
        for page in [root / "README.md", *sorted(DOCS.glob("*.md"))]
        for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", page.read_text(encoding="utf-8"))
        if not any(f"/{path}".endswith(f"/{name}") for path in known)
    ]
    assert gone == []
