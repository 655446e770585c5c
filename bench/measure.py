"""Timing: everybody in turn, round after round, so that a busy machine hits all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.case import Case

PAUSE = 0.2
"""Seconds."""


def rounds(calls: dict[str, Callable[[], Any]], count: int) -> dict[str, list[float]]:
    """Seconds of each call in each round, after one that is not counted.

    A pause lets the threads of the one before go to sleep (BLAS spins on for a while), and a call
    that is not timed brings memory back that a virtual machine may have taken away meanwhile;
    calls of more than a second do without.
    """
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(count):
        for name, call in calls.items():
            if not taken[name] or taken[name][-1] < 1.0:
                time.sleep(PAUSE)
                call()
            began = time.perf_counter()
            call()
            taken[name].append(time.perf_counter() - began)
    return taken


def measure(case: Case, count: int) -> dict[str, Any]:
    """Rates of ours, of the peers and of the float32 product of the means, medians of rounds."""
    inputs = case.inputs()
    calls, rows, missing = {"ours": case.prepare(inputs)}, {"ours": case.rows}, []
    if case.roofline:
        weights = np.ascontiguousarray(inputs.posterior.mean.T.astype(np.float32))
        out = np.empty((case.rows, case.k), np.float32)
        calls["sgemm"] = lambda: np.matmul(inputs.contexts, weights, out=out)
        rows["sgemm"] = case.rows
    for peer in case.peers:
        try:
            calls[peer.name] = peer.prepare(inputs, peer.rows)
        except ImportError as fault:
            missing.append(f"{peer.name}: {fault}")
            continue
        rows[peer.name] = peer.rows
    taken = rounds(calls, count)
    rates = {
        name: case.amount(rows[name]) / statistics.median(seconds)
        for name, seconds in taken.items()
    }
    # A ratio is taken within a round, then its median over the rounds.
    ratios = {
        name: statistics.median(
            (case.rows / ours) / (rows[name] / theirs)
            for ours, theirs in zip(taken["ours"], seconds, strict=True)
        )
        for name, seconds in taken.items()
        if name != "ours"
    }
    return {
        "case": case.name, "unit": f"{case.unit}/s", "rounds": count, "rates": rates,
        "ours_times": ratios, "missing": missing,
    }  # fmt: skip
