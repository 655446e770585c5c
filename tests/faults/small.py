"""A campaign of a few hundred customers, its files and the time it runs at."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import random
from collections.abc import Iterable
from pathlib import Path

import pyarrow.parquet as pq

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
CHANNELS = ("email", "sms")
NOT_COMPARED = {"index.duckdb", ".lock", "journal.jsonl", "newest.json"}
"""An index is compared by what it answers, a lock file has no content, and what is noted of the
newest is behind where the disk refused it: the next command makes it good."""

TOML = """
name = "faults"
seed = 7
[customers]
source = "customers.csv"
[features]
numeric = ["age", "spend"]
boolean = ["member"]
categorical = ["city"]
date = ["joined"]
[consents]
source = "consents.csv"
[reward]
window_days = 1.0
ridge = 10.0
[pressure]
slots = 2
refusal_days = 3
same_offer_days = 2
quiet_days = 0.5
[policy]
holdout = 0.1
exploration = 0.1
[[policy.share]]
policy = "rules"
share = 0.3
[[policy.share]]
policy = "lin_ts"
share = 0.7
[[offer]]
name = "shoes"
eligible = "age >= 30"
value = 5
cost = 0.01
[[offer]]
name = "hats"
value = "2 + spend / 10"
[[offer]]
name = "books"
[[channel]]
name = "email"
cost = 0.01
[[channel]]
name = "sms"
cost = 0.05
[[channel]]
name = "shop"
kind = "inbound"
consent = false
ranks = 2
"""

REGROUPED = TOML.replace("[policy]\n", '[policy]\nregroup = "every_wave"\n')
"""Groups drawn anew each wave, so that contact pressure tells nothing of them (ADR 14)."""


def key(number: int) -> str:
    """A customer's key: text that stands nowhere by chance."""
    return f"Kunde-{number:05d}-ü"


def write(folder: Path, customers: int = 300, toml: str = TOML) -> Path:
    """The campaign's files; the same ones each time."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(5)
    rows = [
        {
            "customer_id": key(i),
            "age": draw.randint(18, 80),
            "spend": round(draw.expovariate(0.1), 2),
            "member": draw.random() < 0.5,
            "city": draw.choice(["Bern", "Basel", "Zug"]),
            "joined": f"20{draw.randint(10, 25)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}",
        }
        for i in range(customers)
    ]
    (folder / "customers.csv").write_text(as_csv(rows), encoding="utf-8")
    agreed = [
        (key(i), channel, draw.random() < 0.9) for i in range(customers) for channel in CHANNELS
    ]
    write_consents(folder, agreed)
    (folder / "campaign.toml").write_text(toml, encoding="utf-8")
    return folder


def write_consents(folder: Path, agreed: Iterable[tuple[str, str, bool]]) -> None:
    """consents.csv, replaced in one step."""
    rows = [{"customer_id": c, "channel": ch, "granted": g} for c, ch, g in agreed]
    partial = folder / "consents.new"
    partial.write_text(as_csv(rows), encoding="utf-8")
    partial.replace(folder / "consents.csv")


def consents(folder: Path) -> list[tuple[str, str, bool]]:
    """What consents.csv says."""
    with (folder / "consents.csv").open(encoding="utf-8", newline="") as stream:
        return [
            (r["customer_id"], r["channel"], r["granted"] == "True") for r in csv.DictReader(stream)
        ]


def as_csv(rows: list[dict[str, object]]) -> str:
    """Rows with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def outcomes(folder: Path, wave: str, seed: int = 1) -> list[dict[str, object]]:
    """Outcomes of a published wave: some by decision, some by customer, a few refusals."""
    draw = random.Random(f"{wave}/{seed}")
    found: list[dict[str, object]] = []
    for path in sorted((folder / "waves" / wave).glob("decisions-*.parquet")):
        table = pq.read_table(path, columns=["decision_id", "customer_id", "action", "decided_at"])
        for row in table.to_pylist():
            chance = draw.random()
            if chance > 0.25:
                continue
            by_decision = row["action"] > 0 and chance < 0.2
            at = row["decided_at"] + dt.timedelta(hours=draw.uniform(0, 30))
            found.append({
                "event_id": f"event-{wave}-{len(found)}",
                "decision_id": row["decision_id"] if by_decision else "",
                "customer_id": "" if by_decision else row["customer_id"],
                "event": "refusal" if chance < 0.01 else "sale",
                "reward": 0 if chance < 0.01 else round(draw.expovariate(0.5), 2),
                "occurred_at": at.strftime("%Y-%m-%d %H:%M:%S+00"),
            })  # fmt: skip
    return found


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of its bytes, and every empty folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and name not in NOT_COMPARED:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.is_dir() and not any(path.iterdir()):
            found[name] = "empty folder"
    return found
