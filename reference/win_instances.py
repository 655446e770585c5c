"""Contenders that are hard on an integral: alike, far apart, of very different widths, certain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

KINDS = {
    "alike": (0.1, 0.9, 1.1),
    "apart": (1.0, 0.8, 1.25),
    "far apart": (3.0, 0.5, 2.0),
    "widths within 4": (0.5, 0.25, 1.0),
    "widths within 20": (1.0, 0.05, 1.0),
    "widths within 200": (1.0, 0.005, 1.0),
    "one new": (0.3, 0.1, 0.1),
    "one old": (0.3, 1.0, 1.0),
    "few new": (0.1, 0.005, 0.005),
    "ties": (0.5, 0.5, 0.5),
    "no width": (0.5, 0.5, 2.0),
    "narrow below wide": (0.2, 0.002, 0.004),
    "narrow crowd": (0.01, 0.16, 0.2),
    "values": (0.1, 0.16, 1.0),
}
"""Of each kind: deviation of the centres, least and largest width."""


def instance(kind: str, count: int, rng: np.random.Generator):
    """Centres and scales float64[count], and whose probability is asked for."""
    apart, least, most = KINDS[kind]
    centres = apart * rng.normal(size=count)
    scales = np.exp(rng.uniform(np.log(least), np.log(most), count))
    if kind in {"one new", "one old", "narrow crowd"}:
        scales[rng.integers(count)] = 0.003 if kind == "one old" else 1.0
    elif kind == "few new":
        scales[rng.random(count) < 0.1] = 1.0
    elif kind == "ties":
        centres, scales = np.round(centres), scales[0] * np.ones(count)
    elif kind == "no width":
        scales[rng.random(count) < rng.choice([0.02, 0.3, 0.95])] = 0.0
        centres = np.round(centres, 1)
    elif kind == "narrow below wide":
        scales[0] = rng.choice([0.002, 1.0])
        centres[0] += rng.choice([-0.01, 0.0, 0.3])
    # Mostly the action that won a draw, as a wave asks; else anyone.
    own = rng.integers(count)
    if rng.random() < 0.75:
        own = np.argmax(centres + scales * rng.normal(size=count))
    return centres, scales, int(own)


def instances(rows: int, most: int, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray, int]]:
    """``rows`` instances of all kinds in turn, 2 to ``most`` contenders, few more often."""
    rng = np.random.default_rng(seed)
    kinds = list(KINDS)
    for i in range(rows):
        count = int(np.exp(rng.uniform(np.log(2.0), np.log(most + 1.0))))
        unit = 10.0 ** rng.integers(-3, 4)
        centres, scales, own = instance(kinds[i % len(kinds)], count, rng)
        yield kinds[i % len(kinds)], unit * centres, unit * scales, own
