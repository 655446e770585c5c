"""What could be taken in a slot, with what each group contributed to its probability."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bandit.core.types import Array, Bool, Choice, Float32, Float64
from bandit.models.curved import bends_of, curves_of
from bandit.models.kinds import Composed
from bandit.models.moments import Moments
from bandit.models.moved import inner, lifts_of
from bandit.models.owned import OwnedPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.relative import RelativePosterior
from bandit.models.told import variance
from bandit.record import why
from bandit.results.inspect import Contender, Kind, Slot
from bandit.workflows.serve.plan import number_of
from bandit.workflows.serve.wave import Wave

MOST_CONTENDERS = 8
MOST_FEATURES = 8


class Seen(NamedTuple):
    """A decision's ``context`` float32[d], ``allowed`` bool[k] and ``values`` float32[k].

    ``prices`` float64[k]: what the customer's population paid; ``parts``: float64[k] each, of the
    draw's probability: exploration, the groups, the holdout.
    """

    context: Float32
    allowed: Bool
    values: Array
    prices: Float64
    parts: list[Float64]


class Draw(NamedTuple):
    """What one decision was drawn from, of one customer: contexts float32[1, d], and so on.

    ``prior`` as in `Mixture.choose`; ``values`` float32[k]; ``population``: whose prices are paid;
    ``unit`` uint64[1] what an experiment assigned as a whole.
    """

    contexts: Float32
    eligible: Bool
    values: Array
    which: Array
    population: int
    key: Array
    unit: Array
    prior: Float64 | None


def derived(wave: Wave, placement: str, number: int, draw: Draw) -> tuple[Seen, Choice]:
    """What each group contributed to a slot's probabilities, and what is drawn again."""
    place = next(p for p in wave.plan.placements if p.name == placement)
    prices = wave.plan.prices[draw.population]
    problem: dict[str, Any] = {
        "eligible": draw.eligible,
        "values": draw.values,
        "costs": wave.plan.costs + prices,
        "units": draw.unit,
    }
    contributions = wave.plan.policy.contributions(
        wave.posterior, draw.contexts, draw.which, draw.key, **problem, prior=draw.prior
    )
    choice = wave.plan.policy.choose(
        wave.posterior, draw.contexts, draw.which, draw.key, **problem, prior=draw.prior,
        seed=wave.run.seed, wave=number_of(wave.run.wave), draw=place.draw + number - 1,
    )  # fmt: skip
    parts = [part[0] for part in contributions]
    return Seen(draw.contexts[0], draw.eligible[0], draw.values, prices, parts), choice


def slot(wave: Wave, row: dict[str, Any], seen: Seen) -> Slot:
    """A decision of the record with those it was taken from, the likeliest first.

    Means are those of what the customer's arm decided by.
    """
    by, x = wave.decides(row["group"]), seen.context.astype(np.float64)
    posterior, planned = inner(by), why.planned_of(row)
    lifts = lifts_of(by, x[None, :])[0]
    bends = bends_of(by, x[None, :])[0]
    means = posterior.mean @ x + lifts
    probability: Float64 = np.sum(seen.parts, axis=0)
    order = np.lexsort((np.arange(len(means)), -means, -probability, ~seen.allowed))
    shown = [int(a) for a in order[:MOST_CONTENDERS] if seen.allowed[a]]
    shown += [a for a in dict.fromkeys((planned, int(row["action"]))) if a not in shown]
    found = [_contender(wave, by, seen, a, float(means[a]), x) for a in shown]
    keep = row.get("keep_probability")
    return Slot(
        placement=row["placement"],
        slot=row["slot"],
        offer=row["offer"],
        channel=row["channel"],
        group=row["group"],
        propensity=row["propensity"],
        planned=why.name_of(wave.plan.space, planned),
        keep=1.0 if keep is None else float(keep),
        reason=why.reason_of(row),
        contenders=found,
        others=int(seen.allowed.sum()) - len(found),
        features=_contributions(wave, posterior, planned, x),
        parts=_parts(wave, posterior, planned, x, float(lifts[planned]), float(bends[planned])),
    )


def _contender(
    wave: Wave, by: Moments, seen: Seen, action: int, mean: float, x: Float64
) -> Contender:
    """Noise turns the posterior's |x|, which has no unit, into money.

    Policies draw by ``drawn_width``; ``width`` has what the model takes for certain there too.
    """
    value = float(seen.values[action])
    kinds = _kinds(wave, by, action, value, x)
    spread = max(float(x @ by.covariance[action] @ x), 0.0)
    drawn = abs(value) * by.noise_scale * spread**0.5
    if kinds:
        width = float(np.linalg.norm([kind.width for kind in kinds]))
    else:
        width = abs(value) * variance(inner(by), by.noise_scale, action, x, mean) ** 0.5
    cost, price = float(wave.plan.costs[action]), float(seen.prices[action])
    names = ("exploration", *wave.plan.groups, "holdout")
    groups = {name: float(part[action]) for name, part in zip(names, seen.parts, strict=True)}
    offer, channel = (None, None) if action == 0 else wave.plan.space.pairs[action - 1]
    return Contender(
        offer=offer,
        channel=channel,
        probability=sum(groups.values()),
        by_group={name: part for name, part in groups.items() if part > 0.0},
        mean=mean,
        width=max(width, drawn),
        drawn_width=drawn,
        value=value,
        cost=cost,
        price=price,
        worth=value * mean - cost - price,
        kinds=kinds,
    )


def _kinds(wave: Wave, by: Moments, action: int, value: float, x: Float64) -> list[Kind]:
    """What each kind of events is expected to bring, and how well that is known."""
    posterior, worths = inner(by), wave.worths
    curves = curves_of(by)
    if worths is None or not isinstance(posterior, Composed):
        return []
    found = []
    for name, part, noise, row in zip(
        worths.kinds, posterior.parts, posterior.noises, worths.weights, strict=True
    ):
        events, worth = float(part.mean[action] @ x), value * float(row[action])
        if name in curves:
            events = curves[name].of(action, x)
        width = abs(worth) * variance(part, float(noise), action, x, events) ** 0.5
        found.append(Kind(name, events, worth, worth * events, width))
    return found


def _contributions(wave: Wave, posterior: Moments, action: int, x: Float64) -> dict[str, float]:
    """The largest terms of an action's mean, by feature."""
    terms = posterior.mean[action] * x
    largest = np.argsort(-np.abs(terms), kind="stable")[:MOST_FEATURES]
    return {wave.start.spec.names[j]: float(terms[j]) for j in largest if terms[j] != 0.0}


def _parts(
    wave: Wave, posterior: Moments, action: int, x: Float64, lift: float, bend: float
) -> dict[str, float]:
    """An action's mean: what it shares with others, its own, scores and gap, link and order."""
    if not isinstance(posterior, Composed | PooledPosterior | OwnedPosterior | RelativePosterior):
        return {}
    terms: dict[str, float] = {}
    rest = x.copy()
    for column, places in wave.start.spec.scored:
        name, at = "score" if column.product is None else "gap", list(places)
        terms[name] = terms.get(name, 0.0) + float(posterior.mean[action][at] @ x[at])
        rest[at] = 0.0
    shared, own = (float(part[action] @ rest) for part in posterior.split_mean)
    if bend != 0.0:
        terms["link"] = bend
    if lift != bend:
        terms["depth"] = lift - bend
    return {"shared": shared, "own": own, **terms}
