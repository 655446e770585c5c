"""A run is killed at any moment, or any of its calls to the disk fails: the rerun makes it good."""

from __future__ import annotations

import errno
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import small
from tests.faults.runs import Fault, Mode, Result, Runs

PUBLISHED = re.compile(r"(waves|exports|snapshots)/[^.]")
WAVE = small.AT.date().isoformat()
LATER = (small.AT + 2 * small.DAY).isoformat()


@dataclass
class Tally:
    """What a series of crashes came to."""

    runs: int = 0
    codes: Counter[int] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    recovered: int = 0

    def figures(self) -> dict[str, object]:
        """For a line of JSON; `dataclasses.asdict` would count a counter's pairs."""
        calls, codes = dict(self.calls), dict(self.codes)
        return {"runs": self.runs, "codes": codes, "calls": calls, "recovered": self.recovered}

    def add(self, result: Result, again: Result) -> None:
        """Count one run with its fault, and the run after it."""
        self.runs += 1
        self.codes[result.code] += 1
        self.recovered += "left by a run that died" in again.stdout + again.stderr


class Case:
    """A campaign before a command, the command, and the folder after an undisturbed run of it."""

    def __init__(self, runs: Runs, scratch: Path, before: Path, *command: str) -> None:
        self.runs, self.before, self._command = runs, before, command
        self.folder = scratch / "campaign"
        self._done = scratch / "after"
        self._log = scratch / "calls"
        self.reset()
        fault = Fault(self.folder, log=self._log)
        first = self.run(fault=fault)
        assert first.code == 0, first.stderr
        self.seconds = first.seconds
        self.calls = self._log.read_text().split()
        self.after = small.tree(self.folder)
        self.untouched = small.tree(before)

    def reset(self) -> None:
        """Put the folder back to what it was before the command."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.before, self.folder)

    def reset_to_after(self) -> dict[str, str]:
        """Put the folder to what the undisturbed command left; its files with their digests."""
        if not self._done.exists():
            self.reset()
            assert self.run().code == 0
            shutil.copytree(self.folder, self._done)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._done, self.folder)
        return small.tree(self.folder)

    def arguments(self) -> tuple[str, ...]:
        """The command on the folder."""
        verb, *rest = self._command
        return (verb, str(self.folder), *rest)

    def run(self, **fate: object) -> Result:
        """Run it."""
        return self.runs.bandit(*self.arguments(), **fate)

    def hold_same(self, what: str) -> Result:
        """Run again without a fault: the folder must be as after an undisturbed run."""
        again = self.run()
        self.seconds = min(self.seconds, again.seconds)
        done = again.code == 0 or "the record holds nothing of" in again.stderr
        assert done, f"{what}: the rerun ended with {again.code}: {again.stderr}"
        found = small.tree(self.folder)
        assert found == self.after, f"{what}: {_differences(found, self.after)}"
        assert not (self.folder / ".lock").exists(), what
        return again


def _differences(found: dict[str, str], wanted: dict[str, str]) -> str:
    names = sorted(found.keys() | wanted.keys())
    return ", ".join(n for n in names if found.get(n) != wanted.get(n))


def serve_case(runs: Runs, scratch: Path) -> Case:
    """The first wave of a campaign."""
    before = small.write(scratch / "before-serve")
    return Case(runs, scratch, before, "serve-batch", "--at", small.AT.isoformat()[:19])


def learn_case(runs: Runs, scratch: Path) -> Case:
    """Two waves with outcomes, nothing learned yet."""
    before = small.write(scratch / "before-learn")
    for day in (0, 1):
        at = (small.AT + day * small.DAY).isoformat()[:19]
        assert runs.bandit("serve-batch", before, "--at", at).code == 0
    events = [e for day in (0, 1) for e in small.outcomes(before, _name(day))]
    (before / "delivered.csv").write_text(small.as_csv(events), encoding="utf-8")
    delivered = "delivered.csv"
    text = (before / "campaign.toml").read_text(encoding="utf-8")
    named = text.replace("[reward]", f'[outcomes]\nsource = "{delivered}"\n[reward]')
    (before / "campaign.toml").write_text(named, encoding="utf-8")
    return Case(runs, scratch, before, "learn", "--at", LATER[:19])


def _name(day: int) -> str:
    return (small.AT + day * small.DAY).date().isoformat()


def kills(case: Case, count: int, seed: int) -> Tally:
    """SIGKILL at ``count`` points: every other one at a time, the others at a call to the disk."""
    draw = random.Random(seed)
    tally = Tally()
    for number in range(count):
        case.reset()
        if number % 2:
            result, what = _killed_at_a_time(case, draw)
        else:
            at = draw.randrange(len(case.calls))
            mode = draw.choice([Mode.KILL_BEFORE, Mode.KILL_AFTER])
            what = f"{mode.name} call {at}, {case.calls[at]}"
            result = case.run(fault=Fault(case.folder, at, mode))
            assert result.code == -9, f"{what}: {result}"
            tally.calls[case.calls[at]] += 1
        tally.add(result, case.hold_same(what))
    return tally


def _killed_at_a_time(case: Case, draw: random.Random) -> tuple[Result, str]:
    """Killed at any moment; a faster run is no kill, but tells how long one takes."""
    while True:
        moment = draw.uniform(0, case.seconds)
        result = case.run(kill_after=moment)
        if result.code == -9:
            return result, f"killed after {moment:.4f} s"
        assert result.code == 0, result
        case.seconds = min(case.seconds, result.seconds)
        case.reset()


DISKS = {
    "one I/O error": (Mode.FAIL_ONCE, errno.EIO),
    "full": (Mode.FAIL_FROM, errno.ENOSPC),
    "dead": (Mode.FAIL_FROM, errno.EIO),
}


def failures(case: Case, calls: Iterable[int], disks: Iterable[str] = DISKS) -> Tally:
    """Each of the calls fails, alone or with those after it: a message, and nothing is published.

    A disk that dies between two renames cannot be told to undo the first: then the message says
    what is published, and the rerun completes it.
    """
    tally = Tally()
    for at in calls:
        for disk in disks:
            mode, error = DISKS[disk]
            if disk == "full" and not any(_takes_room(call) for call in case.calls[at:]):
                continue
            case.reset()
            what = f"{disk} disk at call {at}, {case.calls[at]}"
            result = case.run(fault=Fault(case.folder, at, mode, error))
            if result.code == 0:
                assert small.tree(case.folder) == case.after, what  # the note of the newest alone
                continue
            hold_told(what, result)
            if "the next command does the rest" in result.stderr:
                assert disk == "dead", f"{what}: {result.stderr}"
            else:
                left = small.tree(case.folder).keys() - case.untouched.keys()
                new = {n for n in left if PUBLISHED.match(n)}
                assert not new, f"{what}: {new} was published"
            tally.calls[case.calls[at]] += 1
            tally.add(result, case.hold_same(what))
    return tally


def _takes_room(call: str) -> bool:
    """As the shim has it: a full disk still renames and syncs."""
    return not call.startswith("rename") and "sync" not in call


def hold_told(what: str, result: Result) -> None:
    """A fault ends in a message and an exit code that is not ours."""
    assert result.code in {3, 4}, f"{what}: ended with {result.code}: {result.stderr}"
    assert result.stderr.startswith("error: "), f"{what}: {result.stderr}"
    assert "Traceback" not in result.stderr, f"{what}: {result.stderr}"
