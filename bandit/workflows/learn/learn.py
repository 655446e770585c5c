"""`bandit learn`: outcomes in, waves whose window has closed folded into a new snapshot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.days import acting_at
from bandit.core.types import SILENT, Progress
from bandit.core.wording import counted
from bandit.features.action_features import action_features
from bandit.features.score_layout import layout, products_of
from bandit.features.spec import FeatureSpec
from bandit.models.kinds import aligned, split
from bandit.models.posterior import INTERCEPT, Posterior
from bandit.models.posterior_file import save_posterior
from bandit.record import heard, index, lock, manifests, snapshots
from bandit.record import outcomes as deliveries
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.results.learn import LearnSummary
from bandit.runners import engine as engines
from bandit.runners import tables
from bandit.runners.runner import Cluster
from bandit.sources import database, persons
from bandit.sources.catalogue import load_catalogue
from bandit.workflows.learn import curves, kinds, log_back, silence, statistics
from bandit.workflows.learn.curves import Model
from bandit.workflows.learn.deliver import take_in
from bandit.workflows.learn.import_log import import_log
from bandit.workflows.live.first import sealed_first
from bandit.workflows.operate import recover
from bandit.workflows.serve.fitted import features_config
from bandit.workflows.serve.moments import (
    REWARD,
    Known,
    Pooled,
    kinds_of,
    pooled,
    record_of,
    strengths_of,
)


class Fold(NamedTuple):
    """The posterior over ``actions``, and what it was made of."""

    posterior: Posterior
    actions: ActionSpace
    spec: FeatureSpec
    content: manifests.Fold


def learn(
    campaign_path: Path,
    *,
    outcomes: Path | None = None,
    log: bool = False,
    without_log: bool = False,
    no_events: bool = False,
    at: dt.datetime | None = None,
    engine: str | None = None,
    progress: Progress = SILENT,
) -> LearnSummary:
    """Take in outcomes, then fold every wave whose window has closed by ``at``.

    ``log`` takes in [log] first; ``without_log`` takes back the one that was taken in, before that.

    DataError where no wave has an event in its window, unless ``no_events`` says that nothing
    happened.

    A snapshot depends on the set of decisions and outcomes alone: each wave's sums are computed
    from all outcomes known, so late, repeated and shuffled deliveries give the same bytes.
    ``engine`` is "local" or "spark[=MASTER]", the campaign's by default.
    """
    campaign = campaign_file.load(campaign_path)
    at = acting_at(at, campaign.time_zone)
    spark = engines.cluster(campaign, engine)
    with ExitStack() as stack:
        stack.enter_context(lock.hold(campaign.folder, "learn"))
        notes = recover.recover(campaign, at) + sealed_first(campaign, progress)
        if spark is not None:
            progress.step("starting Spark")
            stack.enter_context(spark).probe(progress)
            stack.enter_context(tables.taken(campaign, spark, _read(log=log), progress))
        back = None
        if without_log:
            back, told = log_back.take_back(campaign)
            notes += [told]
        if log:
            kinds.hold_no_log(campaign)
            notes += import_log(campaign, at, progress)
        delivery = take_in(campaign, outcomes, at, progress)
        index.refresh(campaign.folder)
        return _learn(campaign, at, delivery, notes, spark, progress, back, no_events=no_events)


def _read(*, log: bool) -> list[str]:
    """The sections whose rows are read; of customers their key alone."""
    return ["customers", "identity", "offers", "channels", "outcomes", *(["log"] if log else [])]


def _learn(
    campaign: Campaign,
    at: dt.datetime,
    delivery: deliveries.Delivery | None,
    notes: list[str],
    cluster: Cluster | None,
    progress: Progress,
    back: Wave | None,
    *,
    no_events: bool,
) -> LearnSummary:
    window = campaign.window
    waves = record.waves(campaign.folder)
    closed = [w for w in waves if w.end(window) <= at]
    parent = snapshots.latest(campaign.folder, campaign.file)
    usable, more = _usable(campaign, closed, parent)
    notes = [*notes, *more, *_gone(parent, waves)]
    learned, differing, known, unnamed = _statistics(campaign, waves, usable, at, cluster, progress)
    notes = [*notes, *(delivery.notes if delivery else ()), *_told(differing), *unnamed]
    notes += silence.told(learned, parent, known, unnamed, no_events=no_events)
    new = bool(learned)
    version = parent.version if parent else None
    if learned:
        progress.step("folding waves")
        fold = _fold(campaign, learned)
        new = parent is None or parent.manifest.fold != fold.content
        if new:
            progress.step("finding what actions share")
            model = _model(campaign, fold, learned, progress)
            notes += model.notes
            version = _publish(campaign, fold, model, learned[-1].wave, parent)
    elif back is not None and _taught(parent, back):
        # Nothing else was learned from: the next wave starts from a prior again.
        new = True
        version = _publish(campaign, _nothing(campaign, back), Model(None, None), back, parent)
    snapshots.settle(campaign.folder, whole=False)
    return LearnSummary(
        snapshot=version,
        parent=parent.version if parent and new else None,
        new=new,
        waves=[s.wave.name for s in learned],
        waiting=[w.name for w in waves if w.end(window) > at],
        decisions=sum(s.decisions for s in learned),
        events=sum(s.events for s in learned),
        silent=[s.wave.name for s in silence.silent(learned)],
        outside_window=sum(s.outside_window for s in learned),
        delivered=delivery.events if delivery else 0,
        rejected=delivery.rejected if delivery else 0,
        unit=campaign.reward.unit,
        cluster=None if cluster is None else cluster.done(),
        notes=notes if new else [*notes, "nothing new to learn; the snapshot stands"],
    )


def _usable(
    campaign: Campaign, waves: Sequence[Wave], parent: snapshots.Snapshot | None
) -> tuple[list[Wave], list[str]]:
    """The waves of this campaign with its [features], encoded alike: these alone can be added up.

    Of several encodings the newest counts, and that of a snapshot before that of a wave: a wave is
    open yet, and what it starts from must not be replaced by something older.
    """
    config = features_config(campaign)
    own = [w for w in waves if w.campaign == campaign.file]
    alike = [w for w in own if w.manifest.features.config == config]
    newest = [p.features for p in (parent,) if p is not None and p.features.config == config]
    newest += [w.manifest.features for w in reversed(alike)]
    usable = [w for w in alike if w.manifest.features == newest[0]]
    notes = []
    for why, left in (
        ("of another campaign file", [w for w in waves if w not in own]),
        ("with other [features]", [w for w in own if w not in alike]),
        ("whose features were fitted anew", [w for w in alike if w not in usable]),
    ):
        if left:
            notes.append(f"waves {why} are left out: {', '.join(w.name for w in left)}")
    return usable, notes


def _gone(parent: snapshots.Snapshot | None, waves: Sequence[Wave]) -> list[str]:
    """A sentence on waves that were learned from and whose folders are no longer there."""
    fold = parent.manifest.fold if parent else None
    known = {w.name for w in waves}
    gone = [name for name, _ in fold.waves if name not in known] if fold else []
    if not gone:
        return []
    return [
        f"waves that were learned from are gone, and with them what they taught: {', '.join(gone)}"
    ]


def _statistics(
    campaign: Campaign,
    waves: Sequence[Wave],
    usable: Sequence[Wave],
    at: dt.datetime,
    cluster: Cluster | None,
    progress: Progress,
) -> tuple[list[statistics.Statistics], heard.Corrected, heard.Occurred, list[str]]:
    progress.step("joining decisions and outcomes", total=len(usable))
    window = campaign.window
    families = persons.families(persons.of(campaign, at))
    connection = heard.connect(campaign.limits.memory_mb)
    try:
        differing = heard.load_events(connection, deliveries.batches(campaign.folder), families)
        known = heard.occurred(connection, waves, window)
        notes = kinds.unnamed(campaign, connection, waves)
        learned = []
        for wave in usable:
            later = record.after(waves, wave, window)
            found = statistics.of_wave(campaign, connection, wave, later, window, cluster, progress)
            learned.append(found)
            progress.advance(1)
    finally:
        connection.close()
    statistics.drop_stale(campaign, learned)
    learned, left = kinds.told_apart(campaign, learned)
    return learned, differing, known, [*notes, *left]


def _told(differing: heard.Corrected) -> list[str]:
    found = []
    if differing.corrections:
        found.append(
            f"{counted(differing.corrections, 'event')} came again with another content; the"
            " highest version counts, without versions the last delivery"
        )
    if differing.conflicts:
        found.append(
            f"{counted(differing.conflicts, 'event stands', 'events stand')} in one delivery with"
            " several contents and no version that decides; the one that sorts last counts: give"
            " [outcomes] a version"
        )
    return found


def _fold(campaign: Campaign, learned: Sequence[statistics.Statistics]) -> Fold:
    """Merge the waves' statistics in the order of their time, each forgotten by its age."""
    actions = learned[0].actions.union(*(s.actions for s in learned[1:]))
    half_life = campaign.reward.half_life_days
    first = learned[0].posterior
    apart = max(len(campaign.reward.counting), 1)
    posterior = Posterior.prior(apart * len(actions), first.n_features, ridge=campaign.reward.ridge)
    before = learned[0].wave.at
    for part in learned:
        if half_life is not None:
            days = (part.wave.at - before) / dt.timedelta(days=1)
            posterior = posterior.decay(0.5 ** (days / half_life))
        places = actions.positions_in(part.actions)
        posterior = posterior.merge(aligned(part.posterior, apart, places))
        before = part.wave.at
    spec = FeatureSpec.from_json(learned[-1].wave.manifest.features.spec)
    posterior = replace(posterior, constant=spec.constant)
    return Fold(posterior, actions, spec, _fold_content(campaign, learned))


def _taught(parent: snapshots.Snapshot | None, wave: Wave) -> bool:
    fold = parent.manifest.fold if parent else None
    return fold is not None and wave.name in {name for name, _ in fold.waves}


def _nothing(campaign: Campaign, wave: Wave) -> Fold:
    """What is known of a wave's actions before any of them was tried."""
    spec = FeatureSpec.from_json(wave.manifest.features.spec)
    ridge = campaign.reward.ridge
    k = len(wave.actions) * max(len(campaign.reward.counting), 1)
    posterior = Posterior.prior(k, wave.manifest.d, ridge, spec.constant)
    return Fold(posterior, wave.actions, spec, _fold_content(campaign, ()))


def _fold_content(campaign: Campaign, learned: Sequence[statistics.Statistics]) -> manifests.Fold:
    return manifests.Fold(
        waves=tuple((s.wave.name, s.key) for s in learned),
        half_life_days=campaign.reward.half_life_days,
        ridge=campaign.reward.ridge,
        intercept=INTERCEPT,
        window_days=campaign.reward.window_days,
        model=campaign.model.model_dump(mode="json"),
    )


def _model(
    campaign: Campaign,
    fold: Fold,
    learned: Sequence[statistics.Statistics],
    progress: Progress,
) -> Model:
    """What actions have in common, by the evidence; nothing where each learns alone."""
    if not campaign.model.share:
        return Model(None, None)
    with database.connect(campaign, roles=("offers", "channels")) as data:
        catalogue = load_catalogue(campaign, data)
    sums = fold.posterior
    features = action_features(fold.actions, catalogue, campaign.model.columns, sums.n_features)
    products = products_of(campaign.basket, catalogue)
    known = Known(fold.actions, features, layout(fold.spec, fold.actions, products))
    models: dict[str, Pooled | None]
    if named := campaign.reward.kinds:
        models = kinds_of(split(sums, len(named)), named, known)
        record = record_of(models, known)
    else:
        models = {REWARD: (one := pooled(sums, known, rising=True))}
        record = strengths_of(one, known)
    if campaign.model.link == "identity":
        return Model(record, None)
    progress.step("finding the curves of counts")
    return curves.through(campaign, learned, models, known, record)


def _publish(
    campaign: Campaign,
    fold: Fold,
    model: Model,
    newest: Wave,
    parent: snapshots.Snapshot | None,
) -> str:
    version = snapshots.next_version(campaign.folder)
    final = campaign.folder / snapshots.SNAPSHOTS / version
    odds = model.odds
    with files.aside(final) as partial:
        snapshots.fill(
            partial,
            version,
            save=lambda path: save_posterior(path, fold.posterior),
            odds=None if odds is None else lambda path: save_posterior(path, odds),
            actions=fold.actions,
            features=newest.manifest.features,
            parent=parent.version if parent else None,
            campaign=campaign.file,
            about={
                "fold": fold.content.model_dump(),
                "unit": campaign.reward.unit,
                "model": model.record,
                **({"kinds": counting} if (counting := campaign.reward.counting) else {}),
            },
        )
        files.put_in_place((partial, final))
    return version
