"""`python -m simulations.winning [--instances N]` writes errors against the twin into the README."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bandit.kernels._compile import entered
from bandit.kernels.linear import alike_rivals, win_probability
from reference import win_instances
from reference.win_probability import winning_probability as twin

_winning_probability = entered(win_probability.winning_probability)
MARK = "<!-- generated below -->\n"


def errors(rows: int, most: int, seed: int) -> dict[str, list[tuple[float, float, int]]]:
    """|kernel − twin|, the twin and the number of contenders, by kind."""
    found: dict[str, list[tuple[float, float, int]]] = {kind: [] for kind in win_instances.KINDS}
    scratch = alike_rivals.empty_scratch(most)
    for kind, centres, scales, own in win_instances.instances(rows, most, seed):
        count = len(centres)
        scratch.centres[:count], scratch.scales[:count] = centres, scales
        expected = twin(centres, scales, own)
        p = _winning_probability(count, own, scratch, False)
        found[kind].append((abs(p - expected), expected, count))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=99_000)
    parser.add_argument("--large", type=int, default=1_000)
    wanted = parser.parse_args()
    small, large = errors(wanted.instances, 40, 1), errors(wanted.large, 5_000, 2)
    lines = [
        "| contenders | instances | most of them | largest error | 99.9 % below | mean probability |",
        "|---|---|---|---|---|---|",
    ]
    for kind in win_instances.KINDS:
        error, p, count = np.array(small[kind] + large[kind]).T
        lines.append(
            f"| {kind} | {error.size:,} | {count.max():,.0f} | {error.max():.1e} |"
            f" {np.quantile(error, 0.999):.1e} | {p.mean():.3f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
