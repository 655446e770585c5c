"""`python -m bench.regimes`: strong and weak signal, young and old posteriors, sizes.

A ratio says nothing without its regime: where offers differ little, nearly every action is a
contender. Ours against MABWiser's predict and the float32 product of the means, in rounds in which
everybody has a turn; contenders are actions that win with a probability of a millionth and more.
``--size 64 100 --observations 200`` measures a part and prints it; the whole goes to bench/results.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from functools import partial
from typing import Any

import numpy as np

import bandit
from bench import peers
from bench.inputs import Inputs, make
from bench.keep import about, keep
from bench.machine import describe
from bench.measure import rounds

NOISE = 0.2
SIGNALS = {"strong": None, "weak": 0.02, "tiny": 0.004}
"""Deviation of the coefficients, noise 0.2; None: 1/√d with noise 1."""
OBSERVATIONS = (200, 2_000, 20_000)
SIZES = tuple(itertools.product((16, 32, 64), (20, 100, 1000)))
CELLS = 4_000_000
"""Customers times actions of ours in a call; a peer gets so many fewer."""
PEER = 40
CHEAP = 0.2
"""Alpha in units of the noise, beside alpha 1."""


def _policies(noise: float) -> dict[str, Any]:
    return {
        "LinTS": bandit.LinTS(1.0),
        "LinTS, alpha 0.2 of the noise": bandit.LinTS(CHEAP * noise),
        "LinUCB": bandit.LinUCB(1.0),
    }


def _contenders(policy: Any, inputs: Inputs) -> float:
    table = policy.probabilities(inputs.posterior, inputs.contexts[:60])
    return float((table >= 1e-6).sum(axis=1).mean())


def regime(signal: str, observations: int, d: int, k: int, count: int) -> list[dict[str, Any]]:
    """Ratios of one regime."""
    noise = 1.0 if SIGNALS[signal] is None else NOISE
    n = CELLS // k
    inputs = make(d, k, observations, n, 0, SIGNALS[signal], noise)
    few = max(100, n // PEER)
    weights = np.ascontiguousarray(inputs.posterior.mean.T.astype(np.float32))
    out = np.empty((n, k), np.float32)
    calls = {"product": lambda: np.matmul(inputs.contexts, weights, out=out)}
    for name in ("LinTS", "LinUCB"):
        calls[f"mabwiser {name}"] = peers.mabwiser(name).prepare(inputs, few)
    ours = _policies(noise)
    for name, policy in ours.items():
        calls[name] = partial(policy.choose, inputs.posterior, inputs.contexts)
    taken = rounds(calls, count)
    found = []
    for name, policy in ours.items():
        peer = "mabwiser LinUCB" if name == "LinUCB" else "mabwiser LinTS"
        mine, theirs, product = taken[name], taken[peer], taken["product"]
        found.append({
            "signal": signal, "observations": observations, "d": d, "k": k, "policy": name,
            "microseconds": statistics.median(mine) / n * 1e6,
            "times_mabwiser": statistics.median(
                (b / few) / (a / n) for a, b in zip(mine, theirs, strict=True)
            ),
            "times_product": statistics.median(
                b / a for a, b in zip(mine, product, strict=True)
            ),
            "contenders": _contenders(policy, inputs) if name != "LinUCB" else float("nan"),
        })  # fmt: skip
    return found


def page(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "# Regimes\n",
        f"Made by `python -m bench.regimes`. {about(found['machine'])}.\n",
        "| signal | observations | d | k | policy | µs a customer | × MABWiser | × product |"
        " contenders |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_line(regime) for regime in found["regimes"]]
    lines += [
        "\n## Times MABWiser, over all sizes and observations\n",
        "| signal | policy | least | median | most |",
        "|---|---|---|---|---|",
    ]
    of: dict[tuple[str, str], list[float]] = {}
    for one in found["regimes"]:
        of.setdefault((one["signal"], one["policy"]), []).append(one["times_mabwiser"])
    lines += [
        f"| {signal} | {policy} | {min(times):.3g} | {statistics.median(times):.3g} |"
        f" {max(times):.3g} |"
        for (signal, policy), times in of.items()
    ]
    return "\n".join(lines) + "\n"


def _line(r: dict[str, Any]) -> str:
    contenders = "" if np.isnan(r["contenders"]) else f"{r['contenders']:.0f}"
    return (
        f"| {r['signal']} | {r['observations']:,} | {r['d']} | {r['k']:,} | {r['policy']} |"
        f" {r['microseconds']:.2f} | {r['times_mabwiser']:.3g} | {r['times_product']:.2g} |"
        f" {contenders} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--signal", default="", help="one of strong, weak, tiny; all where absent")
    parser.add_argument("--size", nargs=2, type=int, action="append", metavar=("D", "K"))
    parser.add_argument("--observations", nargs="*", type=int, default=OBSERVATIONS)
    given = parser.parse_args()
    found: dict[str, Any] = {"machine": describe(), "regimes": []}
    for signal in SIGNALS if not given.signal else [given.signal]:
        for observations, (d, k) in itertools.product(given.observations, given.size or SIZES):
            found["regimes"] += regime(signal, observations, d, k, given.rounds)
            for one in found["regimes"][-3:]:
                print(_line(one), flush=True)
    if not given.size and given.observations == OBSERVATIONS:
        keep("regimes", found, page(found))


if __name__ == "__main__":
    main()
