"""bandit's own wave from end to end beside the kernels: which part of it is what."""

from __future__ import annotations

import cProfile
import datetime as dt
import pstats
import tempfile
import time
from pathlib import Path

from bandit.workflows.demo import demo
from bandit.workflows.serve_batch import serve_batch

CUSTOMERS = 200_000
PARTS = {
    "choose": (("policies/mixture.py", "choose"),),
    "features": (("features/encode.py", "encode"),),
    "write": (
        ("store/record.py", "write"),
        ("store/record.py", "close"),
        ("workflows/publish.py", "export"),
        ("workflows/publish.py", "publish"),
    ),
}


def _cumulative(profile: cProfile.Profile, places: tuple[tuple[str, str], ...]) -> float:
    total = 0.0
    for (path, _, name), entry in pstats.Stats(profile).stats.items():
        if any(path.endswith(f"bandit/{file}") and name == what for file, what in places):
            total += entry[3]
    return total


def wave(customers: int = CUSTOMERS) -> dict[str, float]:
    """Seconds of one wave of a generated operator (20 offers, 5 channels), and its parts."""
    with tempfile.TemporaryDirectory() as name:
        result = demo(folder=Path(name) / "campaign", customers=customers, waves=1)
        at = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
        profile = cProfile.Profile()
        began = time.perf_counter()
        profile.runcall(serve_batch, result.folder, wave="bench", at=at)
        seconds = time.perf_counter() - began
    parts = {part: _cumulative(profile, places) for part, places in PARTS.items()}
    parts["read, eligibility, assembling"] = seconds - sum(parts.values())
    return {"customers": float(customers), "seconds": seconds, **parts}
