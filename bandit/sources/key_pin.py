"""The kind of the customers' key: the first wave's, whatever the source looks like on a later day.

Holdout and shares are drawn by the key. Were it a number on one day and text on another, since one
row says `0999`, everybody's group would be drawn anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.core.schema import WAVES


def pinned(folder: Path) -> str | None:
    """BIGINT or VARCHAR, or None before the first wave of a campaign's own."""
    found = []
    for manifest in (folder / WAVES).glob("*/manifest.json"):
        if manifest.parent.name.startswith("."):
            continue
        content = _content(manifest)
        # A log may come without customers, so its rows pin nothing.
        if content.get("kind") == "wave":
            found.append((str(content.get("at", "")), manifest.parent))
    for _, wave in sorted(found):
        for decisions in sorted(wave.glob("decisions-*.parquet")):
            kind = _kind(decisions)
            if kind is not None:
                return kind
    return None


def _content(manifest: Path) -> dict[str, object]:
    """A manifest that cannot be read is told by those who need what it says."""
    try:
        found = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _kind(decisions: Path) -> str | None:
    try:
        key = pq.read_schema(decisions).field("customer_id").type
    except (OSError, KeyError, pa.ArrowException):
        return None
    return "BIGINT" if pa.types.is_integer(key) else "VARCHAR"
