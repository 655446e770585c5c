"""Where the time goes in choosing for a million customers: each stage alone, in one thread."""

from __future__ import annotations

import time

import numpy as np

from bandit.kernels import contenders, product, settle, simd
from bandit.policies.linear import NOTHING, OWN, choose_linear
from bandit.policies.problem import pose
from bench.inputs import make

BLOCK = 480
"""Rows of a call: five of the loop's blocks, so that the call itself costs little."""
REPEATS = 60


def _nanoseconds(call, rows: int) -> float:
    call()
    began = time.perf_counter()
    for _ in range(REPEATS):
        call()
    return (time.perf_counter() - began) / REPEATS / rows * 1e9


def stages(d: int = 64, k: int = 100, observations: int = 20_000) -> dict[str, float]:
    """Nanoseconds a customer and core of each stage of the choose loop."""
    inputs = make(d, k, observations, 20_000)
    model, _ = inputs.posterior.model
    x = inputs.contexts.reshape(-1)
    columns, wide = model.upper.size, product.padded(d, simd.LANES)
    rotated, table = np.zeros(BLOCK * wide, np.float32), np.zeros(BLOCK * columns, np.float32)
    bounds_table = np.zeros_like(table)
    q, level = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    words = np.zeros(BLOCK * ((columns + 63) // 64), np.int64)
    alive = np.zeros_like(words)
    one, steps = np.ones(columns, np.float32), np.zeros(3, np.int64)
    bounds = contenders.Bounds(model.upper, model.lower, model.slack, one, one, one, steps)
    none = np.zeros((1, 1), np.uint8)
    draws = np.zeros(BLOCK * 64 * (1 + k // 64), np.float32)
    bits = np.zeros(draws.size // BLOCK, np.uint32)
    logs, keys = np.zeros(bits.size, np.float32), np.arange(BLOCK, dtype=np.uint64)
    product.multiply_into(x, 0, BLOCK, d, model.means, table)
    product.triangle_into(x, 0, BLOCK, d, d, model.root, 0, simd.LANES, rotated)
    product.norms_into(rotated, BLOCK, wide, q)
    pairs = 2_048
    rows, actions = np.arange(pairs, dtype=np.int32), inputs.actions[:pairs].astype(np.int32)
    everyone = np.ones(pairs, np.bool_)
    order, start = np.zeros(pairs, np.int32), np.zeros(k + 1, np.int64)
    mean, width = np.zeros(pairs), np.zeros(pairs)
    settle.order_by_action(actions, everyone, pairs, start, order)
    stream = np.uint64(7)

    def bound() -> None:
        contenders.eligible_into(none, 0, 0, BLOCK, k, words)
        contenders.upper_bounds_into(
            table, BLOCK, q, bounds, words, False, False, bounds_table, level
        )
        contenders.survivors_into(bounds_table, BLOCK, columns, level, words, alive)

    calls = {
        "means: float32 product": (
            lambda: product.multiply_into(x, 0, BLOCK, d, model.means, table), BLOCK,
        ),
        "q: packed triangle": (
            lambda: product.triangle_into(
                x, 0, BLOCK, d, d, model.root, 0, simd.LANES, rotated
            ),
            BLOCK,
        ),
        "bounds and survivors": (bound, BLOCK),
        "settling a lone contender, float32": (
            lambda: settle.single_moments_into(
                inputs.contexts, 0, order, start, model.theta, model.single, mean, width
            ),
            pairs,
        ),
        "settling a contender, float64": (
            lambda: settle.moments_into(
                inputs.contexts, np.zeros((0, 1)), rows, actions, order, start, model.theta,
                model.inverse, mean, width,
            ),
            pairs,
        ),
        "keyed normals of all actions": (
            lambda: contenders.draws_into(stream, keys, 0, BLOCK, bits, logs, draws, bits.size),
            BLOCK,
        ),
    }  # fmt: skip
    return {name: _nanoseconds(call, count) for name, (call, count) in calls.items()}


def whole(rows: int = 1_000_000) -> dict[str, float]:
    """Seconds for a million customers × 100 actions, all threads."""
    inputs = make(64, 100, 20_000, rows)
    problem = pose(inputs.posterior, inputs.contexts)
    _ = inputs.posterior.model
    seconds = {}
    for name, given in {
        "LinUCB": {},
        "LinTS, draw only": {"thompson": True, "propensity": NOTHING},
        "LinTS with propensity": {"thompson": True, "propensity": OWN},
    }.items():
        began = time.perf_counter()
        choose_linear(problem, 1.0, **given)
        seconds[name] = time.perf_counter() - began
    return seconds
