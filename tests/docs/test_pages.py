"""The site builds offline; `make docs` runs the commands of its pages too, which takes minutes."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.docs import blocks


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


def test_each_decision_has_a_number_of_its_own_and_a_text() -> None:
    """An empty page, or a second of one number, is what a renamed draft leaves behind."""
    pages = sorted((blocks.ROOT / "docs" / "adr").glob("*.md"))
    assert not [p.name for p in pages if not p.read_text().startswith(f"# {int(p.name[:4])}. ")]
    assert [n for n, often in Counter(p.name[:4] for p in pages).items() if often > 1] == []
