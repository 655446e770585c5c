"""A wave at the size it is made for: `python -m bench.large_wave [--customers N] [--offers M]`.

A generated operator with five channels, capacities for four of them, budgets or most contacts for
a fifth of its offers, an embedding of 32 numbers a customer, and a snapshot that 400,000 decisions
taught, each counted `--practice` times. The wave is run and published whole in a process of its
own, after a small one that has the kernels compiled; time by step, peak memory and gap go to
bench/results/large_wave.md and .json. With `--engine spark=MASTER` it runs on this machine alone
first and then there, and the files, called large_wave_spark, compare the two.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from bandit.cli import lean
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record import snapshots
from bandit.record import waves as record
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.worlds.files import Plan
from bandit.worlds.operator import World
from bench.keep import about, keep
from bench.machine import describe
from bench.memory import Memory

OWN = ("kind", "campaign", "actions", "features", "parent", "files", "sha256")
TEACHERS = 400_000
AT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
SHARES = {"email": 0.25, "sms": 0.1, "call": 0.01, "post": 0.02}
MOST_OF_AN_OFFER = 0.004
EMBEDDING = 32
SERVED = Plan(shares=(("rules", 0.2), ("lin_ts", 0.8)), alpha=1.0)


class Steps:
    """When each step began."""

    def __init__(self) -> None:
        self.began = [("starting", time.perf_counter())]

    def step(self, text: str, total: int | None = None) -> None:
        """A new step."""
        del total
        self.began.append((text, time.perf_counter()))

    def advance(self, count: int) -> None:
        """Within a step nothing is timed."""


def _taught(folder: Path, offers: int) -> World:
    """A small campaign of the same offers, with a snapshot that it learned and limits."""
    world = World(customers=TEACHERS, offers=offers, channels=5, seed=0)
    plan = Plan(shares=(("uniform", 1.0),), exploration=0.0)
    world.write(folder, plan=plan, embedding=EMBEDDING)
    serve_batch(folder, wave="taught", at=world.origin)
    files = sorted((folder / record.WAVES / "taught").glob("decisions-*"))
    columns = ["decision_id", "customer_id", "slot", "offer", "channel"]
    events = folder / "events.parquet"
    pq.write_table(world.respond(pq.read_table(files, columns=columns), world.origin), events)
    learn(folder, outcomes=events, at=world.origin + dt.timedelta(days=14))
    return world


def _practised(small: Path, large: Path, times: int) -> None:
    """The small campaign's snapshot as if each of its decisions had been made so many times."""
    known = snapshots.load(small, "000001")
    once = load_posterior(known.posterior_file())
    sums = ("gram", "shift", "count", "reward_sum", "square_sum")
    often = replace(once, **{name: times * getattr(once, name) for name in sums})
    folder = large / snapshots.SNAPSHOTS / known.version
    folder.mkdir(parents=True)
    fold = known.manifest.fold
    if fold is None:
        raise SystemExit("the small campaign's snapshot folds nothing")
    about = {"unit": known.manifest.unit, "fold": fold.model_dump()}
    snapshots.fill(
        folder,
        known.version,
        save=partial(save_posterior, posterior=often),
        actions=known.actions,
        features=known.features,
        parent=None,
        campaign="campaign.toml",
        about=about,
    )


def prepare(folder: Path, customers: int, offers: int, times: int) -> None:
    """Write the campaign and beside it a small one, both ready for a wave with limits."""
    small = folder / "small"
    _taught(small, offers)
    large = folder / "large"
    world = World(customers=customers, offers=offers, channels=5, seed=0)
    world.write(large, plan=SERVED, embedding=EMBEDDING)
    _practised(small, large, times)
    shutil.rmtree(small / "snapshots")
    shutil.copytree(large / "snapshots", small / "snapshots")
    for one, size in ((small, TEACHERS), (large, customers)):
        shutil.rmtree(one / "waves", ignore_errors=True)
        limit(one, size)


def limit(folder: Path, customers: int) -> None:
    """Capacities of channels, and for every fifth offer a budget in money or in contacts."""
    config = folder / "campaign.toml"
    text = config.read_text()
    for channel, share in SHARES.items():
        line = f'[[channel]]\nname = "{channel}"\n'
        text = text.replace(line, f"{line}capacity = {int(customers * share)}\n")
    config.write_text(text)
    if "[[offer]]" in text:
        return  # few offers stand in the configuration; the channels' limits are enough for them
    most = int(customers * MOST_OF_AN_OFFER)
    with duckdb.connect(folder / "customers.duckdb") as database:
        for column, kind, amount, place in (
            ("max_contacts", "BIGINT", most, 0),
            ("budget", "DOUBLE", most * 0.2, 5),
        ):
            database.execute(f"ALTER TABLE offers ADD COLUMN IF NOT EXISTS {column} {kind}")
            database.execute(
                f"UPDATE offers SET {column} = ? WHERE rowid % 10 = ?", [amount, place]
            )


def run(folder: Path, threads: int | None, engine: str | None) -> dict[str, Any]:
    """The wave, in this process, as the command begins it."""
    shutil.rmtree(folder / "large" / "waves" / "large", ignore_errors=True)
    shutil.rmtree(folder / "large" / "exports", ignore_errors=True)
    steps = Steps()
    lean.SHORT.own = True
    lean.spare()
    with Memory() as memory:
        summary = serve_batch(
            folder / "large", wave="large", at=AT, threads=threads, engine=engine, progress=steps
        )
    steps.step("done")
    seconds = {name: after - began for (name, began), (_, after) in pairwise(steps.began)}
    size = sum(f.stat().st_size for f in (folder / "large" / "waves" / "large").iterdir())
    return {
        "seconds": seconds,
        "total_s": sum(seconds.values()),
        "private_bytes": memory.private,
        "memory": memory.words(),
        "wave_bytes": size,
        "contacted": sum(summary.contacts.values()),
        "gap": summary.gap,
        "cluster": None if summary.cluster is None else summary.cluster.told,
    }


def markdown(found: dict[str, Any]) -> str:
    """What is shown and kept."""
    lines = [
        f"# A wave of {found['customers']:,} customers × {found['pairs']:,} pairs",
        "",
        "`python -m bench.large_wave` wrote this. LinTS beside rules, exact propensities, limits on"
        " four channels and a fifth of the offers; read, decided, published, lists written. The"
        f" snapshot holds what {found['practice']:,} decisions taught.",
        "",
        "| step | seconds | share |",
        "|---|---:|---:|",
    ]
    total = found["total_s"]
    lines += [
        f"| {name} | {seconds:.1f} | {seconds / total:.0%} |"
        for name, seconds in found["seconds"].items()
    ]
    lines += [
        f"| **all** | **{total:.1f}** | |",
        "",
        f"Peak memory {found['memory']}; gap {found['gap']:.4%}; the wave's files"
        f" {found['wave_bytes'] / 1e9:.2f} GB; {found['contacted']:,} contacts."
        f"{_compared(found)} {about(found['machine'])}.",
        "",
    ]
    return "\n".join(lines)


def _compared(found: dict[str, Any]) -> str:
    """What the cluster did, and how long this machine alone takes."""
    if found["cluster"] is None:
        return ""
    alone = found["alone_s"]
    return (
        f" {found['cluster']}. This machine alone takes {alone:.1f} s, so that the cluster on it"
        f" takes {found['total_s'] / alone:.2f} times as long."
    )


def main() -> None:
    """Prepare where nothing is, run in a child, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--offers", type=int, default=200)
    parser.add_argument("--practice", type=int, default=50, help="how often each decision counts")
    parser.add_argument("--folder", type=Path, help="keep the input here, or take it from here")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--engine", help="local, or spark[=MASTER]")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        json.dump(run(given.folder, given.threads, given.engine), sys.stdout)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        if not (folder / "large").exists():
            prepare(folder, given.customers, given.offers, given.practice)
        small = [sys.executable, "-m", "bandit", "serve-batch", str(folder / "small"), "--dry-run"]
        warm = [*small, "--wave", "warm", "--at", AT.date().isoformat()]
        subprocess.run(warm, stdout=subprocess.DEVNULL, check=True)
        alone = _measured(folder, given.threads, None)
        apart = _measured(folder, given.threads, given.engine) if given.engine else alone
    found = {
        "customers": given.customers,
        "pairs": given.offers * 5,
        "practice": given.practice * TEACHERS,
        "machine": describe(),
        "alone_s": alone["total_s"],
        **apart,
    }
    keep("large_wave_spark" if found["cluster"] else "large_wave", found, markdown(found))


def _measured(folder: Path, threads: int | None, engine: str | None) -> dict[str, Any]:
    """The wave in a process of its own, and what it says of itself."""
    command = [sys.executable, "-m", "bench.large_wave", "--child", "--folder", str(folder)]
    command += ["--threads", str(threads)] if threads else []
    command += ["--engine", engine] if engine else []
    child = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    told: dict[str, Any] = json.loads(child.stdout)
    return told


if __name__ == "__main__":
    main()
