"""Every page of the manual prints what it says, in a fresh folder; the site builds offline."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import blocks


@pytest.mark.parametrize("page", blocks.pages(), ids=lambda page: page.name)
def test_a_page_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    folder = blocks.prepare(tmp_path)
    wrong = []
    for command in blocks.commands(page):
        printed = blocks.run(command.text, folder)
        if not blocks.agrees(command.expected, printed):
            wrong.append((command.text, command.expected, printed))
    assert wrong == []


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the site needs the extra offer-bandit[docs]")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", tmp_path / "site"],
        cwd=blocks.ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        assert "fonts.googleapis" not in page.read_text(encoding="utf-8")
