"""`python -m tests.journeys --seeds 100 --steps 20 [--first 0]`: the state machine, run long."""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.journeys.machine import Campaign


def main() -> int:
    """One campaign a seed; the number of seeds that failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--steps", type=int, default=20)
    given = options.parse_args()
    how = settings(
        max_examples=2,  # the first is the simplest there is: hardly a step
        stateful_step_count=given.steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    failed = 0
    start = time.monotonic()
    for number in range(given.first, given.first + given.seeds):
        try:
            run_state_machine_as_test(seed(number)(Campaign), settings=how)
        except Exception as error:  # noqa: BLE001 - every kind of failure is counted and shown
            failed += 1
            notes = "\n".join(getattr(error, "__notes__", []))
            sys.stdout.write(f"seed {number}: {type(error).__name__}: {error}\n{notes}\n")
            sys.stdout.flush()
    took = time.monotonic() - start
    sys.stdout.write(
        f"{given.seeds} seeds, {Campaign.steps} steps, {failed} failed, {took:.0f} s\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
