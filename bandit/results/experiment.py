"""What an experiment would need, what it holds, and what it showed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.figures import Interval
from bandit.results.result import Change, Result


@dataclass(frozen=True)
class ArmPlan:
    """An arm, and how many of the members are expected in it; the first one is the control."""

    arm: str
    policy: str
    share: float
    customers: int


@dataclass(frozen=True)
class MetricPlan:
    """One arm against the control on the primary metric.

    ``mean`` and ``sd`` a customer over the experiment, ``rho`` of the covariate, as measured;
    ``kurtosis`` of what the covariate leaves, and ``amount`` that a purchase comes to: Σx²/Σ|x|;
    ``icc`` is what people of a household have in common, ``household_size`` the mean size that a
    customer sees, both None where customers are assigned.
    ``needed`` customers in both arms show ``effect`` with the power asked for; ``available`` show
    no less than ``detectable`` with it, and ``effect`` with probability ``chance``.
    """

    arm: str
    metric: str
    mean: float
    sd: float
    rho: float
    kurtosis: float
    amount: float
    icc: float | None
    household_size: float | None
    effect: float
    needed: int
    available: int
    detectable: float
    chance: float


@dataclass(frozen=True)
class ExperimentDesign(Result):
    """``population`` customers of today are asked for, ``members`` of them would be assigned.

    ``reached``: of 100 such customers, how many had an offer, were contacted and were listed in the
    newest closed wave. ``control_cost`` is what the control would miss over the experiment by the
    groups of ``measured`` waves, None where none of them ran both; ``control_cost_if`` what it
    misses if the least effect worth finding is there.
    """

    experiment: str
    hypothesis: str
    unit: str
    population: int
    members: int
    waves: int
    measured: list[str]
    looks: str
    looks_cost: float
    arms: list[ArmPlan]
    plans: list[MetricPlan]
    reached: dict[str, float]
    control_cost: Interval | None
    control_cost_if: float
    can_succeed: bool
    verdict: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ExperimentStart(Result):
    """``buckets`` of the layer's 10,000 are the experiment's from ``start`` on.

    ``pinned``: the snapshots that arms decide by, by arm.
    """

    experiment: str
    layer: str
    buckets: int
    start: str
    waves: int
    digest: str
    arms: dict[str, float]
    notes: list[str] = field(default_factory=list)
    pinned: dict[str, str] = field(default_factory=dict)

    def change(self) -> Change:
        """As the journal has it."""
        return Change("experiment start", self.experiment)


@dataclass(frozen=True)
class ExperimentStop(Result):
    """``served`` are the waves that it had; its buckets rest until ``free_from``."""

    experiment: str
    layer: str
    end: str
    free_from: str
    served: list[str]
    notes: list[str] = field(default_factory=list)

    def change(self) -> Change:
        """As the journal has it."""
        return Change("experiment stop", self.experiment)


@dataclass(frozen=True)
class ArmCount:
    """``assigned`` at the first wave, ``contacts`` decided over the waves, ``exported`` of them.

    ``compared`` are the assigned whom the record still has; ``units`` the households that they are
    of, None where customers were assigned.
    """

    arm: str
    policy: str
    share: float
    assigned: int
    compared: int
    units: int | None
    contacts: int
    exported: int


@dataclass(frozen=True)
class RatioCheck:
    """Whether the arms have the sizes that they should at a stage; p-value 1 where it is moot."""

    stage: str
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class DeliveryCheck:
    """Of a wave and channel, by arm: listed ``contacts``, and those with the event ``stage``.

    ``p_value`` that the arms have the same share of it, raised by the number of checks;
    ``dropped``: less than half of what the best wave and arm of the channel has.
    """

    stage: str
    wave: str
    channel: str
    contacts: dict[str, int]
    delivered: dict[str, int]
    p_value: float
    alarm: bool
    dropped: bool


@dataclass(frozen=True)
class Balance:
    """A/A: the feature, as served at the first wave, by which an arm differs most from the control.

    ``p_value`` is raised for all features and arms that were looked at (Holm).
    """

    feature: str
    arm: str
    p_value: float
    alarm: bool


@dataclass(frozen=True)
class ListFault:
    """What of the lists must not be: ``count`` rows, ``examples`` of their decisions."""

    check: str
    count: int
    examples: list[str]


@dataclass(frozen=True)
class ListCheck(Result):
    """``checks`` were made, ``faults`` found; ``ratio``: arms as listed against as decided.

    ``digest`` is of the lists' bytes: what left can be told by it.
    """

    wave: str
    experiment: str | None
    lists: dict[str, int]
    checks: list[str]
    faults: list[ListFault]
    ratio: RatioCheck | None
    passed: bool
    verdict: str
    digest: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class InsiderLists(Result):
    """``lists`` are rows by channel, in ``folder``; ``arms`` rows by arm."""

    experiment: str
    folder: Path
    insiders: int
    lists: dict[str, int]
    arms: dict[str, int]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EffectRead:
    """An arm less the control, a customer over the closed waves, on those assigned.

    ``interval`` is at the confidence of this look, ``relative`` to the control's mean, at the plain
    confidence; ``limit`` is how many standard errors pass. ``adjusted_p`` is raised for the other
    secondary metrics and arms, None for other roles. ``contacted``: the primary effect on those
    whom the arm contacted and the control did not (Wald's ratio). ``said``: better, worse, not
    shown; of a guardrail held, broken, not shown; of a diagnostic nothing. ``customers`` of both
    arms whose value is not 0; of a guardrail with fewer than ten the limits are those of counts, or
    infinite where none can be had.
    """

    metric: str
    role: str
    arm: str
    control_mean: float
    arm_mean: float
    interval: Interval
    relative: Interval
    limit: float
    p_value: float
    adjusted_p: float | None
    said: str
    contacted: Interval | None = None
    customers: int = 0


@dataclass(frozen=True)
class LookRead:
    """The primary effect after each closed wave, with its limits then and the alpha spent."""

    wave: str
    arm: str
    fraction: float
    interval: Interval
    limit: float
    alpha_spent: float


@dataclass(frozen=True)
class SegmentRead:
    """The primary effect among some customers, as found and moved to the segments' common mean.

    ``adjusted_p`` is raised for all segments and arms (Benjamini, Hochberg).
    """

    column: str
    segment: str
    arm: str
    customers: int
    interval: Interval
    shrunken: Interval
    p_value: float
    adjusted_p: float


@dataclass(frozen=True)
class ExperimentReading(Result):
    """``verdict``: nothing yet, blocked, go on, ship, worse, guardrail, not shown; ``words`` why.

    ``waves`` have closed windows and are compared, ``waiting`` are served and still open. ``best``
    is the arm that the verdict is about. ``folder`` is where its page goes, ``report`` the page.
    ``deliveries``: whether the arms' contacts were heard of alike, where `funnel` begins with that.
    """

    experiment: str
    hypothesis: str
    unit: str
    control: str
    method: str
    look: int
    looks: int
    waves: list[str]
    waiting: list[str]
    arms: list[ArmCount]
    ratios: list[RatioCheck]
    balance: Balance | None
    effects: list[EffectRead]
    path: list[LookRead]
    segments: list[SegmentRead]
    verdict: str
    best: str | None
    words: str
    folder: Path
    report: Path | None = None
    notes: list[str] = field(default_factory=list)
    deliveries: list[DeliveryCheck] = field(default_factory=list)
