"""Who opted out is on no list, and who is forgotten in no file."""

from __future__ import annotations

import csv
import datetime as dt
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bandit.core.types import SILENT
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests.faults import crash, small
from tests.faults.runs import Fault, Mode, Runs

OURS = ("waves", "outcomes", "exports", "snapshots", "statistics", "index.duckdb")


class _OptOut:
    """A progress that lets customers change their minds after scoring, before the lists."""

    def __init__(self, folder: Path, gone: set[tuple[str, str]]) -> None:
        self._folder, self._gone = folder, gone
        self.came = False

    def step(self, text: str, total: int | None = None) -> None:
        SILENT.step(text, total)
        if text.startswith("reading consents again"):
            agreed = small.consents(self._folder)
            kept = [(c, ch, g and (c, ch) not in self._gone) for c, ch, g in agreed]
            small.write_consents(self._folder, kept)
            self.came = True

    def advance(self, count: int) -> None:
        SILENT.advance(count)


def opt_outs(folder: Path, waves: int, seed: int) -> dict[str, int]:
    """In each wave some opt out between scoring and lists: withheld, counted, not learned from."""
    draw = random.Random(seed)
    small.write(folder)
    first = small.consents(folder)
    total = learnable = 0
    for number in range(waves):
        small.write_consents(folder, first)
        gone = set(draw.sample([(c, ch) for c, ch, g in first if g], 60))
        progress = _OptOut(folder, gone)
        at = small.AT + number * small.DAY
        summary = serve_batch(folder, at=at, progress=progress)
        assert progress.came
        wave = at.date().isoformat()
        rows = decisions(folder, wave)
        decided = {(r["customer_id"], r["channel"]): r["decision_id"] for r in rows}
        withheld = {decided[pair] for pair in gone if pair in decided}
        listed = lists(folder, wave)
        assert withheld
        assert not withheld & listed, wave
        assert not gone & {pair for pair, name in decided.items() if name in listed}, wave
        stored = pq.read_table(folder / "waves" / wave / "withheld.parquet")
        assert set(stored["decision_id"].to_pylist()) == withheld, wave
        assert summary.withheld == len(withheld), wave
        total += len(withheld)
        learnable += sum(
            r["decision_id"] not in withheld
            and (r["action"] != 0 or (r["slot"] == 1 and r["placement"] == "outbound"))
            for r in rows
        )
    learned = learn(folder, no_events=True, at=small.AT + (waves + 2) * small.DAY)
    assert learned.decisions == learnable
    return {"waves": waves, "withheld": total, "on a list": 0}


def decisions(folder: Path, wave: str) -> list[dict[str, Any]]:
    """A wave's decisions, without contexts."""
    columns = [
        "decision_id", "customer_id", "channel", "action", "propensity", "placement", "slot",
        "eligible_count", "eligible",
    ]  # fmt: skip
    paths = sorted((folder / "waves" / wave).glob("decisions-*.parquet"))
    return [row for path in paths for row in pq.read_table(path, columns=columns).to_pylist()]


def lists(folder: Path, wave: str) -> set[str]:
    """The decisions on a wave's lists."""
    found = set()
    for path in (folder / "exports" / wave).glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            found |= {row["decision_id"] for row in csv.DictReader(stream)}
    return found


def traces(folder: Path, key: str) -> list[str]:
    """Our files that hold the key's bytes, as UTF-8 or UTF-16, or a row about it in Parquet."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.relative_to(folder).parts[0] not in OURS:
            continue
        content = path.read_bytes()
        seen = any(key.encode(code) in content for code in ("utf-8", "utf-16-le"))
        if path.suffix == ".parquet":
            rows = pq.read_table(path).to_pylist()
            seen = seen or any(key in str(value) for row in rows for value in row.values())
        if seen:
            found.append(str(path.relative_to(folder)))
    return found


def campaign_with_rejects(runs: Runs, folder: Path) -> None:
    """Two waves with refused rows, outcomes that name people, a learned snapshot."""
    text = small.TOML.replace("[policy]", "[limits]\nreject_share = 0.1\n[policy]")
    small.write(folder, toml=text)
    rows = (folder / "customers.csv").read_text(encoding="utf-8").splitlines()
    for number in (3, 7, 8):
        rows[number + 1] = rows[number + 1].replace(",", ",no age ", 1)
    (folder / "customers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    delivered: list[dict[str, object]] = []
    for day in (0, 1):
        at = at_text(small.AT + day * small.DAY)
        result = runs.bandit("serve-batch", folder, "--at", at)
        assert result.code == 0, result.stderr
        events = small.outcomes(folder, at[:10])
        broken = {**events[0], "event_id": f"{small.key(5)}/click", "reward": "much"}
        stranger = {**events[1], "event_id": f"of {small.key(9)}", "decision_id": "none.1"}
        delivered += [*events, broken, stranger]
    (folder / "delivered.csv").write_text(small.as_csv(delivered), encoding="utf-8")
    arguments = ("--outcomes", folder / "delivered.csv", "--at", crash.LATER[:19])
    result = runs.bandit("learn", folder, *arguments)
    assert result.code == 0, result.stderr


def forget(runs: Runs, scratch: Path, crashes: int, seed: int) -> dict[str, int]:
    """Forget customers, some of the runs killed or failing; then learn and serve again."""
    draw = random.Random(seed)
    before = scratch / "before-forget"
    campaign_with_rejects(runs, before)
    keys = [small.key(i) for i in (3, 5, 7, 9, 20, 21)]
    held = {key: traces(before, key) for key in keys}
    assert all(held.values()), held
    case = crash.Case(runs, scratch, before, "forget", *keys)
    assert not [t for key in keys for t in traces(case.folder, key)]
    posteriors = {n: d for n, d in case.after.items() if n.startswith("snapshots/")}
    assert posteriors == {n: d for n, d in case.untouched.items() if n.startswith("snapshots/")}
    tally = crash.kills(case, crashes, seed)
    points = [draw.randrange(len(case.calls)) for _ in range(crashes)]
    failed = 0
    for at in points:
        case.reset()
        result = case.run(fault=Fault(case.folder, at, Mode.FAIL_ONCE, 5))
        crash.hold_told(f"call {at}", result)
        case.hold_same(f"forget failed at call {at}, {case.calls[at]}")
        failed += 1
    _goes_on(runs, case.folder, keys)
    return {"keys": len(keys), "kills": tally.runs, "failures": failed, "traces": 0}


def _goes_on(runs: Runs, folder: Path, keys: list[str]) -> None:
    """After it, the campaign learns and serves; deleted at the source, they do not come back."""
    for name in ("customers.csv", "consents.csv"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith(tuple(keys))]
        (folder / name).write_text("\n".join(kept) + "\n", encoding="utf-8")
    later = small.AT + 3 * small.DAY
    learned = runs.bandit("learn", folder, "--at", later.isoformat()[:19])
    assert learned.code == 0, learned.stderr
    served = runs.bandit("serve-batch", folder, "--at", later.isoformat()[:19])
    assert served.code == 0, served.stderr
    assert not [t for key in keys for t in traces(folder, key)]


def fresh(folder: Path) -> Path:
    """An empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def at_text(at: dt.datetime) -> str:
    """A time as the command line takes it."""
    return at.isoformat()[:19]
