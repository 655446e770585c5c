"""`python -m simulations.propensities [--redraws N]` writes the result into the README."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from simulations.propensities.analysis import report
from simulations.propensities.environment import constrained
from simulations.propensities.sweep import judged, own_weights, redraw

MARK = "<!-- generated below -->\n"
CUSTOMERS = 200
TIGHT = ("channels.email.capacity=40", "channels.sms.capacity=25", "limits.max_contacts=90")
FREE = ("limits.max_contacts=1000000",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redraws", type=int, default=5000)
    parser.add_argument("--logged", type=int, default=20_000)
    parser.add_argument("--logs", type=int, default=40)
    wanted = parser.parse_args()
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
    readme = Path(__file__).parent / "README.md"
    head = readme.read_text(encoding="utf-8").split(MARK)[0]
    readme.write_text(head + MARK + text, encoding="utf-8")


if __name__ == "__main__":
    main()
