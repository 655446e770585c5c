"""`bandit what-if`: what a wave would be worth at other sizes of one limit."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bandit import __version__
from bandit.allocation.what_if import what_if as table
from bandit.config import campaign_file
from bandit.core.errors import UsageError
from bandit.core.types import SILENT, Progress
from bandit.render import render
from bandit.render.tables import what_if_tables
from bandit.render.what_if_page import write_what_if
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.judge.job import REPORTS
from bandit.workflows.serve import limits, overrides, plan, pricing, reading
from bandit.workflows.serve.contact_history import Past
from bandit.workflows.serve.starting_point import starting_point
from bandit.workflows.serve.wave import Run, Wave

MOST_CUSTOMERS = 500_000


@dataclass(frozen=True)
class WhatIfPoint:
    """``value``: the best that any allocation could reach at ``most``, in the campaign's unit."""

    most: float
    value: float
    price: float
    used: float


@dataclass(frozen=True)
class WhatIf:
    """``customers`` of ``total`` were looked at; values are scaled to all.

    ``now`` is the limit as it is, None where there is none.
    """

    limit: str
    now: float | None
    unit: str
    customers: int
    total: int
    points: list[WhatIfPoint]
    report: Path | None = None
    notes: list[str] = field(default_factory=list)

    def show(self) -> Any:
        """Tables for a terminal."""
        return what_if_tables(self)


def what_if(
    campaign_path: Path,
    *,
    limit: str,
    low: float,
    high: float,
    points: int = 7,
    out: Path | None = None,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> WhatIf:
    """Value against one limit from ``low`` to ``high``, the others as they are.

    Draws it into ``out`` (reports/what-if/<limit>); nothing else is written.
    """
    if not 0 <= low <= high or points < 1:
        raise UsageError(f"--from {low:g} --to {high:g}: give 0 <= from <= to")
    campaign = campaign_file.load(campaign_path)
    at = at or plan.midnight()
    past = Past.of(campaign, at)
    with ExitStack() as stack:
        progress.step("opening sources")
        data = stack.enter_context(database.connect(campaign, extra_files=past.files))
        catalogue = load_catalogue(campaign, data)
        key = overrides.resolve(catalogue, limit)
        now = overrides.current(campaign, catalogue, key)
        setting = overrides.parse(f"{key}={high}")
        campaign, catalogue = overrides.apply(campaign, catalogue, [setting])
        start = starting_point(campaign, data, None, at)
        run = Run(campaign, plan.wave_name(None, at), at, campaign.seed, dry_run=True)
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        caps = limits.of(campaign, catalogue, wave.plan)
        rejects: list[customers.Reject] = []
        batches = reading.prepared(wave, data, past, rejects)
        spool = reading.spooled(stack, batches, data.count("customers"), progress)
        progress.step("solving")
        share = min(1.0, MOST_CUSTOMERS / max(spool.customers, 1))
        found = table(
            pricing.Customers(wave, spool).blocks,
            spool.customers,
            caps.usage,
            caps.most,
            caps.names.index(_resource(key)),
            np.linspace(low, high, points),
            minimums=caps.least,
            slots=campaign.pressure.slots,
            exclusive=pricing.exclusive(wave),
            share=share,
        )
    result = WhatIf(
        limit=key,
        now=now,
        unit=campaign.reward.unit,
        customers=round(share * spool.customers),
        total=spool.customers,
        points=[WhatIfPoint(p.limit, p.value, p.price, p.used) for p in found],
    )
    progress.step("drawing the report")
    return _reported(result, out or campaign.folder / REPORTS / "what-if" / key)


def _reported(result: WhatIf, folder: Path) -> WhatIf:
    """Draw the page; without the extra, say so."""
    try:
        render.need()
    except render.MissingExtraError as missing:
        return replace(result, notes=[*result.notes, f"no report was written: {missing}"])
    return replace(result, report=write_what_if(folder, result, f"bandit {__version__}, what-if"))


def _resource(key: str) -> str:
    """The resource that a limit is of: an offer's contacts have a most and a least."""
    for end in (".max_contacts", ".min_contacts"):
        if key.startswith("offers.") and key.endswith(end):
            return key.removesuffix(end) + ".contacts"
    return key
