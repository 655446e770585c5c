"""Off-policy evaluation against its bars: `python -m bench.cases_ope [--events N]`.

Streamed: 10 million events, 20 targets, 6 estimators with intervals in under 60 s and 4 GB.
Replay of LinUCB: at least 500 times MABWiser's Simulator in events per second on the same log.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from bandit import ope
from bench import replay_speed
from bench.keep import about, keep
from bench.machine import describe

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


def markdown(found: dict[str, Any]) -> str:
    """The tables, the machine first."""
    took = "\n".join(f"| {what} | {amount:.2f} |" for what, amount in found["stream"].items())
    return f"""# Evaluation and replay

Made by `python -m bench.cases_ope`. {about(found["machine"])}.

## {found["events"]:,} events × {TARGETS} targets × {len(RECIPES)} estimators in one pass

Bar: under 60 s for the pass and one kind of interval, in 4 GB. "bootstrap" and the like are
all {TARGETS * len(RECIPES)} intervals of that kind.

| what | seconds |
|---|---|
{took}

## Replay of LinUCB

Bar: 500 times the events a second of `mabwiser.simulator.Simulator` on the same log, in processor
time. Ours plays all {found["rows"]:,} rows; the Simulator is credited with all of its rows, though
it plays only the second half.

{replay_speed.markdown([replay_speed.Speed(**speed) for speed in found["replay"]])}
Event by event the Simulator is bound by its Python calls, one to two milliseconds an event. In
batches it predicts by matrix products and learns every row, and is bound by them; a replay needs
for each event at least the logged action's width and one rival's, about d² multiplications, which
is what bounds ours there.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=50_000)
    wanted = parser.parse_args()
    found: dict[str, Any] = {"machine": describe(), "events": wanted.events, "rows": wanted.rows}
    found["stream"] = stream(wanted.events)
    found["replay"] = [speed._asdict() for speed in replay_speed.speeds(wanted.rows)]
    keep("ope", found, markdown(found))


if __name__ == "__main__":
    main()
