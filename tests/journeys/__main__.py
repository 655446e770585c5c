"""`python -m tests.journeys --seeds 100 --steps 20 [--first 0]`: the state machine, run long.

With `--shorten` a seed that fails is cut down to the fewest steps that still fail there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.journeys.machine import Machine, Step, drawn


def played(steps: list[Step], counted: Counter[str]) -> BaseException | None:
    """A campaign of these steps; what went wrong."""
    with tempfile.TemporaryDirectory(prefix="journey-") as scratch:
        machine = None
        try:
            machine = Machine(Path(scratch) / "campaign")
            machine.play(steps)
        except Exception as error:  # noqa: BLE001 - every kind of failure is counted and shown
            return error
        finally:
            counted.update(machine.outcomes if machine else {})
    return None


def shortened(steps: list[Step], error: BaseException) -> list[Step]:
    """The fewest of ``steps``, each left out in turn, that fail at the same line."""
    for at in reversed(range(len(steps))):
        fewer = steps[:at] + steps[at + 1 :]
        found = played(fewer, Counter())
        if found is not None and _line(found) == _line(error):
            steps = fewer
    return steps


def _line(error: BaseException) -> tuple[str, int | None]:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return last.filename, last.lineno


def main() -> int:
    """One campaign a seed; 1 if one failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--shorten", action="store_true", help="cut a failing seed down")
    given = options.parse_args()
    failed, counted, start = 0, Counter[str](), time.process_time()
    for seed in range(given.first, given.first + given.seeds):
        steps = drawn(seed, given.steps)
        error = played(steps, counted)
        if error is not None:
            failed += 1
            shown = "".join(traceback.format_exception(error))
            least = shortened(steps, error) if given.shorten else steps
            sys.stdout.write(f"seed {seed}: {shown}\n{least}\n")
            sys.stdout.flush()
    took = time.process_time() - start
    sys.stdout.write(
        f"{given.seeds} seeds, {given.seeds * given.steps} steps, {failed} failed,"
        f" {took:.0f} s of the processor\n{dict(sorted(counted.items()))}\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
