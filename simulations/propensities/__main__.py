"""`python -m simulations.propensities [--redraws N] [--kinds|--whole|--live|--days]`: the README.

With ``--kinds`` the part on three kinds of events, with ``--whole`` that on counts with scores and
depths, with ``--live`` that on live decisions, with ``--days`` that on whole live days; each takes a
few minutes, and writes nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from simulations.propensities import day, live
from simulations.propensities.analysis import agreement, report
from simulations.propensities.environment import constrained
from simulations.propensities.sweep import judged, own_weights, redraw

MARK = "<!-- generated below -->\n"
LIVE = "<!-- generated with --live -->\n"
DAYS = "<!-- generated with --days -->\n"
DAYS_SAID = "Whole days"
KINDS_SAID = "The same where sale"
KINDS = "<!-- generated with --kinds -->\n"
WHOLE_SAID = "And where sales"
WHOLE = "<!-- generated with --whole -->\n"
README = Path(__file__).parent / "README.md"
CUSTOMERS, MANY = 200, 20_000
TIGHT = ("channels.email.capacity=40", "channels.sms.capacity=25", "limits.max_contacts=90")
FREE = ("limits.max_contacts=1000000",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redraws", type=int, default=5000)
    parser.add_argument("--logged", type=int, default=MANY)
    parser.add_argument("--logs", type=int, default=40)
    parser.add_argument("--kinds", action="store_true")
    parser.add_argument("--whole", action="store_true")
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
    if wanted.kinds or wanted.whole:
        _kinds(wanted.redraws, whole=wanted.whole)
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
    README.write_text(head + DAYS + text + KINDS_SAID + rest.split(KINDS_SAID)[1], encoding="utf-8")


def _kinds(redraws: int, *, whole: bool) -> None:
    asked = {"kinds": not whole, "whole": whole}
    with tempfile.TemporaryDirectory() as scratch:
        loose = constrained(Path(scratch) / "loose", CUSTOMERS, FREE, **asked)
        tight = constrained(Path(scratch) / "tight", CUSTOMERS, TIGHT, **asked)
        caps = (f"channels.email.capacity={MANY // 5}", f"limits.max_contacts={MANY // 2}")
        large = constrained(Path(scratch) / "large", MANY, caps, **asked)
        found = agreement(
            redraw(loose, 4 * redraws), redraw(tight, redraws), own_weights(large, 10)
        )
    text = "\n".join(found) + "\n\n"
    print(text)
    mark, after = (WHOLE, MARK) if whole else (KINDS, WHOLE_SAID)
    head, rest = README.read_text(encoding="utf-8").split(mark)
    README.write_text(head + mark + text + after + rest.split(after)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
