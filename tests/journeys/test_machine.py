"""Any sequence of commands: what is printed is what the files say, and nobody is contacted wrongly.

The long run: `python -m tests.journeys --seeds 100 --steps 20`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.machine import Machine, Step, drawn

SHORT: dict[str, list[Step]] = {
    "dies while it lets the lock go": [("serve_dies", 533)],
    "dies in rollback, and is locked out": [("rollback_dies", 2467)],
}
"""The fewest steps of what the long runs found."""


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))]
)
def test_drawn_steps_hold(tmp_path: Path, seed: int) -> None:
    Machine(tmp_path / "campaign").play(drawn(1_000 + seed, 8))


@pytest.mark.parametrize("steps", SHORT.values(), ids=SHORT)
def test_what_was_found_stays_mended(tmp_path: Path, steps: list[Step]) -> None:
    Machine(tmp_path / "campaign").play(steps)
