"""`python -m simulations.propensities [--redraws N] [--models|--live|--days]` writes the README.

With ``--models`` the part on every model that a campaign can have, with ``--live`` that on live
decisions, with ``--days`` that on whole live days; each takes some minutes, and writes nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from simulations.propensities import day, live
from simulations.propensities.analysis import models, report
from simulations.propensities.environment import MODELS, constrained
from simulations.propensities.sweep import Modelled, judged, own_weights, redraw

MARK = "<!-- generated below -->\n"
LIVE = "<!-- generated with --live -->\n"
DAYS = "<!-- generated with --days -->\n"
DAYS_SAID = "Whole days"
MODELS_SAID = "The same for every model"
MODELS_MARK = "<!-- generated with --models -->\n"
README = Path(__file__).parent / "README.md"
CUSTOMERS, MANY = 200, 20_000
TIGHT = ("channels.email.capacity=40", "channels.sms.capacity=25", "limits.max_contacts=90")
FREE = ("limits.max_contacts=1000000",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redraws", type=int, default=5000)
    parser.add_argument("--logged", type=int, default=MANY)
    parser.add_argument("--logs", type=int, default=40)
    parser.add_argument("--models", action="store_true")
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--days", action="store_true")
    parser.add_argument("--customers", type=int, default=20_000, help="of --days")
    wanted = parser.parse_args()
    if wanted.live:
        _live(wanted.redraws)
        return
    if wanted.days:
        _days(wanted.customers)
        return
    if wanted.models:
        _models(wanted.redraws)
        return
    with tempfile.TemporaryDirectory() as scratch:
        loose = constrained(Path(scratch) / "loose", CUSTOMERS, FREE)
        tight = constrained(Path(scratch) / "tight", CUSTOMERS, TIGHT)
        caps = (
            f"channels.email.capacity={wanted.logged // 5}",
            f"limits.max_contacts={wanted.logged // 2}",
        )
        large = constrained(Path(scratch) / "large", wanted.logged, caps)
        text = report(
            redraw(loose, 4 * wanted.redraws),
            redraw(tight, wanted.redraws),
            own_weights(large, 10),
            judged(large, wanted.logs),
        )
    print(text)
    head = README.read_text(encoding="utf-8").split(MARK)[0]
    README.write_text(head + MARK + text, encoding="utf-8")


def _live(redraws: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        loose = constrained(Path(scratch) / "loose", CUSTOMERS, FREE)
        tight = constrained(Path(scratch) / "tight", CUSTOMERS, TIGHT)
        found = live.drawn(loose, 4 * redraws)
        capped, passed = live.weights(tight, redraws // 25)
    text = live.report(found, capped, passed)
    print(text)
    head, rest = README.read_text(encoding="utf-8").split(LIVE)
    README.write_text(head + LIVE + text + DAYS_SAID + rest.split(DAYS_SAID)[1], encoding="utf-8")


def _days(customers: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        text = day.report(list(day.days(Path(scratch), customers)))
    print(text)
    head, rest = README.read_text(encoding="utf-8").split(DAYS)
    README.write_text(
        head + DAYS + text + MODELS_SAID + rest.split(MODELS_SAID)[1], encoding="utf-8"
    )


def _models(redraws: int) -> None:
    found: list[Modelled] = []
    caps = (f"channels.email.capacity={MANY // 5}", f"limits.max_contacts={MANY // 2}")
    for name in MODELS:
        with tempfile.TemporaryDirectory() as scratch:
            loose = constrained(Path(scratch) / "loose", CUSTOMERS, FREE, name)
            tight = constrained(Path(scratch) / "tight", CUSTOMERS, TIGHT, name)
            large = constrained(Path(scratch) / "large", MANY, caps, name)
            drawn = redraw(loose, 4 * redraws), redraw(tight, redraws)
            found.append(Modelled(name, *drawn, own_weights(large, 10)))
        print(f"{name}: drawn", file=sys.stderr, flush=True)
        head, rest = README.read_text(encoding="utf-8").split(MODELS_MARK)
        text = head + MODELS_MARK + models(found) + MARK + rest.split(MARK)[1]
        README.write_text(text, encoding="utf-8")
    print(models(found))


if __name__ == "__main__":
    main()
