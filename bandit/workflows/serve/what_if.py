"""`bandit what-if`: what a wave would be worth at other sizes of one limit."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from bandit.allocation.what_if import what_if as table
from bandit.config import campaign_file
from bandit.core import spill
from bandit.core.days import acting_at
from bandit.core.errors import UsageError
from bandit.core.types import SILENT, Progress
from bandit.features.drift import Drift
from bandit.record import rejects
from bandit.record.rejects import Rejects
from bandit.record.steady import steady
from bandit.results.serve import WhatIf, WhatIfPoint
from bandit.sources import customers, database
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.judge.job import REPORTS
from bandit.workflows.serve import (
    limits,
    overrides,
    pinned,
    plan,
    pricing,
    reading,
    taking_part,
)
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.overrides import Setting
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.wave import Run, Wave

MOST_CUSTOMERS = 500_000


@steady
def what_if(
    campaign_path: Path,
    *,
    limit: str,
    low: float,
    high: float,
    points: int = 7,
    at: dt.datetime | None = None,
    progress: Progress = SILENT,
) -> WhatIf:
    """Value against one limit from ``low`` to ``high``, the others as they are; writes nothing."""
    if not 0 <= low <= high or points < 1:
        raise UsageError(f"--from {low:g} --to {high:g}: give 0 <= from <= to")
    campaign = campaign_file.load(campaign_path)
    at = acting_at(at, campaign.time_zone)
    day = plan.wave_name(None, at, campaign.time_zone)
    campaign, running = taking_part.joined(campaign, day, at)
    past = ContactHistory.of(campaign, at, day)
    with ExitStack() as stack:
        progress.step("opening sources")
        data = stack.enter_context(database.connect(campaign, extra_files=past.files, at=at))
        catalogue = load_catalogue(campaign, data)
        key = overrides.resolve(campaign, catalogue, "--limit", limit)
        now = overrides.current(campaign, catalogue, key)
        campaign, catalogue = overrides.apply(campaign, catalogue, [Setting(key, high)])
        start = pinned.beside(campaign, serving_model(campaign, data, None, at), running)
        run = Run(campaign, day, at, campaign.seed, dry_run=True, experiments=running)
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        caps = limits.of(campaign, catalogue, wave.plan)
        refused = spill.new(stack) / rejects.NAME
        given = stack.enter_context(Rejects(refused, reading.bound(campaign, data)))
        drift = Drift(start.spec)
        batches = stack.enter_context(closing(reading.prepared(wave, data, past, given, drift)))
        spool = reading.spooled(spill.new(stack), batches, data.count("customers"), progress)
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
    return WhatIf(
        limit=key,
        now=now,
        unit=campaign.reward.unit,
        customers=round(share * spool.customers),
        total=spool.customers,
        points=[WhatIfPoint(p.limit, p.value, p.price, p.used) for p in found],
        folder=campaign.folder / REPORTS / "what-if" / key,
        notes=drift.told(),
    )


def _resource(key: str) -> str:
    """The resource that a limit is of: an offer's contacts have a most and a least."""
    for end in (".max_contacts", ".min_contacts"):
        if key.startswith("offers.") and key.endswith(end):
            return key.removesuffix(end) + ".contacts"
    return key
