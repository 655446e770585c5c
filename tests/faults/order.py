"""Outcomes shuffled, late, doubled, over several waves: the same posterior to the byte."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests.faults import small

WAVES = 3
AFTER = small.AT + (WAVES + 2) * small.DAY


def shuffled(scratch: Path, count: int, seed: int) -> int:
    """Deliver the same events ``count`` other ways; every campaign ends with the same posterior."""
    draw = random.Random(seed)
    base = small.write(scratch / "before-order")
    for day in range(WAVES):
        serve_batch(base, at=small.AT + day * small.DAY)
    names = [(small.AT + day * small.DAY).date().isoformat() for day in range(WAVES)]
    events = [event for name in names for event in small.outcomes(base, name)]
    wanted = _delivered(scratch, base, [events])
    for number in range(count):
        assert _delivered(scratch, base, _torn(events, draw)) == wanted, number
    return count


def _torn(events: list[dict[str, Any]], draw: random.Random) -> list[list[dict[str, Any]]]:
    """Shuffled, a third twice, in up to four deliveries."""
    doubled = [*events, *draw.sample(events, len(events) // 3)]
    draw.shuffle(doubled)
    cuts = sorted(draw.sample(range(1, len(doubled)), draw.randint(0, 3)))
    return [doubled[a:b] for a, b in zip([0, *cuts], [*cuts, len(doubled)], strict=True)]


def _delivered(scratch: Path, base: Path, deliveries: list[list[dict[str, Any]]]) -> bytes:
    """The posterior after the deliveries; what is late corrects what was learned before."""
    folder = scratch / "order"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    version = None
    for part in deliveries:
        (folder / "delivered.csv").write_text(small.as_csv(part), encoding="utf-8")
        version = learn(
            folder, outcomes=folder / "delivered.csv", no_events=True, at=AFTER
        ).snapshot
    assert version is not None
    return (folder / "snapshots" / version / "posterior.safetensors").read_bytes()
