"""One customer's page at size: `python -m bench.customer [--customers N] [--events M]`.

Makes Parquet files of so many customers and events, a campaign with thirty variables over them and
a wave of all customers; then `bandit customer --json` of customers with many, some and no events,
each command as a user starts it: Python's bytecode is there, also where this process was told to
write none. Seconds go to bench/results/customer.md and .json, unless `--only-shown`. `--folder`
keeps the campaign, and takes one up that is there.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.config.tables import Source
from bandit.sources import database, event_index
from bandit.workflows.serve.serve_batch import serve_batch
from bench import variables
from bench.keep import about, keep
from bench.machine import describe

ROUNDS = 5


def prepare(folder: Path, customers: int, events: int, memory: int) -> None:
    """The files and a wave."""
    folder.mkdir(parents=True, exist_ok=True)
    variables.write(folder, customers, events, memory, spread=True)
    campaign = folder / "campaign.toml"
    text = campaign.read_text(encoding="utf-8")
    for old, new in (
        ('["age"]', '["age", "spent90", "n365", "since"]'),
        ('name = "email"', 'name = "email"\nconsent = false'),
    ):
        text = text.replace(old, new)
    campaign.write_text(text, encoding="utf-8")
    serve_batch(folder, wave="first", at=variables.AT)


def indexed(folder: Path) -> tuple[float, float]:
    """Processor seconds of making the index of events anew, and its size in MB."""
    event_index.keep_only(folder)
    campaign = campaign_file.load(folder)
    with database.connect(campaign, roles=("customers",), more=_events(campaign)) as data:
        source = event_index.asked(data, "source.purchases", "customer_id", "BIGINT")
        began = time.process_time()
        if source is not None:
            event_index.build(data, folder, source)
        used = time.process_time() - began
    files = [*(folder / event_index.FOLDER).rglob("*")]
    return used, sum(f.stat().st_size for f in files if f.is_file()) / 1e6


def _events(campaign: Campaign) -> dict[str, Source]:
    return {source.role: source for source in campaign.source}


def ask(folder: Path, customer: int) -> tuple[float, float]:
    """Seconds of the command, and seconds of processors."""
    started = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began, used = time.perf_counter(), _used()
    subprocess.run(
        [sys.executable, "-m", "bandit", "customer", str(folder), str(customer), "--json",
         "--at", variables.AT.date().isoformat()],
        check=True, capture_output=True, env=started,
    )  # fmt: skip
    return time.perf_counter() - began, _used() - used


def _used() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _row(seconds: list[tuple[float, ...]]) -> str:
    clock, used = seconds
    shown = (statistics.median(clock), min(clock), max(clock), statistics.median(used))
    return " | ".join(f"{second:.2f}" for second in shown)


def main() -> None:
    """Make what is not there, ask, keep."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=1_000_000)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--memory-mb", type=int, default=3_000)
    options.add_argument("--folder", type=Path)
    options.add_argument("--only-shown", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        if not (folder / "waves" / "first").is_dir():
            prepare(folder, given.customers, given.events, given.memory_mb)
        used, size = indexed(folder)
        asked = {"many": 1, "some": given.customers // 2, "few": given.customers - 1}
        ask(folder, 1)
        found = {
            name: [ask(folder, customer) for _ in range(ROUNDS)] for name, customer in asked.items()
        }
    machine = describe()
    lines = [f"| {name} | {_row([*zip(*rounds, strict=True)])} |" for name, rounds in found.items()]
    text = "\n".join(
        [
            "# A customer's page",
            "",
            about(machine),
            "",
            f"`bandit customer --json` of {given.customers:,} customers with {given.events:,}"
            f" events, thirty variables and a wave of all; seconds of {ROUNDS} commands.",
            "",
            f"The index that the wave keeps: {used:.1f} s of a processor, {size:,.0f} MB.",
            "",
            "| events of the customer | median | least | most | processors, median |",
            "|---|---|---|---|---|",
            *lines,
        ]
    )
    if given.only_shown:
        sys.stdout.write(text + "\n")
    else:
        keep("customer", {"machine": machine, "found": found, "index": [used, size]}, text + "\n")


if __name__ == "__main__":
    main()
