"""What a bench found, kept beside it: the figures as JSON, the page that shows them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def about(machine: dict[str, Any]) -> str:
    """The machine and the versions in one line."""
    flat = {key: value for key, value in machine.items() if key != "versions"}
    return ", ".join(f"{key} {value}" for key, value in (flat | machine["versions"]).items())


def keep(name: str, found: dict[str, Any], text: str) -> None:
    """Print the page; write it and the figures to bench/results."""
    sys.stdout.write(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(text)
