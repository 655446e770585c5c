"""`bandit explain`: why a customer got what they got, derived again from the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from bandit.allocation.eligibility import STAGES
from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError, UsageError
from bandit.core.types import SILENT, Float64, Progress
from bandit.models.moments import Moments
from bandit.record import attribution, manifest
from bandit.record import waves as record
from bandit.record.steady import steady
from bandit.results.inspect import Contender, Explanation, Slot
from bandit.sources import customers, database, sources
from bandit.sources.catalogue import load_catalogue
from bandit.sources.customers import CustomerRows
from bandit.workflows.serve import prepare
from bandit.workflows.serve.contact_history import Past
from bandit.workflows.serve.plan import number_of
from bandit.workflows.serve.starting_point import starting_point
from bandit.workflows.serve.wave import Run, Wave

MOST_CONTENDERS = 8
MOST_FEATURES = 8


class _Recorded(NamedTuple):
    """A row of the record, with its context and eligible set."""

    row: dict[str, Any]
    context: Float64
    allowed: Any


@steady
def explain(
    campaign_path: Path, *, customer: str, wave: str | None = None, progress: Progress = SILENT
) -> Explanation:
    """Explain the decisions for ``customer`` in ``wave``, by default the newest that has them.

    Contexts, eligible sets and the posterior are the stored ones; the funnel, values and consents
    are asked of today's data, and a note says where that no longer gives the stored set.
    """
    campaign = campaign_file.load(campaign_path)
    progress.step("looking into the record")
    served, rows = _find(campaign, customer, wave)
    past = Past.seen_by(campaign, served)
    with database.connect(campaign, extra_files=past.files) as data:
        catalogue = load_catalogue(campaign, data)
        start = starting_point(campaign, data, served.manifest["snapshot"], served.at)
        posterior = start.posterior.add_actions(len(served.actions) - len(start.actions))
        start = start._replace(actions=served.actions, posterior=posterior)
        run = Run(campaign, served.name, served.at, int(served.manifest["seed"]))
        the_wave = Wave.of(run, catalogue, start, customers.customer_type(data, campaign))
        found = customers.lookup(
            data, campaign, catalogue, customer,
            at=served.at, record_contacts=past.contacts, withheld=past.withheld,
            refusals=past.refusals,
        )  # fmt: skip
    prices = np.array(served.manifest["prices"])
    the_wave = the_wave.at_prices(prices)
    return _explained(the_wave, served, rows, found, customer)


def _find(
    campaign: Campaign, customer: str, name: str | None
) -> tuple[record.Wave, list[_Recorded]]:
    """The wave and the customer's decisions in it."""
    waves = [w for w in record.waves(campaign.folder) if w.manifest["kind"] == "wave"]
    if name is not None:
        waves = [w for w in waves if w.name == name]
        if not waves:
            raise UsageError(f"{campaign.folder} has no wave {name!r}")
    connection = attribution.connect(campaign.limits.memory_mb)
    try:
        for wave in reversed(waves):
            manifest.verified(wave.folder, wave.manifest, ".parquet")
            table = connection.sql(
                f"SELECT * FROM {sources.parquet(wave.decisions)}"
                " WHERE customer_id::VARCHAR = $customer ORDER BY decision_id",
                params={"customer": customer},
            ).to_arrow_table()
            if table.num_rows:
                return wave, list(_recorded(table, wave.actions))
    finally:
        connection.close()
    where = f"wave {name}" if name else "any wave"
    raise DataError(f"customer {customer!r} has no decision in {where} of {campaign.folder}")


def _recorded(table: pa.Table, actions: ActionSpace) -> Iterator[_Recorded]:
    for row in sorted(table.to_pylist(), key=lambda r: int(r["decision_id"].rpartition(".")[2])):
        allowed = actions.unpack(np.frombuffer(row["eligible"], dtype=np.uint8)[None])[0]
        yield _Recorded(row, np.array(row["features"], dtype=np.float32), allowed)


def _explained(
    wave: Wave, served: record.Wave, rows: Sequence[_Recorded], found: CustomerRows, customer: str
) -> Explanation:
    values = prepare.values(wave, found)
    values = values if values.ndim == 1 else values[0]
    prior, slots, again = None, [], True
    for one in rows:
        place = next(p for p in wave.plan.placements if p.name == one.row["placement"])
        problem: dict[str, Any] = {
            "eligible": one.allowed[None, :],
            "values": values,
            "costs": wave.plan.costs + wave.plan.prices,
        }
        context = one.context[None, :]
        probability = wave.plan.policy.probabilities(
            wave.posterior, context, **problem, prior=prior
        )[0]
        choice = wave.plan.policy.choose(
            wave.posterior, context, **problem, prior=prior,
            keys=found.keys, seed=wave.run.seed, wave=number_of(wave.run.wave),
            draw=place.draw + one.row["slot"] - 1,
        )  # fmt: skip
        again = again and int(choice.action[0]) == one.row["action"]
        slots.append(_slot(wave, one, probability, values))
        prior = choice.joint
    now = prepare.prepare(wave, found)[0].mask[0]
    return Explanation(
        customer=customer,
        wave=served.name,
        snapshot=served.manifest["snapshot"],
        slots=slots,
        funnel=_funnel(wave, found),
        notes=_notes(wave, served, rows, again=again, now=now),
    )


def _slot(wave: Wave, one: _Recorded, probability: Float64, values: Any) -> Slot:
    posterior, x = wave.posterior, one.context.astype(np.float64)
    means = posterior.mean @ x
    widths = np.sqrt(np.einsum("i,kij,j->k", x, posterior.covariance, x))
    names = [(None, None), *wave.plan.space.pairs]
    taken = int(one.row["action"])
    order = np.lexsort((np.arange(len(names)), -means, -probability, ~one.allowed))
    shown = [int(a) for a in order[:MOST_CONTENDERS] if one.allowed[a]]
    if taken not in shown:
        shown.append(taken)
    cost = wave.plan.costs + wave.plan.prices
    contenders = [
        Contender(
            *names[a],
            probability=float(probability[a]),
            mean=float(means[a]),
            width=float(widths[a]),
            value=float(values[a]),
            cost=float(cost[a]),
            worth=float(values[a] * means[a] - cost[a]),
        )
        for a in shown
    ]
    return Slot(
        placement=one.row["placement"],
        slot=one.row["slot"],
        offer=one.row["offer"],
        channel=one.row["channel"],
        group=one.row["group"],
        propensity=one.row["propensity"],
        contenders=contenders,
        others=int(one.allowed.sum()) - len(contenders),
        features=_contributions(wave, posterior, taken, x),
    )


def _contributions(wave: Wave, posterior: Moments, action: int, x: Float64) -> dict[str, float]:
    """The largest terms of the taken action's mean, by feature."""
    terms = posterior.mean[action] * x
    largest = np.argsort(-np.abs(terms), kind="stable")[:MOST_FEATURES]
    return {wave.start.spec.names[j]: float(terms[j]) for j in largest if terms[j] != 0.0}


def _funnel(wave: Wave, found: CustomerRows) -> dict[str, list[str]]:
    """Which rule takes out which pairs, by today's data."""
    out: dict[str, list[str]] = {stage: [] for stage in STAGES}
    for name, stage in zip(wave.plan.space.names[1:], prepare.stages(wave, found), strict=True):
        if stage is not None:
            out[stage].append(name)
    return out


def _notes(
    wave: Wave, served: record.Wave, rows: Sequence[_Recorded], *, again: bool, now: Any
) -> list[str]:
    notes = []
    if wave.run.campaign.digest != served.manifest["config"]:
        notes.append("campaign.toml has changed since this wave")
    first = rows[0]
    then = first.allowed
    if first.row["placement"] == "outbound" and not np.array_equal(
        then, now & wave.plan.placements[0].actions
    ):
        notes.append("the customer's data give another eligible set today than in this wave")
    notes.append(
        "derived again from the record: the same decisions"
        if again
        else "derived again with today's values and costs, the decisions would differ"
    )
    return notes
