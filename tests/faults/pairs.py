"""Two runs started at once on one campaign."""

from __future__ import annotations

import re
from collections import Counter

from tests.faults.crash import Case
from tests.faults.runs import Command

HELD = re.compile(
    r"is held by `bandit serve-batch --wave \S+` \(process \d+ on \S+, since \S+\); wait until"
)


def pairs(case: Case, count: int) -> Counter[tuple[int, ...]]:
    """Exactly one publishes, the other ends with 5 and the holder's name."""
    codes: Counter[tuple[int, ...]] = Counter()
    command = Command(case.arguments())
    for number in range(count):
        case.reset()
        both = case.runs.together(command, command)
        ended = tuple(sorted(result.code for result in both))
        assert ended == (0, 5), f"pair {number}: {both}"
        loser = next(result for result in both if result.code == 5)
        assert HELD.search(loser.stderr), loser.stderr
        codes[ended] += 1
        case.hold_same(f"pair {number}")
    return codes
