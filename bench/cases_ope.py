"""Off-policy evaluation against its bars: `python -m bench.cases_ope [--events N]`.

Streamed: 10 million events, 20 targets, 6 estimators with intervals in under 60 s and 4 GB.
Replay of LinUCB: at least 500 times MABWiser's Simulator in events per second on the same log.
"""

from __future__ import annotations

import argparse
import logging
import resource
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit import ope
from bandit.replay import replay_lin_ucb

BLOCK = 250_000
TARGETS = 20
CUSTOMERS = 2_000_000
RECIPES = (
    ope.Recipe("ips"),
    ope.Recipe("snips"),
    ope.Recipe("dm"),
    ope.Recipe("dr"),
    ope.Recipe("switch_dr", 5.0),
    ope.Recipe("dros", 10.0),
)
INTERVALS = ("student_t", "bootstrap", "bernstein", "hoeffding", "betting", "adaptive")


class Block(NamedTuple):
    """What a workflow hands over for one block of rows."""

    rewards: np.ndarray
    weights: np.ndarray
    q_logged: np.ndarray
    q_target: np.ndarray
    clusters: np.ndarray


def blocks(events: int) -> Iterator[Block]:
    """Events of a made-up log; a block's randomness is reused, shifted, so that it costs little."""
    rng = np.random.default_rng(0)
    weights = rng.exponential(size=(BLOCK, TARGETS))
    model = rng.random((BLOCK, TARGETS)) * 0.2
    rewards = (rng.random(BLOCK) < 0.1).astype(float)
    for start in range(0, events, BLOCK):
        n, turn = min(BLOCK, events - start), start // BLOCK
        yield Block(
            np.roll(rewards, turn)[:n],
            weights[:n],
            model[:n, turn % TARGETS],
            model[:n],
            rng.integers(0, CUSTOMERS, n),
        )


def stream(events: int) -> dict[str, float]:
    """Seconds of the pass and of each kind of interval for every target and estimator."""
    moments = ope.Moments.start([f"target {t}" for t in range(TARGETS)], RECIPES)
    warm = next(blocks(1000))
    moments.add(warm.rewards, warm.weights, **_rest(warm)).estimate(
        "target 0", RECIPES[0], interval="bootstrap"
    )
    took = {"making the log": 0.0, "the pass": 0.0}
    mark = time.perf_counter()
    for block in blocks(events):
        took["making the log"] += (now := time.perf_counter()) - mark
        moments = moments.add(block.rewards, block.weights, **_rest(block))
        took["the pass"] += (mark := time.perf_counter()) - now
    for interval in INTERVALS:
        start = time.perf_counter()
        for target in moments.targets:
            for recipe in RECIPES:
                moments.estimate(target, recipe, interval=interval)
        took[interval] = time.perf_counter() - start
    took["peak memory, GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return took


def _rest(block: Block) -> dict[str, np.ndarray]:
    names = ("q_logged", "q_target", "clusters")
    return {name: getattr(block, name) for name in names}


class Speed(NamedTuple):
    """Events per second of processor time on the same log."""

    k: int
    d: int
    wave: int
    ours: float
    mabwiser: float

    @property
    def ratio(self) -> float:
        return self.ours / self.mabwiser


def uniform_log(n: int, k: int, d: int) -> ope.Log:
    rng = np.random.default_rng(0)
    x, theta = rng.normal(size=(n, d)), rng.normal(size=(k, d)) / np.sqrt(d)
    actions = rng.integers(0, k, n)
    chance = 1 / (1 + np.exp(-np.einsum("nd,nd->n", x, theta[actions])))
    return ope.Log.of(
        actions=actions,
        rewards=(rng.random(n) < chance).astype(float),
        contexts=x,
        propensities=np.full(n, 1 / k),
        n_actions=k,
    )


def replay_speed(log: ope.Log, wave: int, peer_rows: int, rounds: int = 3) -> Speed:
    """Take turns, and keep the best of each.

    The peer plays the second half of as many rows as it bears; it is credited with all of them.
    """
    ours, theirs = [], []
    part = log.take(slice(0, peer_rows))
    replay_lin_ucb(part, waves=wave)
    for _ in range(rounds):
        start = time.process_time()
        replay_lin_ucb(log, waves=wave)
        ours.append(log.n / (time.process_time() - start))
        theirs.append(peer_rows / _mabwiser(part, wave))
    k, d = log.n_actions, log.contexts.shape[1]
    return Speed(k, d, wave, max(ours), max(theirs))


def _mabwiser(log: ope.Log, wave: int) -> float:
    """Seconds of its Simulator; a wave of 1 is its online mode."""
    from mabwiser.mab import MAB, LearningPolicy
    from mabwiser.simulator import Simulator

    logging.disable(logging.CRITICAL)
    bandit = MAB(list(range(log.n_actions)), LearningPolicy.LinUCB(alpha=1.0))
    simulator = Simulator(
        [("LinUCB", bandit)],
        log.actions,
        log.rewards,
        contexts=log.contexts.astype(float),
        test_size=0.5,
        is_ordered=True,
        batch_size=min(wave, log.n // 2),
        is_quick=True,
    )
    start = time.process_time()
    simulator.run()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=50_000)
    wanted = parser.parse_args()
    print(f"{wanted.events:,} events, {TARGETS} targets, {len(RECIPES)} estimators")
    for what, amount in stream(wanted.events).items():
        print(f"  {what:20} {amount:8.2f}")
    sys.stdout.flush()
    for k, d in ((10, 20), (20, 32)):
        log = uniform_log(wanted.rows, k, d)
        for wave, rows in ((1, 400), (100, 4000), (1000, 8000), (10_000, 20_000)):
            s = replay_speed(log, wave, rows)
            print(
                f"  k={s.k} d={s.d} wave {s.wave:6}: {s.ours:12,.0f} events/s, MABWiser "
                f"{s.mabwiser:10,.0f}, ratio {s.ratio:8.0f}"
            )


if __name__ == "__main__":
    main()
