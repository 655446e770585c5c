"""`python purchases.py FILE`: 12,000 purchases of the 2,000 customers that `bandit init` writes."""

from __future__ import annotations

import csv
import datetime as dt
import random
import sys
from pathlib import Path

FIRST_DAY = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
COLUMNS = ["customer_id", "bought_at", "loaded_at", "amount_eur", "items", "shop"]


def main(file: str) -> None:
    """Write them as CSV: each is in the warehouse some hours after it was made."""
    draw = random.Random(7)  # noqa: S311 - an example, no secret
    with Path(file).open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(COLUMNS)
        for _ in range(12_000):
            bought = FIRST_DAY + dt.timedelta(minutes=draw.randrange(370 * 24 * 60))
            loaded = bought + dt.timedelta(hours=draw.randrange(2, 40))
            items = draw.randrange(1, 6)
            rows.writerow([
                min(int(draw.expovariate(1 / 700)) + 1, 2_000),
                bought.strftime("%Y-%m-%d %H:%M"),
                loaded.strftime("%Y-%m-%d %H:%M"),
                f"{items * draw.uniform(4, 30):.2f}",
                items,
                draw.choice(["web", "web", "store"]),
            ])  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
