"""Kills of what a run changes last, and a world that changes under a run: files, folders, sizes."""

from __future__ import annotations

import csv
import random
import shutil
from collections import Counter
from pathlib import Path

from bandit.core.errors import BanditError
from bandit.core.types import SILENT
from bandit.record import snapshots
from bandit.workflows.serve.serve_batch import serve_batch
from tests.faults import crash, people, small
from tests.faults.runs import Fault, Mode, Result, Runs

KILLS = (Mode.KILL_BEFORE, Mode.KILL_AFTER)
CHANNELS = 300
_WRITE = ("learn", "serve-batch", "forget")
"""Commands that make the index anew, which alone names the folder."""


def rollbacks(case: crash.Case, count: int, seed: int) -> dict[str, object]:
    """``rollback`` of a learned campaign, killed at any call: the newest is the old or the new."""
    draw = random.Random(seed)
    folder = case.folder
    counted = _calls(case, "rollback", "000000")
    kept = Counter[str]()
    for _ in range(count):
        before = case.reset_to_after()
        newest = snapshots.versions(folder)[-1]
        fault = Fault(folder, draw.randrange(counted), draw.choice(KILLS))
        assert _rollback(case, fault).code == -9
        found = snapshots.versions(folder)
        kept["new" if found[-1] != newest else "old"] += 1
        assert {n: d for n, d in small.tree(folder).items() if n in before} == before
        again = _rollback(case)
        assert again.code == 0, again.stderr
        last = snapshots.load(folder, snapshots.versions(folder)[-1])
        first = snapshots.load(folder, "000000")
        assert last.posterior_file().read_bytes() == first.posterior_file().read_bytes()
        assert not list(folder.glob("*/.*.partial"))
    return {"kills": count, "newest after it": dict(kept)}


def _calls(case: crash.Case, *command: str) -> int:
    case.reset_to_after()
    log = case.folder.parent / "calls-of-it"
    verb, *rest = command
    done = case.runs.bandit(verb, str(case.folder), *rest, fault=Fault(case.folder, log=log))
    assert done.code == 0, done.stderr
    return len(log.read_text().split())


def _rollback(case: crash.Case, fault: Fault | None = None) -> Result:
    return case.runs.bandit("rollback", str(case.folder), "000000", fault=fault)


def exported(case: crash.Case, count: int, seed: int) -> dict[str, object]:
    """``export-customer --out``, killed at any call: the file is whole or not there."""
    draw = random.Random(seed)
    out = case.folder / "someone.json"
    command = ("export-customer", str(case.folder), small.key(4), "--out", str(out))
    counted = _calls(case, "export-customer", small.key(4), "--out", str(out))
    whole = out.read_bytes()
    left = Counter[str]()
    for _ in range(count):
        before = case.reset_to_after()
        fault = Fault(case.folder, draw.randrange(counted), draw.choice(KILLS))
        assert case.runs.bandit(*command, fault=fault).code == -9
        left["whole" if out.exists() else "none"] += 1
        assert not out.exists() or out.read_bytes() == whole
        assert {n: d for n, d in small.tree(case.folder).items() if n in before} == before
        assert case.runs.bandit(*command).code == 0
        assert out.read_bytes() == whole
    return {"kills": count, "file after it": dict(left)}


class _Replaced:
    """A progress that puts other customers into the user's file at one of the steps."""

    def __init__(self, folder: Path, at: int, rows: list[str]) -> None:
        self._folder, self._at, self._rows = folder, at, rows
        self.steps = 0

    def step(self, text: str, total: int | None = None) -> None:
        SILENT.step(text, total)
        if self.steps == self._at:
            partial = self._folder / "customers.new"
            partial.write_text("\n".join(self._rows) + "\n", encoding="utf-8")
            partial.replace(self._folder / "customers.csv")
        self.steps += 1

    def advance(self, count: int) -> None:
        SILENT.advance(count)


def replaced(folder: Path, count: int, seed: int) -> dict[str, object]:
    """Customers replaced while a wave runs: it is whole, or nothing is published and it is said.

    Half of them leave, the others get other values, and some are new.
    """
    draw = random.Random(seed)
    small.write(folder)
    first = (folder / "customers.csv").read_text(encoding="utf-8").splitlines()
    ends = Counter[str]()
    for number in range(count):
        (folder / "customers.csv").write_text("\n".join(first) + "\n", encoding="utf-8")
        some = draw.sample(first[1:], len(first) // 2)
        new = [line.replace("Kunde-0", "Kunde-9") for line in draw.sample(first[1:], 20)]
        progress = _Replaced(folder, number % 8, [first[0], *some, *new])
        at = small.AT + number * small.DAY
        wave = at.date().isoformat()
        try:
            summary = serve_batch(folder, at=at, progress=progress)
        except BanditError as e:
            ends[f"exit {e.exit_code}"] += 1
            if (folder / "waves" / wave).exists():
                raise
            continue
        rows = people.decisions(folder, wave)
        known = {line.split(",")[0] for line in [*first, *some, *new]}
        assert {r["customer_id"] for r in rows} <= known
        agreed = {(c, ch) for c, ch, g in small.consents(folder) if g}
        listed = people.lists(folder, wave)
        contacts = {r["decision_id"]: r for r in rows if r["action"]}
        assert len(listed) + summary.withheld == len(contacts)
        outbound = [contacts[i] for i in listed if contacts[i]["channel"] != "shop"]
        assert all((r["customer_id"], r["channel"]) in agreed for r in outbound)
        ends["published whole"] += 1
    return {"waves": count, "ends": dict(ends), "contacted without consent": 0}


def moved(runs: Runs, scratch: Path) -> dict[str, object]:
    """A campaign's folder moved between commands: each goes on, and nothing names the old place."""
    at = small.AT
    folder = small.write(scratch / "where it was")
    assert runs.bandit("serve-batch", folder, "--at", people.at_text(at)).code == 0
    events = small.outcomes(folder, at.date().isoformat())
    commands = (
        ("status", "--json"),
        ("explain", small.key(4)),
        ("learn", "--outcomes", "delivered.csv", "--at", crash.LATER[:19]),
        ("serve-batch", "--at", crash.LATER[:19]),
        ("report", "--at", crash.LATER[:19]),
        ("export-customer", small.key(4)),
        ("rollback", "000000"),
        ("forget", small.key(4)),
    )
    for number, (verb, *rest) in enumerate(commands):
        place = scratch / f"place {number}"
        shutil.move(folder, place)
        old, folder = folder, place
        (folder / "delivered.csv").write_text(small.as_csv(events), encoding="utf-8")
        given = [str(folder / r) if r.endswith(".csv") else r for r in rest]
        result = runs.bandit(verb, str(folder), *given)
        assert result.code == 0, f"{verb}: {result.stderr}"
        if verb in _WRITE:
            ours = [p for p in folder.rglob("*") if p.is_file() and p.name != "journal.jsonl"]
            assert not [p for p in ours if str(old).encode() in p.read_bytes()], verb
    return {"moves": len(commands), "files that name the old place": 0}


def channels(runs: Runs, scratch: Path) -> dict[str, object]:
    """Hundreds of channels, their consents in several words of bits: each list is as agreed."""
    names = [f"channel{i}" for i in range(CHANNELS)]
    more = "".join(f'[[channel]]\nname = "{name}"\n' for name in names)
    folder = small.write(scratch / "channels", customers=120, toml=small.TOML + more)
    draw = random.Random(3)
    given = [(small.key(i), name, draw.random() < 0.02) for i in range(120) for name in names]
    small.write_consents(folder, given)
    result = runs.bandit("serve-batch", folder, "--at", people.at_text(small.AT))
    assert result.code == 0, result.stderr
    agreed = {(c, ch) for c, ch, g in given if g}
    used: set[str] = set()
    for path in (folder / "exports" / crash.WAVE).glob("channel*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            listed = {(row["customer_id"], path.stem) for row in csv.DictReader(stream)}
        assert listed <= agreed, path
        used |= {path.stem} if listed else set()
    assert len(used) > 20
    return {"channels": CHANNELS, "used": len(used), "contacted without consent": 0}
