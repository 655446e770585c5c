"""A campaign with triggers, and events for it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests import campaigns
from tests.lives import NOON

TRIGGERS = """
[[trigger]]
name = "basket"
event = "basket_left"
condition = "region <> 'east'"
offers = ["cable", "music"]
channels = ["email"]
quiet_minutes = 60.0
{basket}
[[trigger]]
name = "anybody"
event = "Basket_Left"
[[trigger]]
name = "later"
event = "contract_ends"
delay_minutes = 30.0
expiry_minutes = 60.0
"""


def write(
    folder: Path,
    *,
    customers: int = 300,
    pressure: str = "slots = 2",
    basket: str = "",
    more: str = "",
) -> Path:
    """A campaign that heeds baskets left, at once, and contracts, later."""
    more = TRIGGERS.format(basket=basket) + more
    return campaigns.write(folder, customers=customers, pressure=pressure, more=more)


def event(
    number: int | str, customer: int | str, kind: str = "basket_left", minutes: float = 0.0
) -> dict[str, Any]:
    """An event, ``minutes`` before noon."""
    at = NOON - dt.timedelta(minutes=minutes)
    return {"event_id": f"e{number}", "event": kind, "customer": customer, "at": at.isoformat()}


def file(path: Path, rows: Iterable[dict[str, Any] | str]) -> Path:
    """A file of events."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def outbox(folder: Path) -> list[dict[str, Any]]:
    """All lines of the outbox."""
    paths = sorted((folder / "outbox").rglob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]
