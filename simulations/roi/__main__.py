"""`python -m simulations.roi [--runs N] [--customers N]` writes coverage into the README."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

from bandit.results.roi import Return
from bandit.workflows.inspect.roi import roi
from simulations.roi.environment import AT, WAVES, WEEK, served

MARK = "<!-- generated below -->\n"
HEADS = ("increment covered", "ROI covered", "said to be above 0", "attributed over increment")


class Count:
    """How often a figure was told, held the truth, and was said to be positive."""

    def __init__(self) -> None:
        self.told = self.gain = self.roi = self.positive = 0
        self.attributed = self.truth = 0.0

    def add(self, one: Return | None, truth: float) -> None:
        """Add a run; one that says too little counts for nothing."""
        if one is None or one.value is None or one.roi is None:
            return
        self.told += 1
        self.gain += one.value.lower <= truth <= one.value.upper
        self.roi += one.roi.lower <= truth / one.cost - 1.0 <= one.roi.upper
        self.positive += one.value.lower > 0.0
        self.attributed += one.attributed
        self.truth += truth

    def row(self, effect: float, name: str) -> str:
        """A line of the table."""
        n = max(self.told, 1)
        ratio = f"{self.attributed / self.truth:.1f}" if self.truth else "-"
        return (
            f"| {effect:g} | {name} | {self.told} | {self.gain / n:.1%} | {self.roi / n:.1%} |"
            f" {self.positive / n:.1%} | {ratio} |"
        )


def counted(effect: float, runs: int, customers: int) -> dict[str, Count]:
    """The whole campaign and each offer over ``runs`` worlds."""
    found: dict[str, Count] = defaultdict(Count)
    for seed in range(runs):
        folder = Path(tempfile.mkdtemp()) / "campaign"
        truth = served(folder, seed, customers, effect)
        shown = roi(folder, at=AT + WAVES * WEEK)
        found["campaign"].add(shown.total, truth["campaign"])
        for one in shown.offers:
            found[one.of].add(one, truth[one.of])
        shutil.rmtree(folder.parent)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--customers", type=int, default=1000)
    wanted = parser.parse_args()
    lines = [f"{wanted.runs} worlds each of {wanted.customers:,} customers and {WAVES} waves.", ""]
    lines += ["| effect | of | told | " + " | ".join(HEADS) + " |", "|---" * 7 + "|"]
    for effect in (0.0, 0.5):
        found = counted(effect, wanted.runs, wanted.customers)
        lines += [found[name].row(effect, name) for name in sorted(found)]
    text = "\n".join(lines) + "\n"
    print(text)
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
