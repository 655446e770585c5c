"""What sharing costs: `python -m bench.learning [--customers N] [--rounds N] [--kinds|--logit]`.

A generated operator with 100 pairs and 37 features decides once about its customers and learns from
all of them: sums, the strengths by their evidence, the snapshot. Then the next wave is served by
that snapshot, pairs sharing and each alone (`[model] share = false`), in turns; medians of the
ratio of both. A first round, in which kernels may be compiled, is not counted. ``--kinds``: sale,
refusal and unsubscription each a model of its own; ``--logit``: the same with counts through the
curve; ``--scores``: with a score of each offer, which pairs that learn alone have not, so no ratio.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from bandit.record import waves as record
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.worlds.files import Plan
from bandit.worlds.operator import World

WINDOW = dt.timedelta(days=14)
ALONE = "[model]\nshare = false\n"
KINDS = """no_contact_value = 0.0

[reward.events]
sale = "value"
refusal = -8.0
unsubscribe = -8.0

[pressure]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--scores", action="store_true")
    parser.add_argument("--logit", action="store_true")
    wanted = parser.parse_args()
    scores = 20 if wanted.scores else 0
    world = World(wanted.customers, offers=20, channels=5, seed=0, scores=scores)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "shared"
        kinds = wanted.kinds or wanted.scores or wanted.logit
        events = _decided(world, folder, kinds=kinds, link="logit" if wanted.logit else "identity")
        at = world.origin + WINDOW
        told = _timed(lambda: learn(folder, outcomes=events, at=at))
        print(f"learn of {wanted.customers:,} decisions: {told[0]:.1f} s, processor {told[1]:.1f}")
        ratios = []
        for number in range(0 if wanted.scores else wanted.rounds + 1):
            found = {}
            for name in ("shared", "alone"):
                home = Path(scratch) / f"{name}-{number}"
                shutil.copytree(folder, home)
                if name == "alone":
                    file = home / "campaign.toml"
                    file.write_text(re.sub(r"\[model\]\n.*\n", ALONE, file.read_text()))
                found[name] = _timed(partial(serve_batch, home, wave="w1", at=at))[1]
                shutil.rmtree(home)
            spent = f"shared {found['shared']:.1f} s, alone {found['alone']:.1f} s"
            if number == 0:
                print(f"first wave, processor: {spent} (not counted)")
                continue
            ratios.append(found["shared"] / found["alone"])
            print(f"wave, processor: {spent}")
        if ratios:
            middle = statistics.median(ratios)
            print(f"a wave of pairs that share takes {middle:.2f} times that of each alone")


def _decided(world: World, folder: Path, *, kinds: bool, link: str) -> Path:
    """A campaign that has decided once, and the file of what came of it."""
    plan = Plan(shares=(("lin_ts", 1.0),), holdout=0.05, exploration=0.5)
    world.write(folder, plan=plan)
    file, told = folder / "campaign.toml", world.assortment
    file.write_text(f'{file.read_text()}\n[model]\nlink = "{link}"\n')
    if kinds:
        text = file.read_text().replace("[pressure]\n", KINDS)
        for name, margin in zip(told.offers, told.margin_eur.tolist(), strict=True):
            offer = f'[[offer]]\nname = "{name}"\n'
            text = text.replace(offer, f"{offer}value = {margin}\n")
        file.write_text(text)
    serve_batch(folder, wave="w0", at=world.origin)
    files = sorted((folder / record.WAVES / "w0").glob("decisions-*"))
    columns = ["decision_id", "customer_id", "slot", "offer", "channel"]
    events = folder / "events.parquet"
    pq.write_table(world.respond(pq.read_table(files, columns=columns), world.origin), events)
    return events


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    clock, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - used


if __name__ == "__main__":
    main()
