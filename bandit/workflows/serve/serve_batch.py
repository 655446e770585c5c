"""`bandit serve-batch`: decide for every customer, publish the wave and one list a channel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from bandit.config import campaign_file
from bandit.core import spill
from bandit.core.days import acting_at
from bandit.core.errors import UsageError
from bandit.core.types import SILENT, Progress
from bandit.features.drift import Drift
from bandit.record import lock, streams
from bandit.record import waves as record
from bandit.record.steady import steadily
from bandit.results.serve import WaveSummary
from bandit.runners import engine as engines
from bandit.runners import tables
from bandit.runners.local import Local
from bandit.runners.runner import Cluster, Runner
from bandit.runners.shared import shared
from bandit.runners.spark import Spark
from bandit.sources import customers, database, unusable_rows
from bandit.sources.catalogue import actions, load_catalogue
from bandit.workflows.live.first import sealed_first
from bandit.workflows.operate import recover
from bandit.workflows.serve import (
    experiments,
    limits,
    overrides,
    pinned,
    plan,
    pricing,
    publish,
    reading,
    taking_part,
    unsaid,
)
from bandit.workflows.serve.apart import Apart
from bandit.workflows.serve.apart_prices import ManyHands
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.deciding import Deciding, Here
from bandit.workflows.serve.job import BATCHES, Job
from bandit.workflows.serve.limits import Limits
from bandit.workflows.serve.overrides import Setting
from bandit.workflows.serve.pricing import Priced
from bandit.workflows.serve.publish import Target
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.serve.summary import WaveTally, summarise
from bandit.workflows.serve.wave import Run, Wave


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
    engine: str | None = None,
    progress: Progress = SILENT,
) -> WaveSummary:
    """Run one wave; nothing is published unless everything is.

    ``wave`` is the day of ``at`` by default, ``at`` today's midnight (in the
    campaign's time zone): the same inputs give
    the same bytes. A wave that is published already is not run again. ``engine`` is "local" or
    "spark[=MASTER]", the campaign's by default; a dry run on Spark holds the campaign too, since
    its batches lie in the folder.
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
    spark = engines.cluster(campaign, engine)

    def work() -> WaveSummary:
        return _run(run, spark, changes, snapshot, progress)

    return steadily(campaign.folder, work) if dry_run else work()


def _run(
    run: Run,
    spark: Spark | None,
    changes: Sequence[Setting],
    snapshot: str | None,
    progress: Progress,
) -> WaveSummary:
    campaign, at, dry_run = run.campaign, run.at, run.dry_run
    with ExitStack() as stack:
        runner = stack.enter_context(Local(run.threads))
        if not dry_run or spark is not None:
            stack.enter_context(lock.hold(campaign.folder, f"serve-batch --wave {run.wave}"))
        notes = [] if dry_run else recover.recover(campaign, at, run.wave)
        if not dry_run and (campaign.folder / record.WAVES / run.wave).exists():
            return publish.again(run, notes)
        if not dry_run:
            streams.hold_free(campaign.folder, run.wave)
            notes += sealed_first(campaign, progress)
        if spark is not None:
            progress.step("starting Spark")
            stack.enter_context(spark).probe(progress)
            stack.enter_context(tables.taken(campaign, spark, tables.OF_A_WAVE, progress))
        campaign, found = taking_part.joined(campaign, run.wave, at)
        run = run._replace(campaign=campaign, experiments=found)
        return _serve(run, runner, spark, changes, snapshot, notes, progress)


def _serve(
    run: Run,
    runner: Runner,
    cluster: Cluster | None,
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
            database.connect(campaign, threads=run.threads, extra_files=past.files, at=run.at)
        )
        campaign, catalogue = overrides.apply(campaign, load_catalogue(campaign, data), changes)
        run = run._replace(campaign=campaign)
        progress.step("reading features")
        start = pinned.beside(
            campaign, serving_model(campaign, data, snapshot, run.at), run.experiments
        )
        wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        progress.step("checking consents and history")
        unusable_rows.hold_share(campaign, unusable_rows.count(data, campaign))
        told = unusable_rows.notes(data, campaign, catalogue)
        bound = reading.bound(campaign, data)
        caps = limits.of(campaign, catalogue, wave.plan)
        target = Target.open(stack, run)
        rejects = stack.enter_context(target.rejects(bound))
        drift = Drift(start.spec)
        served = stack.enter_context(target.served())
        batches = stack.enter_context(
            closing(reading.prepared(wave, data, past, rejects, drift, served))
        )
        total, many = bound.total, None
        parts, priced = [caps], list[Priced]()
        deciding: Deciding
        if cluster is not None:
            job = Job.write(stack.enter_context(shared(campaign.folder)), wave)
            spool = reading.spooled(job.folder / BATCHES, batches, total, progress)
            deciding = Apart(cluster, job, spool.batches)
            many = ManyHands(cluster, job, spool.batches, progress)
        elif caps.names:
            spool = reading.spooled(spill.new(stack), batches, total, progress)
            deciding = Here(runner, spool, spill.new(stack))
        else:
            deciding = Here(runner, batches, None)
        if caps.names:
            parts = limits.split(caps, spool.customers_of(1 + len(wave.plan.apart)))
            priced = pricing.each(wave, parts, spool, progress, many)
            wave = wave.at_prices(np.stack([one.costs for one in priced]))
        tally = _decided(wave, deciding, parts, target, progress, total)
        served.finish()
        reading.add_unusable_rows(campaign, data, rejects)
        unkept = [] if run.dry_run else reading.keep_indexes(campaign, data, progress)
        data.close()  # its memory is free for the connection that reads the consents again
        exported = publish.export(wave, target, progress)
        summary = summarise(
            wave,
            tally,
            exported.lists,
            rejected=rejects.finish(),
            parts=parts,
            priced=priced,
            notes=[
                *notes,
                *start.notes,
                *unsaid.notes(run, catalogue, start.version),
                *experiments.notes(run.experiments, bool(caps.names)),
                *(
                    line
                    for served in run.experiments
                    for line in pinned.remarks(
                        campaign, served.experiment, served.name, actions(catalogue)
                    )
                ),
                *told,
                *drift.told(),
                *unkept,
                *_nothing_known(wave),
            ],
        )
        publish.publish(wave, past, target, summary, exported.digests)
        return summary if cluster is None else replace(summary, cluster=cluster.done())


def _decided(
    wave: Wave,
    deciding: Deciding,
    parts: Sequence[Limits],
    target: Target,
    progress: Progress,
    total: int | None,
) -> WaveTally:
    """Everybody's decisions aside; with limits they are drawn first: lots hang on all of them."""
    progress.step("deciding", total=total)
    if not parts[0].names:
        return deciding.everybody(wave, None, target, progress)
    rule = deciding.planned(wave, parts, progress).thinning(parts)
    lots = "" if rule is None else ", giving up what passes a cap"
    progress.step(f"writing decisions{lots}", total=total)
    return deciding.everybody(wave, rule, target, progress)


def _nothing_known(wave: Wave) -> list[str]:
    if wave.start.posterior.count.any():
        return []
    return [
        "nothing has been learned yet, so that no contact is expected to add anything: the expected"
        " value is what contacts cost"
    ]
