"""`bandit serve-batch`: decide for every customer, publish the wave and one list a channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bandit.config import campaign_file
from bandit.core import spill
from bandit.core.days import acting_at
from bandit.core.errors import UsageError
from bandit.core.types import SILENT, Progress
from bandit.features.drift import Drift
from bandit.record import lock
from bandit.record import waves as record
from bandit.results.serve import WaveSummary
from bandit.runners.local import Local
from bandit.runners.runner import Runner
from bandit.sources import customers, database, unusable_rows
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.live.first import sealed_first
from bandit.workflows.operate import recover
from bandit.workflows.serve import (
    experiments,
    limits,
    overrides,
    plan,
    pricing,
    publish,
    reading,
    unsaid,
)
from bandit.workflows.serve.assemble import Assembler
from bandit.workflows.serve.choice_cache import Chosen
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.decide import Decider
from bandit.workflows.serve.hard_caps import Planned
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.overrides import Setting
from bandit.workflows.serve.prepare import Prepared
from bandit.workflows.serve.publish import Target
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.summary import WaveTally, summarise
from bandit.workflows.serve.wave import Run, Taken, Wave


def serve_batch(
    campaign_path: Path,
    *,
    wave: str | None = None,
    at: dt.datetime | None = None,
    seed: int | None = None,
    dry_run: bool = False,
    settings: Sequence[str] = (),
    snapshot: str | None = None,
    batch_size: int | None = None,
    threads: int | None = None,
    progress: Progress = SILENT,
) -> WaveSummary:
    """Run one wave; nothing is published unless everything is.

    ``wave`` is the day of ``at`` by default, ``at`` today's midnight (in the
    campaign's time zone): the same inputs give
    the same bytes. A wave that is published already is not run again.
    """
    changes = [overrides.parse(text) for text in settings]
    if changes and not dry_run:
        raise UsageError("--set asks what would be, so it goes with --dry-run only")
    campaign = campaign_file.load(campaign_path)
    at = acting_at(at, campaign.time_zone)
    run = Run(
        campaign=campaign,
        wave=plan.wave_name(wave, at, campaign.time_zone),
        at=at,
        seed=campaign.seed if seed is None else seed,
        dry_run=dry_run,
        batch_size=batch_size,
        threads=threads,
    )
    with ExitStack() as stack:
        runner = stack.enter_context(Local(threads))
        if not dry_run:
            stack.enter_context(lock.hold(campaign.folder, f"serve-batch --wave {run.wave}"))
        notes = [] if dry_run else recover.recover(campaign, at, run.wave)
        if not dry_run and (campaign.folder / record.WAVES / run.wave).exists():
            return publish.again(run, notes)
        if not dry_run:
            notes += sealed_first(campaign, progress)
        return _serve(_with_experiments(run), runner, changes, snapshot, notes, progress)


def _serve(
    run: Run,
    runner: Runner,
    changes: Sequence[Setting],
    snapshot: str | None,
    notes: list[str],
    progress: Progress,
) -> WaveSummary:
    campaign = run.campaign
    past = ContactHistory.of(campaign, run.at, run.wave)
    with ExitStack() as stack:
        progress.step("opening sources")
        data = stack.enter_context(
            database.connect(campaign, threads=run.threads, extra_files=past.files)
        )
        campaign, catalogue = overrides.apply(campaign, load_catalogue(campaign, data), changes)
        run = run._replace(campaign=campaign)
        progress.step("reading features")
        start = serving_model(campaign, data, snapshot, run.at)
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        progress.step("checking consents and history")
        unusable_rows.hold_share(campaign, unusable_rows.count(data, campaign))
        told = unusable_rows.notes(data, campaign, catalogue)
        bound = reading.bound(campaign, data)
        caps = limits.of(campaign, catalogue, wave.plan)
        target = Target.open(stack, run)
        rejects = stack.enter_context(target.rejects(bound))
        drift = Drift(start.spec)
        batches: Iterable[Prepared] = reading.prepared(wave, data, past, rejects, drift)
        total, priced, chosen = bound.total, None, None
        if caps.names:
            chosen = Chosen(spill.new(stack))
            batches = reading.spooled(stack, batches, total, progress)
            priced = pricing.find(wave, caps, batches, progress)
            wave = wave.at_prices(priced.costs)
        progress.step("deciding", total=total)
        tally, planned = _decide(
            runner, Decider(wave, None, chosen), batches, target, caps, progress
        )
        rule = planned.thinning()
        if rule is not None:
            progress.step("giving up what passes a cap", total=total)
            decider = Decider(wave, rule, chosen)
            tally, _ = _decide(runner, decider, batches, target, caps, progress)
        reading.add_unusable_rows(campaign, data, rejects)
        data.close()  # its memory is free for the connection that reads the consents again
        lists = publish.export(wave, target, progress)
        summary = summarise(
            wave,
            tally,
            lists,
            rejected=rejects.finish(),
            limits=caps,
            priced=priced,
            notes=[
                *notes,
                *start.notes,
                *unsaid.notes(run, catalogue, start.version),
                *experiments.notes(run.experiments, bool(caps.names)),
                *told,
                *drift.told(),
                *_nothing_known(wave),
            ],
        )
        publish.publish(wave, past, target, summary)
        return summary


def _with_experiments(run: Run) -> Run:
    published = record.waves(run.campaign.folder)
    found = experiments.running(run.campaign, published, run.wave, run.at)
    return run._replace(campaign=experiments.asked(run.campaign, found), experiments=found)


def _nothing_known(wave: Wave) -> list[str]:
    if wave.start.posterior.count.any():
        return []
    return [
        "nothing has been learned yet, so that no contact is expected to add anything: the expected"
        " value is what contacts cost"
    ]


def _decide(
    runner: Runner,
    decider: Decider,
    batches: Iterable[Prepared],
    target: Target,
    caps: Limits,
    progress: Progress,
) -> tuple[WaveTally, Planned]:
    """Decide for everybody and write it aside; memory holds a few batches."""
    wave = decider.wave
    tally, planned, assembler = WaveTally(wave.plan), Planned(wave, caps), Assembler(wave)

    with target.writer(assembler.schema) as write:

        def decide(batch: Prepared) -> tuple[list[Taken], Prepared]:
            return decider.decide(batch), batch

        def keep(part: tuple[list[Taken], Prepared]) -> None:
            slots, batch = part
            decisions = assembler.batch(slots, batch.ids, batch.contexts, batch.values)
            write(decisions)
            tally.add(slots, batch.left, decisions)
            planned.add(slots, batch.keys)
            progress.advance(len(batch.ids))

        runner.write(keep, runner.map(decide, batches))
    return tally, planned
