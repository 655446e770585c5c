"""Where the time goes in choosing for a million customers: each stage alone, in one thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bandit.kernels import simd
from bandit.kernels._compile import entered
from bandit.kernels.linear import contenders, linear_choice
from bandit.kernels.linear import draws as drawn
from bandit.kernels.linear import int16_bounds as coarse
from bandit.kernels.linear import pair_moments as settle
from bandit.kernels.linear import thompson_candidates as sampled
from bandit.kernels.linear.decide import empty_settling
from bandit.kernels.linear.situation import Mode, Situation
from bandit.kernels.simd import product
from bandit.policies.choice_request import checked
from bandit.policies.linear import NOTHING, OWN, choose_linear
from bench.inputs import make

BLOCK = 480
"""Rows of a call: five of the loop's blocks, so that the call itself costs little."""
REPEATS = 60

_bounds_into = entered(linear_choice.bounds_into)
_round_into, _multiply_into = entered(coarse.round_into), entered(coarse.multiply_into)
_norms_between = entered(coarse.norms_between)
_eligible_into, _bound_into = entered(contenders.eligible_into), entered(contenders.bound_into)
_draw_into, _winners_into = entered(drawn.draw_into), entered(sampled.winners_into)
_moments_into, _order_by_action = entered(settle.moments_into), entered(settle.order_by_action)
_single_moments_into = entered(settle.single_moments_into)


def _nanoseconds(call: Callable[[], Any], rows: int) -> float:
    call()
    began = time.perf_counter()
    for _ in range(REPEATS):
        call()
    return (time.perf_counter() - began) / REPEATS / rows * 1e9


def stages(d: int = 64, k: int = 100, observations: int = 20_000) -> dict[str, float]:
    """Nanoseconds a customer and core of each stage of the choose loop."""
    inputs = make(d, k, observations, 20_000)
    model, bounded = inputs.posterior.model
    x = inputs.contexts.reshape(-1)
    columns, wide = model.upper.size, product.padded(d, simd.LANES)
    size = (columns + 63) // 64
    rotated, table = np.zeros(BLOCK * wide, np.float32), np.zeros(BLOCK * columns, np.float32)
    rounded = coarse.empty_rounded(BLOCK, d)
    highs, level = np.zeros_like(table), np.zeros(BLOCK, np.float32)
    words, alive = np.zeros(BLOCK * size, np.int64), np.zeros(BLOCK * size, np.int64)
    none, nothing = np.zeros((1, 1), np.uint8), np.zeros((1, 1))
    keys = np.arange(BLOCK, dtype=np.uint64)
    situation = Situation(
        inputs.contexts,
        np.zeros((0, 1)),
        none,
        0,
        nothing,
        nothing,
        False,
        keys,
        bounded,
        np.zeros(0, np.float32),
        nothing,
    )
    stream, nobody, doubt = np.uint64(7), np.zeros(0, np.int32), np.zeros(1, np.bool_)
    asked = Mode(1.0, False, 0, stream, nobody, np.zeros(0), True, doubt)
    plain, sampling = (linear_choice.empty_bounds(model, situation, 1) for _ in range(2))
    _bounds_into(model, situation, asked, plain)
    _bounds_into(model, situation, asked._replace(thompson=True), sampling)
    scratch = empty_settling(model, d, 1, expects=False)
    _round_into(x, 0, BLOCK, d, model.coarse, rounded, doubt)
    _multiply_into(rounded, BLOCK, d, model.coarse, table)
    _norms_between(rounded, BLOCK, d, model.coarse, rotated)
    _eligible_into(none, 0, 0, BLOCK, k, words)
    pairs = 2_048
    rows, actions = np.arange(pairs, dtype=np.int32), inputs.actions[:pairs].astype(np.int32)
    order, start = np.zeros(pairs, np.int32), np.zeros(k + 1, np.int64)
    mean, width = np.zeros(pairs), np.zeros(pairs)
    _order_by_action(actions, np.arange(pairs), pairs, start, order)
    draws = drawn.empty_draws(BLOCK, k)

    def bound(how: Any, spread: Any) -> None:
        _eligible_into(none, 0, 0, BLOCK, k, words)
        _bound_into(table, BLOCK, rounded, how, words, False, spread, highs, level, alive)

    def draw() -> None:
        bound(sampling, True)
        _draw_into(stream, keys, 0, BLOCK, size, alive, draws, True)
        _winners_into(table, columns, BLOCK, rounded, sampling, False, draws, 0, level, alive)

    calls = {
        "rounding to 16 bits": (
            lambda: _round_into(x, 0, BLOCK, d, model.coarse, rounded, doubt), BLOCK,
        ),
        "means: 16-bit product": (
            lambda: _multiply_into(rounded, BLOCK, d, model.coarse, table), BLOCK,
        ),
        "q: 16-bit packed triangle": (
            lambda: _norms_between(rounded, BLOCK, d, model.coarse, rotated), BLOCK,
        ),
        "bounds and survivors": (lambda: bound(plain, False), BLOCK),
        "settling a lone contender, float32": (
            lambda: _single_moments_into(
                inputs.contexts, 0, order, start, model.theta, model.single, mean, width,
                scratch.places, scratch.single,
            ),
            pairs,
        ),
        "settling a contender, float64": (
            lambda: _moments_into(
                inputs.contexts, np.zeros((0, 1)), rows, actions, order, start, model.theta,
                model.inverse, mean, width, scratch.x, scratch.z,
            ),
            pairs,
        ),
        "bounds, keyed normals, survivors of Thompson sampling": (draw, BLOCK),
    }  # fmt: skip
    return {name: _nanoseconds(call, count) for name, (call, count) in calls.items()}


def whole(rows: int = 1_000_000) -> dict[str, float]:
    """Seconds for a million customers × 100 actions, all threads."""
    inputs = make(64, 100, 20_000, rows)
    request = checked(inputs.posterior, inputs.contexts)
    _ = inputs.posterior.model
    seconds = {}
    ways: dict[str, dict[str, Any]] = {
        "LinUCB": {},
        "LinTS, draw only": {"thompson": True, "propensity": NOTHING, "scored": False},
        "LinTS with propensity": {"thompson": True, "propensity": OWN},
    }
    for name, given in ways.items():
        began = time.perf_counter()
        choose_linear(request, 1.0, **given)
        seconds[name] = time.perf_counter() - began
    return seconds
