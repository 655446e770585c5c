"""Whether the arms are what was drawn: their sizes at each stage, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandit import experiments
from bandit.config.experiment import Experiment
from bandit.core.types import Array, Float64
from bandit.results.experiment import Balance, RatioCheck
from bandit.stats.comoments import Comoments
from bandit.stats.quantiles import bennett_tail
from bandit.workflows.experiment.enrolled import Contacts, Enrolled


def ratios(
    asked: Experiment, assigned: Sequence[int], found: Enrolled, sent: Contacts
) -> list[RatioCheck]:
    """Sizes of the arms as assigned, as listed of what was decided, and as compared.

    Compared is who was assigned and still stands in the record: with every outcome that came, and
    with zero where none did, so that nobody is lost for having none.

    Where households were assigned they are what is counted, but for customers of whom the record
    has nothing any more.
    """
    drawn = np.array(assigned) if found.homes is None else found.homes
    return [
        _check("assigned", drawn, np.array(asked.shares)),
        exported(sent),
        _check("compared", found.assigned, np.array(assigned)),
    ]


def exported(sent: Contacts) -> RatioCheck:
    """Listed contacts by arm against those that were decided; households where they are units."""
    decided, listed = (sent.decided, sent.exported) if sent.units is None else sent.units
    return _check("exported", listed, decided)


def _check(stage: str, counts: Array, meant: Array) -> RatioCheck:
    """Arms that should have nobody have no part in it."""
    some = meant > 0
    p = 1.0
    if some.sum() > 1 and counts[some].sum() > 0:
        p = experiments.sample_ratio(counts[some], meant[some])
    return RatioCheck(stage, float(p), bool(p < experiments.ALARM))


def balance(asked: Experiment, found: Enrolled) -> Balance | None:
    """The A/A of the arms: no feature of before may tell them apart."""
    control, best = found.moments[0], []
    for arm, moments, least, most in zip(
        asked.arm[1:], found.moments[1:], found.least[1:], found.most[1:], strict=True
    ):
        if control.count < 2 or moments.count < 2:
            continue
        low, high = np.minimum(least, found.least[0]), np.maximum(most, found.most[0])
        apart = _apart(control, moments, low, high)
        best += [(arm.name, name, float(one)) for name, one in zip(
            found.spec.names, apart, strict=True)]  # fmt: skip
    if not best:
        return None
    smallest = int(np.argmin([p for *_, p in best]))
    arm_name, feature, _ = best[smallest]
    p = float(experiments.holm([p for *_, p in best])[smallest])
    return Balance(feature, arm_name, p, p < experiments.ALARM)


def _apart(control: Comoments, arm: Comoments, low: Float64, high: Float64) -> Float64:
    """Two-sided p-values float64[d], at most, that who is in the arm was drawn of both.

    Of all these customers, each in the arm with its share q and independently, the arm's Σ (x - x̄)
    has the variance q (1 - q) Σ (x - x̄)², and no one of them adds more than ``low`` and ``high`` of
    the features float64[d] allow. An arm too small to have anybody of a rare kind has no spread of
    its own there; Bennett's inequality asks nothing of it (docs/adr/0372).
    """
    both = control.merge(arm)
    q = arm.count / both.count
    excess = arm.count * (arm.mean - both.mean)
    variance = q * (1.0 - q) * np.diagonal(both.products)
    over, under = high - both.mean, both.mean - low
    above = bennett_tail(excess, variance, np.maximum((1.0 - q) * over, q * under))
    below = bennett_tail(-excess, variance, np.maximum((1.0 - q) * under, q * over))
    return np.minimum(1.0, 2.0 * np.minimum(above, below))
