"""`bandit experiment start` and `stop`: buckets claimed, and given back."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

from bandit.config import campaign_file
from bandit.config import experiment as config
from bandit.config.campaign import Campaign
from bandit.config.experiment import CURRENT, EVENTS, LEARNED, NO_CONTACT, SNAPSHOT, Experiment
from bandit.config.household import Household
from bandit.core.days import acting_at, day_of
from bandit.core.errors import ConfigError
from bandit.core.folding import fold
from bandit.core.problems import Problems, nearest
from bandit.core.types import SILENT, Progress
from bandit.record import lock
from bandit.record import waves as record
from bandit.results.experiment import ExperimentStart, ExperimentStop
from bandit.sources import database
from bandit.sources.catalogue import actions, load_catalogue
from bandit.sources.wave_query import expressions
from bandit.workflows.experiment import claims
from bandit.workflows.serve import limits, pinned
from bandit.workflows.serve.taking_part import takes_part

_OPENS = re.compile(r"(^|[^a-z])(opens?|opened)([^a-z]|$)")
"""Kinds of events that machines make: mail programs load what is in a mail unasked."""
_CLICKS = re.compile(r"(^|[^a-z])(clicks?|clicked)([^a-z]|$)")
"""Kinds that nobody has who was sent nothing."""


def start(
    campaign_path: Path, *, name: str, at: dt.datetime | None = None, progress: Progress = SILENT
) -> ExperimentStart:
    """Check the experiment against today's campaign and claim its buckets.

    From the first wave on or after its start its members are assigned; its file must stay as it is.
    """
    campaign = campaign_file.load(campaign_path)
    asked = config.load(campaign.folder, name)
    now = acting_at(at, campaign.time_zone)
    progress.step("checking the experiment")
    notes = hold_possible(campaign, asked, name, now)
    today = day_of(now, campaign.time_zone)
    if asked.start < today:
        raise ConfigError(
            f"{config.path_of(campaign.folder, name)}: start {asked.start} lies before {today}:"
            " write a day to come, waves that were served cannot be assigned any more"
        )
    with lock.hold(campaign.folder, "experiment start"):
        found = claims.claim(campaign, name, asked, pinned.digests(campaign, name, asked))
    return ExperimentStart(
        experiment=name,
        layer=asked.layer,
        buckets=sum(last - first for first, last in found.claim.ranges),
        start=asked.start.isoformat(),
        waves=asked.waves,
        digest=found.claim.digest,
        arms={arm.name: arm.share for arm in asked.arm},
        pinned={arm.name: arm.snapshot for arm in asked.arm if arm.snapshot is not None},
        notes=notes,
    )


def stop(
    campaign_path: Path, *, name: str, at: dt.datetime | None = None, progress: Progress = SILENT
) -> ExperimentStop:
    """End the experiment: its members are everybody's again, its buckets rest for the cooldown."""
    campaign = campaign_file.load(campaign_path)
    end = day_of(acting_at(at, campaign.time_zone), campaign.time_zone)
    progress.step("stopping the experiment")
    with lock.hold(campaign.folder, "experiment stop"):
        found = claims.started(campaign, name, unedited=False)
        notes = []
        if found.claim.end is not None:
            notes.append(f"it was stopped on {found.claim.end} already; nothing changed")
        else:
            found = claims.stop(campaign, found, max(end, found.claim.experiment.start))
    served = [w.name for w in record.waves(campaign.folder) if takes_part(w, name)]
    rest = claims.shared_out(found.layer)
    mine = next(c for c in rest.claims if c.experiment == name)
    planned = found.claim.experiment.waves
    if len(served) < planned:
        notes.append(f"it had {len(served)} of {planned} planned waves")
    return ExperimentStop(
        experiment=name,
        layer=found.layer.name,
        end=str(mine.end),
        free_from=str(mine.free_from),
        served=served,
        notes=notes,
    )


def asking(campaign: Campaign, asked: Experiment, name: str) -> Campaign:
    """The campaign, which asks each customer for the population and the household."""
    homes = () if asked.household is None else (Household(name, asked.household),)
    return campaign.model_copy(update={"populations": (asked.population,), "households": homes})


def _of_no_use(asked: Experiment) -> Iterator[str]:
    """What a primary metric says nothing by."""
    metric = asked.primary
    told = [v.removeprefix(EVENTS) for v in (metric.value, metric.per) if v and EVENTS in v]
    if any(_OPENS.search(fold(kind)) for kind in told):
        yield (
            f"metric {metric.name!r}: opens are made by machines and decide nothing; let a purchase"
            " be primary, opens diagnostic"
        )
    if any(_CLICKS.search(fold(kind)) for kind in told) and any(
        arm.policy == NO_CONTACT for arm in asked.arm
    ):
        yield (
            f"metric {metric.name!r}: who is left in peace cannot click; let a purchase be primary,"
            " clicks diagnostic"
        )


def hold_possible(campaign: Campaign, asked: Experiment, name: str, at: dt.datetime) -> list[str]:
    """ConfigError for whatever of the experiment this campaign does not have; else remarks."""
    faults, path = Problems(), config.path_of(campaign.folder, name)
    wants = asking(campaign, asked, name)
    roles = ("customers", *database.CATALOGUE)
    with database.connect(wants, roles=roles, at=at) as data:
        catalogue = load_catalogue(wants, data)
        faults.attempt(lambda: expressions(data, wants, catalogue.offers, at))
    offered = actions(catalogue)
    known = offered.names[1:]
    for arm in asked.arm:
        for action in arm.policy if isinstance(arm.policy, tuple) else ():
            if action not in known:
                faults.config.append(
                    f"arm {arm.name!r}: {action!r} is no action{nearest(action, known)}"
                )
    policies = {arm.policy for arm in asked.arm}
    learners = sorted(policies & {LEARNED, SNAPSHOT})
    if learners and all(s.policy == "rules" for s in campaign.policy.shares):
        faults.config.append(
            f"policy {learners[0]!r}: no share of [policy] learns; give it one, or the arm"
            f" {CURRENT!r}"
        )
    features = [*campaign.features.numeric, *campaign.features.boolean, *campaign.features.date]
    for metric in asked.metric:
        if metric.covariate is not None and metric.covariate not in features:
            faults.config.append(
                f"metric {metric.name!r}: covariate {metric.covariate!r} is none of [features]"
                f" numeric, boolean or date{nearest(metric.covariate, features)}"
            )
    faults.config.extend(_of_no_use(asked))
    shown = [*features, *campaign.features.categorical]
    faults.config.extend(
        f"segments: {column!r} is none of [features]{nearest(column, shown)}"
        for column in asked.segments
        if column not in shown
    )
    faults.config[:] = [f"{path}: {line}" for line in faults.config]
    faults.attempt(lambda: pinned.digests(campaign, name, asked))
    faults.stop()
    remarks = pinned.remarks(campaign, asked, name, offered)
    if not asked.pooled or not limits.sets_any(campaign, catalogue):
        return remarks
    return [
        *remarks,
        f"{path}: {', '.join(asked.pooled)} share the campaign's limits with everybody, and an arm"
        " that takes more of a scarce channel leaves less to the others, which no comparison shows:"
        ' capacity = "proportional" in each arm that makes contacts gives it a part of its own',
    ]
