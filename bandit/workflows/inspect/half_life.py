"""Whether what was learned long ago still helps: a half-life that would have foretold better."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from bandit.config.campaign import Campaign
from bandit.core.wording import counted
from bandit.features.action_features import action_features
from bandit.features.score_layout import layout
from bandit.features.spec import FeatureSpec
from bandit.models.forgetting import HALF_LIVES, Gains, Told, gains, suggested
from bandit.models.kinds import aligned, split
from bandit.models.owned import OwnedPosterior, gathered
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.relative import RelativePosterior, relative
from bandit.record import snapshots
from bandit.record.snapshots import Snapshot
from bandit.record.waves import LOGGED, Wave
from bandit.results.inspect import HalfLife
from bandit.workflows.inspect.as_served import catalogue
from bandit.workflows.learn.statistics import stored
from bandit.workflows.serve.moments import Known, Pooled, of_record
from bandit.workflows.serve.serving_model import sums_of

MOST_WAVES = 12
"""Newest waves that foretell and are foretold."""
MOST_CELLS = 4_000_000
"""Numbers of a wave's sums beyond which it would take minutes."""


def half_life(campaign: Campaign, waves: Sequence[Wave]) -> HalfLife | None:
    """By the waves that the newest snapshot was learned from, at the strengths that it found.

    None where there is nothing to tell: pairs that learn alone, one wave, statistics that were
    deleted (the next `learn` makes them anew), or too many pairs.
    """
    newest = snapshots.latest(campaign.folder, campaign.file)
    if newest is None or newest.manifest.fold is None or newest.manifest.model is None:
        return None
    known = {wave.name: wave for wave in waves}
    learned = [
        (known[name], stored(campaign, name, key))
        for name, key in newest.manifest.fold.waves[-MOST_WAVES:]
        if name in known
    ]
    told = _told(campaign, newest, learned)
    if len(told) < 2:
        return None
    found = gained(_models(campaign, newest, learned[-1][0]), told)
    if found is None or not found.foretold.size:
        return None
    total = found.over.sum(axis=1).tolist()
    return HalfLife(
        configured=campaign.reward.half_life_days,
        suggested=suggested(found),
        waves=found.foretold.size,
        foretold=float(found.foretold.sum()),
        gains={f"{days:g}": gain for days, gain in zip(HALF_LIVES, total, strict=True)},
    )


def remark(found: HalfLife | None) -> list[str]:
    """A sentence, where the past misleads and nobody forgets it."""
    if found is None or found.suggested is None or found.configured is not None:
        return []
    days = f"{found.suggested:g}"
    return [
        f"a half-life of {days} days would have foretold"
        f" {counted(found.waves, 'wave')} with outcomes, the newest, better"
        f" (log likelihood {found.gains[days]:+.1f} over never forgetting, which has"
        f" {found.foretold:.1f} over each action's mean): tastes seem to turn;"
        f" reward.half_life_days = {days} would heed it"
    ]


def _told(
    campaign: Campaign, newest: Snapshot, learned: Sequence[tuple[Wave, Posterior | None]]
) -> list[Told]:
    """Sums over the snapshot's actions, all kinds together; none at all where some are missing.

    Of a wave in which nothing happened nobody can tell whether its outcomes were delivered: it
    foretells nothing, and is not foretold. A log says its own zeros.
    """
    kinds = max(len(newest.manifest.kinds or {}), 1)
    constant = FeatureSpec.from_json(newest.features.spec).constant
    found = []
    for wave, sums in learned:
        if sums is None or sums.gram.size > MOST_CELLS:
            return []
        if not sums.square_sum.any() and wave.manifest.kind != LOGGED:
            continue
        placed = aligned(sums, kinds, newest.actions.positions_in(wave.actions))
        at, known = wave.at, wave.end(campaign.window)
        found.append(Told(_days(at), _days(known), replace(placed, constant=constant)))
    return found


def _models(campaign: Campaign, newest: Snapshot, last: Wave) -> list[Posterior | Pooled | None]:
    """The model of each kind; None of those that were never seen."""
    spec, actions = FeatureSpec.from_json(newest.features.spec), newest.actions
    offered = catalogue(campaign, last.manifest)
    features = action_features(actions, offered, campaign.model.columns, spec.n_features)
    known = Known(actions, features, layout(spec, actions))
    model, kinds = newest.manifest.model or {}, newest.manifest.kinds or {}
    models = [model["events"].get(kind) for kind in kinds] if kinds else [model]
    parts = split(sums_of(newest), len(models))
    return [
        None if strengths is None else of_record(sums, known, strengths)
        for strengths, sums in zip(models, parts, strict=True)
    ]


def gained(models: Sequence[Posterior | Pooled | None], told: Sequence[Told]) -> Gains | None:
    """Of all kinds together, each in the coordinates that its model solves in.

    ``told`` are sums of all kinds; None where there is no model of any.
    """
    total: Gains | None = None
    for i, posterior in enumerate(models):
        if posterior is None:
            continue
        inner = _inner(posterior)
        waves = [
            Told(wave.at, wave.known, _inside(posterior, split(wave.sums, len(models))[i]))
            for wave in told
        ]
        noise = inner.noise_scale**2
        found = gains(waves, inner.features, inner.strengths._replace(noise=noise))
        total = found if total is None else total.plus(found)
    return total


def _inside(posterior: Posterior | Pooled, sums: Posterior) -> Posterior:
    """A wave's sums in the coordinates of the model's inner one."""
    if isinstance(posterior, RelativePosterior):
        sums, posterior = relative(sums, posterior.factors), posterior.inner
    if isinstance(posterior, OwnedPosterior):
        return gathered(sums, posterior.layout, posterior.weight, posterior.dropped)
    return sums


def _inner(posterior: Posterior | Pooled) -> PooledPosterior:
    if isinstance(posterior, RelativePosterior):
        return _inner(posterior.inner)
    if isinstance(posterior, OwnedPosterior):
        return posterior.inner
    if not isinstance(posterior, PooledPosterior):
        raise TypeError("a recorded model is of pairs that share")
    return posterior


def _days(at: dt.datetime) -> float:
    return at.timestamp() / 86_400.0
