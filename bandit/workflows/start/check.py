"""`bandit check`: configuration and data, everything wrong at once; writes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core import folding, sql
from bandit.core.days import acting_at, day_of
from bandit.core.errors import DataError
from bandit.core.problems import Problems, nearest
from bandit.core.types import SILENT, Array, Progress
from bandit.core.wording import counted
from bandit.features import FeatureSpec, encode
from bandit.features.drift import Drift
from bandit.logs import columns as log_columns
from bandit.logs import labels
from bandit.record import event_kinds, outcome_notes, outcomes
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.results.start import CheckResult, Covered
from bandit.sources import consents, coverage, customers, database, unusable_rows
from bandit.sources.catalogue import Catalogue, actions, read_catalogue
from bandit.sources.columns import key_type
from bandit.sources.database import Database
from bandit.sources.wave_query import check_columns, expressions
from bandit.workflows.serve.serving_model import serving_model
from bandit.workflows.start.check_experiments import check_experiments
from bandit.workflows.start.check_log import check_log
from bandit.workflows.start.leakage import remade

EXAMPLES = 3


class _Census(NamedTuple):
    """What one pass over the customers counted."""

    rows: int
    rejects: Counter[str]
    examples: list[str]
    ruled_in: Array
    reachable: Array
    consenting: Array
    meeting: Array
    drift: Drift

    @property
    def refused(self) -> int:
        return sum(self.rejects.values())


@steady
def check(
    campaign_path: Path,
    *,
    at: dt.datetime | None = None,
    leakage: bool = False,
    progress: Progress = SILENT,
) -> CheckResult:
    """Read everything that a wave at `at` (default: the wave of today) would read.

    With ``leakage`` past waves' variables are made again too, of what was known at their time: one
    that differs from what was served is a DataError.

    Raises
    ------
    ConfigError, DataError
        With a line a fault, all of them: first the file's own faults, then those of the sources,
        the catalogue, the expressions, the features and the rows.
    """
    campaign = campaign_file.load(campaign_path).asking_conditions()
    at = acting_at(at, campaign.time_zone)
    faults = Problems()
    progress.step("opening sources")
    roles = [*database.ROLES, "outcomes", *(["log"] if campaign.log else [])]
    made = [file for wave in record.waves(campaign.folder) for file in wave.decisions]
    with database.open_sources(campaign, faults, roles=roles, extra_files=made, at=at) as data:
        catalogue = read_catalogue(campaign, data, faults)
        check_columns(data, campaign, faults)
        told = _log(campaign, catalogue, data, faults)
        told += _outcomes(campaign, data, faults)
        spec = _features(campaign, catalogue, data, at, faults)
        told += _logged(campaign, catalogue, data, spec, at, faults)
        told += check_experiments(campaign, at, faults)
        compared = remade(campaign, faults, progress) if leakage else None
        faults.stop()
        side = unusable_rows.count(data, campaign)
        faults.attempt(lambda: unusable_rows.hold_share(campaign, side))
        census = _census(campaign, catalogue, data, spec, at, progress)
        faults.attempt(lambda: _hold_share(campaign, data, census))
        faults.stop()
        covered = [Covered(*one) for one in coverage.of_sources(data, campaign)]
        warnings = [
            *(found.sentence for found in side),
            *unusable_rows.notes(data, campaign, catalogue),
            *told,
            *_refused(data, census),
            *census.drift.told(),
            *_scores(campaign),
            *_dates(catalogue, day_of(at, campaign.time_zone)),
            *_offers(catalogue, census),
            *_channels(campaign, catalogue, census),
            *_triggers(campaign, census),
            *_foreign(campaign, catalogue, data),
        ]
    return CheckResult(
        campaign=campaign.name,
        customers=census.rows,
        refused=census.refused,
        offers=len(catalogue.offers),
        channels=len(catalogue.channels),
        features=spec.names,
        warnings=tuple(warnings),
        identity=tuple(covered),
        remade=compared,
    )


def _features(
    campaign: Campaign, catalogue: Catalogue, data: Database, at: dt.datetime, faults: Problems
) -> FeatureSpec:
    """Check what concerns the customers' columns; an empty spec where that fails."""
    if "customers" in data.tables:
        faults.attempt(lambda: customers.customer_type(data, campaign))
        if (campaign.variables or campaign.segment) and not data.tables["customers"].made:
            return FeatureSpec(True, ())  # why they could not be made is told
        faults.attempt(lambda: expressions(data, campaign, catalogue.offers, at))
        relation = faults.attempt(lambda: customers.feature_relation(data, campaign))
        if relation is not None:
            start = faults.attempt(lambda: serving_model(campaign, data, None, at))
            return FeatureSpec(True, ()) if start is None else start.spec
    return FeatureSpec(True, ())


def _outcomes(campaign: Campaign, data: Database, faults: Problems) -> tuple[str, ...]:
    """Look at the outcomes as `learn` would, and store nothing."""
    if "outcomes" not in data.tables or "customers" not in data.tables:
        return ()

    def looked() -> tuple[str, ...]:
        waves = record.waves(campaign.folder)
        outcomes.examine(campaign, data, key_type(data, campaign), waves)
        event_kinds.hold_known(campaign, data)
        return (*outcome_notes.notes(campaign, data), *outcome_notes.strangers(data, campaign, ()))

    return faults.attempt(looked) or ()


def _log(
    campaign: Campaign, catalogue: Catalogue, data: Database, faults: Problems
) -> tuple[str, ...]:
    """Look at the log as `learn --log` and `simulate` would."""
    log = campaign.log
    if log is None or "log" not in data.tables:
        return ()

    def looked() -> tuple[str, ...]:
        log_columns.check(data, log)
        found = labels.found(data, log)
        labels.meant(log, found, actions(catalogue).names[1:])
        log_columns.selected(data, log, None)
        return (
            *data.table("log").notes,
            *labels.unused(log, found),
            *log_columns.repeated(data, log),
        )

    told = faults.attempt(looked) or ()
    known = [c.name for c in catalogue.channels]
    if log.channel is not None and log.channel not in known:
        faults.config.append(
            f"[log] channel = {log.channel!r} is no channel{nearest(log.channel, known)}"
        )
    return told


def _logged(
    campaign: Campaign,
    catalogue: Catalogue,
    data: Database,
    spec: FeatureSpec,
    at: dt.datetime,
    faults: Problems,
) -> tuple[str, ...]:
    """What is refused of the log's rows, if nothing else is wrong so far."""
    if faults or campaign.log is None:
        return ()
    space, kind = actions(catalogue), key_type(data, campaign)
    return faults.attempt(lambda: check_log(campaign, space, spec, kind, at)) or ()


def _census(
    campaign: Campaign,
    catalogue: Catalogue,
    data: Database,
    spec: FeatureSpec,
    at: dt.datetime,
    progress: Progress,
) -> _Census:
    """One pass as a wave makes it, without deciding."""
    progress.step("reading customers", total=data.count("customers"))
    allowed = np.array([
        [o.channels is None or c.name in o.channels for c in catalogue.channels]
        for o in catalogue.offers
    ])  # fmt: skip
    drift = Drift(spec)
    rows, rejects, examples = 0, Counter[str](), list[str]()
    ruled_in = np.zeros(len(catalogue.offers), dtype=np.int64)
    reachable = np.zeros(len(catalogue.offers), dtype=np.int64)
    consenting = np.zeros(len(catalogue.channels), dtype=np.int64)
    meeting = np.zeros(len(campaign.trigger), dtype=np.int64)
    for batch in customers.stream(data, campaign, catalogue, at=at):
        found = [(r["key"], r["column"], r["value"], r["reason"]) for r in batch.rejects]
        encoded = encode(spec, batch.columns, at)
        faulty = {f.row: f for f in reversed(encoded.faults)}
        drift.add(batch.columns, np.delete(encoded.contexts, list(faulty), axis=0))
        found += [(str(batch.ids[f.row]), f.column, f.value, f.reason) for f in faulty.values()]
        rejects.update(reason for *_, reason in found)
        examples += [
            f"customer {key}: {column} = {value!r}: {reason}"
            for key, column, value, reason in found[: EXAMPLES - len(examples)]
        ]
        rows += len(batch.ids) + len(batch.rejects)
        ruled_in += batch.rules.sum(axis=0)
        consenting += batch.consent.sum(axis=0)
        meeting += batch.within.sum(axis=0)
        for offer in range(len(catalogue.offers)):
            some = batch.consent[:, allowed[offer]].any(axis=1)
            reachable[offer] += int((batch.rules[:, offer] & some).sum())
        progress.advance(len(batch.ids) + len(batch.rejects))
    return _Census(rows, rejects, examples, ruled_in, reachable, consenting, meeting, drift)


def _hold_share(campaign: Campaign, data: Database, census: _Census) -> None:
    shown = data.table("customers").shown
    limit = campaign.limits.reject_share
    if census.rows == 0:
        raise DataError(f"{shown} has no rows; is it the right table?")
    if census.refused > limit * census.rows:
        lines = [f"{shown}, {example}" for example in census.examples]
        lines.append(
            f"{census.refused:,} of {census.rows:,} customers are refused, more than"
            f" limits.reject_share = {limit:g} allows; mend them or raise it"
        )
        raise DataError("\n".join(lines))


def _refused(data: Database, census: _Census) -> Iterator[str]:
    shown = data.table("customers").shown
    for reason, count in sorted(census.rejects.items()):
        yield f"{shown}: {count:,} of {census.rows:,} customers refused: {reason}"


def _dates(catalogue: Catalogue, today: dt.date) -> Iterator[str]:
    for offer in catalogue.offers:
        if offer.ends is not None and offer.ends < today:
            yield f"offer {offer.name!r} ended on {offer.ends}; it is not served"
        if offer.starts is not None and offer.starts > today:
            yield f"offer {offer.name!r} starts on {offer.starts}; it is not served before"


def _offers(catalogue: Catalogue, census: _Census) -> Iterator[str]:
    for position, offer in enumerate(catalogue.offers):
        if census.ruled_in[position] == 0:
            yield f"offer {offer.name!r}: no customer is eligible ({offer.eligible})"
        elif census.reachable[position] == 0:
            yield f"offer {offer.name!r}: no eligible customer agrees to any of its channels"


def _channels(campaign: Campaign, catalogue: Catalogue, census: _Census) -> Iterator[str]:
    for position, channel in enumerate(catalogue.channels):
        if census.consenting[position] == 0:
            why = (
                f"no row of [consents] grants {channel.name!r}"
                if campaign.consents is not None
                else "there is no [consents]; add it, or set consent = false if none is needed"
            )
            yield f"channel {channel.name!r}: no customer has agreed to it; {why}"
        if all(o.channels is not None and channel.name not in o.channels for o in catalogue.offers):
            yield f"channel {channel.name!r}: no offer uses it"


def _scores(campaign: Campaign) -> Iterator[str]:
    for score in campaign.score:
        if score.known_at is None:
            yield (
                f"score {score.column!r} has no known_at: nobody can say whether it was computed"
                " before the wave began, and one that knows what came after misleads"
            )


def _triggers(campaign: Campaign, census: _Census) -> Iterator[str]:
    for trigger, meeting in zip(campaign.trigger, census.meeting, strict=True):
        if meeting == 0:
            yield f"trigger {trigger.name!r}: no customer meets its condition ({trigger.condition})"


def _foreign(campaign: Campaign, catalogue: Catalogue, data: Database) -> Iterator[str]:
    """Channels that consents name and the campaign does not have: a misspelling, perhaps."""
    if campaign.consents is None:
        return
    known = [c.name for c in catalogue.channels]
    named = consents.channel_name(f"CAST({sql.name(campaign.consents.channel)} AS VARCHAR)")
    rows = data.rows(
        f"SELECT {named} AS channel, count(*) FROM {data.table('consents').view}"
        " GROUP BY channel ORDER BY channel LIMIT 1000"
    )
    for channel, count in _unknown(rows, [folding.fold(name) for name in known]):
        yield (
            f"{data.table('consents').shown}: {counted(count, 'row is', 'rows are')} for channel"
            f" {channel!r}, which the campaign does not have{nearest(str(channel), known)}"
        )


def _unknown(rows: Sequence[tuple[Any, ...]], known: list[str]) -> list[tuple[Any, int]]:
    return [(name, int(count)) for name, count in rows if name not in known]
