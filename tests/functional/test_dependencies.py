"""What pyproject.toml asks for: each lower bound can be installed, and each licence is listed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _project() -> dict[str, list[str]]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found: dict[str, list[str]] = tomllib.loads(text)["project"]
    return found


def test_each_dependency_has_a_lower_bound_and_a_licence() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "minima")]
    least = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert len(least) == len(_project()["dependencies"])
    listed = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    for line in least:
        assert re.search(rf"\b{line.split('==')[0]}\b", listed), line


def test_the_program_needs_no_library_that_it_is_compared_with() -> None:
    code = (
        "import sys; sys.modules['mabwiser'] = None\n"
        "import bandit.cli.app, bandit.workflows.judge.simulate\n"
        "from bandit.core.errors import UsageError\n"
        "from bandit.policies.mabwiser import library\n"
        "try:\n    library()\nexcept UsageError as e:\n    print(e)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "mabwiser' in found.stdout
