"""`bandit explain`: why a customer got what they got, derived again from the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.errors import BanditError, DataError, UsageError
from bandit.core.problems import newest
from bandit.core.types import SILENT, Array, Bool, Progress, UInt64
from bandit.record import forgotten, served_variables, why
from bandit.record import waves as record
from bandit.record.decisions import Decisions, Rows
from bandit.record.person import People
from bandit.record.steady import steady
from bandit.results.inspect import Explanation
from bandit.sources import customers, database, joined, persons
from bandit.workflows.inspect import as_served, carried, contenders, history
from bandit.workflows.inspect.contenders import Draw
from bandit.workflows.serve import experiments, prepare
from bandit.workflows.serve.contact_history import ContactHistory
from bandit.workflows.serve.wave import Wave


class _Asked(NamedTuple):
    """What the customer's data of today say: ``values`` float32[k], ``key`` uint64[1] or None.

    ``now`` bool[k]: who may get what, None where that cannot be asked. ``experiment`` int16[1]: the
    one that the customer is in, -1 for none, by ``unit`` uint64[1].
    """

    values: Array
    key: UInt64 | None
    now: Bool | None
    experiment: Array
    unit: UInt64
    funnel: dict[str, list[str]]
    notes: list[str]


@steady
def explain(
    campaign_path: Path, *, customer: str, wave: str | None = None, progress: Progress = SILENT
) -> Explanation:
    """Explain the decisions for ``customer`` in ``wave``, by default the newest that has them.

    Contexts, eligible sets, posterior, catalogue, policy and prices are the wave's own. Its rules,
    and values that hang on the customer, are asked of today's data; a note says where these no
    longer give the stored set, or can no longer be asked.
    """
    campaign = campaign_file.load(campaign_path)
    progress.step("looking into the record")
    keys = persons.ids(campaign, [customer]).keys
    decisions, rows, customer = _find(campaign, keys, wave)
    the_wave = as_served.wave(campaign, decisions)
    asked = _asked(the_wave, decisions, rows, customer)
    return _explained(the_wave, decisions, rows, asked, [customer, *keys])


def _find(campaign: Campaign, keys: Sequence[str], name: str | None) -> tuple[Decisions, Rows, str]:
    """The wave and the person's decisions in it, and by which of the ``keys`` it knew them."""
    for wave in reversed(_waves(campaign, name)):
        decisions = Decisions(campaign.folder, wave)
        for key in keys:
            for rows in decisions.of(People((key,))):
                return decisions, rows, key
    where = f"wave {name}" if name else "any wave"
    raise DataError(
        "; ".join([
            f"customer {keys[0]!r} has no decision in {where} of {campaign.folder}",
            *forgotten.before(forgotten.when(campaign.folder, keys)),
            *forgotten.unread(campaign.folder),
        ])
    )  # fmt: skip


def _waves(campaign: Campaign, name: str | None) -> list[record.Wave]:
    """Those whose decisions were made here, or the one of this name."""
    every = record.waves(campaign.folder)
    waves = [w for w in every if w.manifest.kind != record.LOGGED]
    if not waves:
        raise DataError(f"{campaign.folder} has no wave yet; `bandit serve-batch` makes one")
    found = [w for w in waves if name is None or w.name == name]
    if found:
        return found
    if any(w.name == name for w in every):
        raise UsageError(
            f"wave {name!r} was taken in with [log]: why its decisions were made is not recorded"
        )
    known = newest(str(name), [w.name for w in waves])
    raise UsageError(f"{campaign.folder} has no wave {name!r}{known}")


def _asked(wave: Wave, decisions: Decisions, rows: Rows, customer: str) -> _Asked:
    """Ask today's data; of what cannot be asked the record alone speaks."""
    campaign, catalogue = wave.run.campaign, wave.catalogue
    past = ContactHistory.seen_by(campaign, decisions.wave)
    roles = ("customers", "consents", "history")
    served = served_variables.of(decisions.wave, People((customer,)))
    try:
        with database.connect(
            campaign, roles=roles, extra_files=past.files,
            at=wave.run.at if served is None else None, moment=wave.run.at,
        ) as data:  # fmt: skip
            if served is not None:
                joined.restore(data, campaign, served)
            found = customers.lookup(
                data, campaign, catalogue, customer,
                at=wave.run.at, record_contacts=past.contacts, withheld=past.withheld,
                refusals=past.refusals, back=decisions.wave.manifest.heard is None,
            )  # fmt: skip
        values = prepare.values(wave, found)
        ready = prepare.prepare(wave, found)[0]
    except BanditError as e:
        values, none = _recorded_values(wave, rows), np.full(1, -1, np.int16)
        return _Asked(values, None, None, none, np.zeros(1, np.uint64), {}, [
            "the customer's data of today cannot be asked by this wave's rules, so that neither"
            f" these nor the draw are shown: {str(e).splitlines()[0]}"
        ])  # fmt: skip
    return _Asked(
        values=_as_taken(values if values.ndim == 1 else values[0], rows),
        key=found.keys,
        now=ready.mask[0] if len(ready.mask) else None,
        experiment=ready.experiment[:1],
        unit=ready.units[:1] if len(ready.units) else found.keys,
        funnel=prepare.funnel(wave, found),
        notes=[],
    )


def _as_taken(values: Array, rows: Rows) -> Array:
    """Values with those of the taken actions as they were served."""
    values = values.copy()
    values[rows.action] = rows.terms.value
    return values


def _recorded_values(wave: Wave, rows: Rows) -> Array:
    """Values float32[k] by the record: 1 where they hang on the customer and were not taken."""
    offers = wave.catalogue.offers
    fixed = [1.0 if isinstance(o.value, str) else o.value for o in offers] or [1.0]
    return _as_taken(prepare.of_actions(wave, np.array(fixed, np.float32)), rows)


def _explained(
    wave: Wave, decisions: Decisions, rows: Rows, asked: _Asked, keys: Sequence[str]
) -> Explanation:
    prior, slots, again = None, [], True
    key = np.zeros(1, np.uint64) if asked.key is None else asked.key
    which = _experiment(wave, rows, asked)
    population = _population(wave, rows, which, asked.unit)
    for i, row in enumerate(rows.batch.to_pylist()):
        draw = Draw(
            contexts=rows.contexts[i : i + 1],
            eligible=rows.eligible[i : i + 1],
            values=asked.values,
            which=which,
            population=int(rows.paid[i]) + population,
            key=key,
            unit=asked.unit,
            prior=prior,
        )
        seen, choice = contenders.derived(wave, row["placement"], row["slot"], draw)
        again = again and int(choice.action[0]) == why.planned_of(row)
        slots.append(contenders.slot(wave, row, seen))
        prior = choice.joint
    gaps, more = carried.of(wave, keys[0], rows.contexts[0])
    return Explanation(
        customer=keys[0],
        wave=decisions.wave.name,
        snapshot=decisions.wave.manifest.snapshot,
        unit=wave.run.campaign.reward.unit,
        slots=slots,
        funnel=asked.funnel,
        history=history.of(wave.run.campaign, decisions.wave, keys),
        notes=[
            *_notes(wave, decisions, rows, asked, again=again),
            *asked.notes,
            *more,
            *_before(wave.run.campaign, keys),
        ],
        gaps=gaps,
        pinned=experiments.snapshot_of(wave.run.experiments, str(rows.texts("group")[0])),
    )


def _experiment(wave: Wave, rows: Rows, asked: _Asked) -> Array:
    """The experiment that the customer was in, by the record where it tells, int16[1]."""
    group = str(rows.texts("group")[0])
    names = [served.name for served in wave.run.experiments]
    if (name := group.partition(":")[0]) in names and ":" in group:
        return np.array([names.index(name)], np.int16)
    held = group == "holdout" and len(asked.experiment) > 0
    return asked.experiment if held else np.full(1, -1, np.int16)


def _population(wave: Wave, rows: Rows, which: Array, unit: UInt64) -> int:
    """Whose prices the customer paid, by the record where it tells."""
    group = str(rows.texts("group")[0])
    if group in wave.plan.apart:
        return 1 + wave.plan.apart.index(group)
    return int(experiments.populations(wave.run.experiments, which, unit)[0])


def _before(campaign: Campaign, keys: Sequence[str]) -> list[str]:
    """Sentences where what is explained came after the person was forgotten, or none can tell."""
    gone = forgotten.when(campaign.folder, keys)
    return [*forgotten.before(gone, forgotten.AGAIN), *forgotten.unread(campaign.folder)]


def _notes(
    wave: Wave, decisions: Decisions, rows: Rows, asked: _Asked, *, again: bool
) -> list[str]:
    notes = list(decisions.notes)
    if notes and wave.run.campaign.digest != decisions.wave.manifest.config:
        notes.append("campaign.toml has changed since this wave, and its policy is not recorded")
    if asked.key is None:
        return notes
    first = rows.numbers("slot")[0] == 1 and rows.texts("placement")[0] == "outbound"
    outbound = wave.plan.placements[0].actions
    trigger, then = decisions.wave.manifest.trigger, rows.eligible[0]
    if trigger is not None:
        notes.append(f"decided at an event: only what trigger {trigger!r} had in play was open")
        outbound = outbound & then
    if first and (asked.now is None or (then != asked.now & outbound).any()):
        notes.append("the customer's data give another eligible set today than in this wave")
    notes.append(
        "derived again from the record: the same decisions"
        if again
        else "derived again with the customer's values of today, the decisions would differ"
    )
    return notes
