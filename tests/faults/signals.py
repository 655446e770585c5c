"""Signals that end a command: nothing is left behind, and the next run is clean."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bandit.core import files, spill
from tests.faults.crash import Case
from tests.faults.runs import ROOT

ENDINGS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def ended(case: Case, count: int, seed: int) -> dict[str, object]:
    """``count`` signals at random moments of a command; how many came before it was done."""
    draw = random.Random(seed)
    codes: Counter[str] = Counter()
    for number in range(count):
        case.reset()
        before = _spills(case)  # of runs that other tests killed
        sent = ENDINGS[number % len(ENDINGS)]
        result = case.run(kill_after=draw.uniform(0, case.seconds), signal=sent)
        what = f"{sent.name}: {result.code}: {result.stderr}"
        # A process that has not begun to load the program yet dies as the kernel has it.
        assert result.code in {0, 128 + sent, -sent}, what
        assert result.code != -sent or not result.stderr, what
        assert "Traceback" not in result.stderr, what
        left = [p for p in case.folder.rglob("*") if p.name.endswith(files.PARTIAL)]
        assert not left, f"{what}: {left}"
        assert not _spills(case) - before, what
        again = case.hold_same(what)
        assert "left by a run that died" not in again.stdout, what
        codes[str(result.code)] += 1
    return {"signals": count, "codes": dict(codes), "left behind": 0}


def _spills(case: Case) -> set[Path]:
    return set(case.runs.temporary.glob(f"{spill.PREFIX}*"))


def while_loading(folder: Path, moments: list[float]) -> Counter[int]:
    """SIGTERM to a process of its own while it imports: the codes it ended with."""
    codes: Counter[int] = Counter()
    python = shutil.which(sys.executable) or sys.executable
    for moment in moments:
        process = subprocess.Popen(
            [python, "-m", "bandit", "check", str(folder)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _, errors = process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate()
        assert "Traceback" not in errors, errors
        codes[process.returncode] += 1
    return codes
