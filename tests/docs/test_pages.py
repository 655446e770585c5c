"""The site builds offline; `make docs` runs the commands of its pages too, which takes minutes."""

from __future__ import annotations

import subprocess
import sys
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
