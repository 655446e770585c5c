"""The wave drawn again and again, and a constrained policy judged from a free one's log."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
from scipy import stats

from bandit import ope
from bandit.core.types import NO_CONTACT
from bandit.workflows.serve.decide import fill
from bandit.workflows.serve.hard_caps import Planned
from simulations.propensities.environment import Setting, distribution


class Agreement(NamedTuple):
    """``inside``: share of the (customer, action) pairs within the 99.9 % interval."""

    redraws: int
    pairs: int
    inside: float
    thinned: float
    passed: int


class Weights(NamedTuple):
    """Importance weights of the wave's own log onto `uniform over eligible`."""

    mean: float
    standard_error: float
    waves: int


class Modelled(NamedTuple):
    """One of `MODELS`: without caps, under caps that bind, and weights of a larger such wave."""

    name: str
    loose: Agreement
    tight: Agreement
    weights: Weights


class Judged(NamedTuple):
    """A constrained policy, judged from ``logs`` of a free one, a day each.

    ``inside``: how many 95 % intervals hold the true value; ``bias`` mean error, with its standard
    error; ``truth`` mean of the days' true values.
    """

    name: str
    logs: int
    inside: int
    truth: float
    bias: float
    standard_error: float


def redraw(setting: Setting, redraws: int) -> Agreement:
    """Frequencies against the mean of the stated probabilities, keep probabilities included."""
    wave, batch = setting.wave, setting.batch
    policy = distribution(wave, batch)
    n, k = policy.shape
    counts, stated = np.zeros((n, k)), np.zeros((n, k))
    thinned = passed = 0
    for seed in range(1, redraws + 1):
        again = wave._replace(run=wave.run._replace(seed=seed))
        planned = Planned(again, limited=True)
        slots = list(fill(again, batch))
        planned.add(slots, batch)
        rule = planned.thinning([setting.caps])
        keep = np.ones(k) if rule is None else rule.keep[0]
        if rule is not None:
            slots = list(fill(again, batch, rule=rule))
            thinned += 1
        action = slots[0].choice.action
        counts[np.arange(n), action] += 1
        stated += policy * keep
        stated[:, NO_CONTACT] += policy @ (1.0 - keep)
        used = np.bincount(action, minlength=k) @ setting.caps.usage
        passed += int((used > setting.caps.most + 1e-9).any())
    probability = np.clip(stated / redraws, 0.0, 1.0)
    low = stats.binom.ppf(0.0005, redraws, probability)
    high = stats.binom.ppf(0.9995, redraws, probability)
    some = probability > 0
    inside = ((counts >= low) & (counts <= high))[some].mean()
    impossible = (counts > 0) & ~some
    if impossible.any():
        raise RuntimeError("an action was taken that was stated to be impossible")
    return Agreement(redraws, int(some.sum()), float(inside), thinned / redraws, passed)


def own_weights(setting: Setting, waves: int) -> Weights:
    """Mean weight over several draws of the wave, thinning included."""
    total = []
    for seed in range(1, waves + 1):
        again = setting.wave._replace(run=setting.wave.run._replace(seed=1000 + seed))
        planned = Planned(again, limited=True)
        slots = list(fill(again, setting.batch))
        planned.add(slots, setting.batch)
        slots = list(fill(again, setting.batch, rule=planned.thinning([setting.caps])))
        first = slots[0]
        total.append(1.0 / first.allowed.sum(axis=1) / first.choice.propensity)
    weight = np.concatenate(total)
    return Weights(float(weight.mean()), float(weight.std() / np.sqrt(weight.size)), waves)


def judged(setting: Setting, logs: int) -> list[Judged]:
    """IPS, SNIPS and DR of the constrained policy; each day the same customers answer anew."""
    batch, costs = setting.batch, setting.wave.plan.costs
    ids, rows = batch.ids.to_numpy(), np.arange(len(batch.ids))
    target = distribution(setting.wave, batch)
    mean = batch.contexts.astype(float) @ setting.wave.posterior.mean.T - costs
    q_target = (target * mean).sum(axis=1)
    truths = np.empty(logs)
    found: dict[str, list[ope.Estimate]] = {"ips": [], "snips": [], "dr": []}
    for day in range(logs):
        at = setting.wave.run.at + dt.timedelta(days=day)
        truths[day] = (target * setting.world.net_values(ids, at)).sum(axis=1).mean()
        free = setting.free._replace(run=setting.free.run._replace(seed=day))
        logged = next(fill(free, batch)).choice
        reward = setting.world.sample(ids, logged.action, at) - costs[logged.action]
        weight = target[rows, logged.action] / logged.propensity
        q_logged = mean[rows, logged.action]
        found["ips"].append(ope.ips(reward, weight))
        found["snips"].append(ope.snips(reward, weight))
        found["dr"].append(ope.dr(reward, weight, q_logged, q_target))
    result = []
    for name, estimates in found.items():
        error = np.array([e.value for e in estimates]) - truths
        inside = sum(bool(e.lower <= t <= e.upper) for e, t in zip(estimates, truths, strict=True))
        result.append(
            Judged(
                name, logs, inside, float(truths.mean()), float(error.mean()),
                float(error.std(ddof=1) / np.sqrt(logs)),
            )
        )  # fmt: skip
    return result
