"""Readers beside `forget`: they read one state, and never call a record damaged that is not."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

from tests.faults import people, small
from tests.faults.runs import Command, Runs

READERS = 3


def beside_forget(runs: Runs, scratch: Path, count: int, seed: int) -> dict[str, object]:
    """Each customer in turn is forgotten while others are explained and exported."""
    draw = random.Random(seed)
    first = small.write(scratch / "first", customers=max(count + READERS, 60))
    for day in (0, 1):
        at = people.at_text(small.AT + day * small.DAY)
        assert runs.bandit("serve-batch", first, "--at", at).code == 0
    folder = Path(shutil.copytree(first, scratch / "campaign"))
    kept = [small.key(count + i) for i in range(READERS)]
    codes: Counter[str] = Counter()
    for number in range(count):
        forget = Command(("forget", str(folder), small.key(number)))
        readers = [
            Command((draw.choice(["explain", "export-customer"]), str(folder), key, "--json"))
            for key in kept
        ]
        done, *read = runs.together(forget, *readers)
        assert done.code == 0, done.stderr
        assert not people.traces(folder, small.key(number))
        for result in read:
            assert result.code == 0, result.stderr
            codes["read"] += 1
    assert codes["read"] == count * READERS
    return {"forgets": count, "reads": codes["read"], "called damaged": 0, "traces": 0}
