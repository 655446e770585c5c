"""One person's page as an HTML file that only its owner can read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bandit.core import files
from bandit.core.days import shown_minute
from bandit.core.version import VERSION
from bandit.render import render
from bandit.render.customer_tables import (
    consent_texts,
    limit_texts,
    open_rows,
    prefers_text,
    trait_text,
    what_text,
    why_text,
)
from bandit.results.customer import CustomerPage


def with_customer_page(result: CustomerPage, path: Path) -> CustomerPage:
    """Write the page of ``result`` to ``path``, mode 0600; the result with its path."""
    render.need()
    content = {
        "title": f"Customer {result.customer}",
        "words": result.words,
        "facts": {
            "campaign": result.campaign,
            "as of": f"{shown_minute(result.at, result.time_zone)} {result.time_zone}",
            **{
                f"consent, {channel}": text
                for channel, text in consent_texts(result).items()
            },
            **({"channels": prefers_text(result.prefers, result.unit)} if result.prefers else {}),
        },
        "notes": result.notes,
        "open_heads": ["offer", "channel", "mean", "value", "cost", "price",
                       f"worth, {result.unit}"],
        "open": open_rows(result) if result.open else [],
        "shut": {rule: ", ".join(names) for rule, names in result.shut.items()},
        "limits": limit_texts(result) if result.limits else {},
        "timeline": [
            [shown_minute(m.at, result.time_zone), what_text(m), why_text(m)]
            for m in result.timeline
        ],
        "traits": {t.name: trait_text(t) for t in result.traits},
        "groups": result.groups,
        "figures": [],
        "made_by": f"bandit {VERSION}, customer",
    }  # fmt: skip
    files.write_bytes(path, render.page("customer.html", content).encode())
    return replace(result, page=path)
