"""bandit's own wave from end to end beside the kernels: which part of it is what."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from bandit.policies.mixture import Mixture
from bandit.record.waves import DecisionWriter
from bandit.workflows.serve import prepare, publish
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.demo import demo

CUSTOMERS = 200_000
BESIDE = "write decisions (beside the rest)"
PARTS = (
    ("choose", Mixture, "choose"),
    ("features", prepare, "encode"),
    ("lists and publishing", publish, "export"),
    ("lists and publishing", publish, "publish"),
    (BESIDE, DecisionWriter, "write"),
    (BESIDE, DecisionWriter, "close"),
)


def _timed(
    work: Callable[..., Any], part: str, taken: defaultdict[str, float]
) -> Callable[..., Any]:
    def call(*args: Any, **given: Any) -> Any:
        began = time.perf_counter()
        found = work(*args, **given)
        taken[part] += time.perf_counter() - began
        return found

    return call


def wave(customers: int = CUSTOMERS) -> dict[str, float]:
    """Seconds of one wave of a generated operator (20 offers, 5 channels), and its parts."""
    taken: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        result = demo(folder=Path(name) / "campaign", customers=customers, waves=1)
        at = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
        for part, home, attribute in PARTS:
            timed = _timed(getattr(home, attribute), part, taken)
            stack.enter_context(mock.patch.object(home, attribute, timed))
        began = time.perf_counter()
        serve_batch(result.folder, wave="bench", at=at)
        seconds = time.perf_counter() - began
    beside = taken.pop(BESIDE)
    rest = seconds - sum(taken.values())
    parts = {**taken, "read, eligibility, assembling, waiting": rest, BESIDE: beside}
    return {"customers": float(customers), "seconds": seconds, **parts}
