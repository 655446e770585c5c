"""What `bandit simulate` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bandit.results.figures import Interval
from bandit.results.result import Result


@dataclass(frozen=True)
class Judged:
    """One candidate, per decision and in the campaign's unit.

    ``lift`` is over business as usual (None where there is none), ``over_logged`` over the policy
    that made the log; ``estimates`` are the values by every estimator; ``shares`` what it would do.
    """

    name: str
    policy: str
    rows: int
    value: Interval
    lift: Interval | None
    over_logged: Interval | None
    effective_sample_size: float
    mean_weight: float
    mean_weight_error: float
    max_weight: float
    max_weight_share: float
    unsupported_share: float
    decision: str
    reason: str
    needed_n: int | None
    estimates: dict[str, Interval]
    shares: dict[str, float]


@dataclass(frozen=True)
class GroupLift:
    """What a randomised group of the waves earned over another, as the two were served."""

    group: str
    over: str
    rows: int
    lift: Interval


@dataclass(frozen=True)
class WholeWave:
    """A candidate with all that customers are given in a wave, every slot of every placement.

    By weights alone, a customer and wave; ``lift`` is over business as usual. ``refused`` says why
    the log cannot tell: the two are None then.
    """

    name: str
    rows: int
    value: Interval | None
    lift: Interval | None
    effective_sample_size: float
    mean_weight: float
    mean_weight_error: float
    refused: str | None


@dataclass(frozen=True)
class Beside:
    """A shadow as it decided live beside the served policy, in ``slots`` of these waves.

    ``agreement`` is the mean probability that it gives to what was done, ``lift`` how much more its
    picks were expected to be worth than the served ones, a slot, by the model that decided.
    """

    name: str
    slots: int
    agreement: float
    lift: float


@dataclass(frozen=True)
class SegmentLift:
    """Lift of the gate's candidate among some customers."""

    column: str
    group: str
    rows: int
    lift: Interval


@dataclass(frozen=True)
class Period:
    """A stretch of the log in the order of time: what was earned, by group where there are some."""

    label: str
    group: str
    rows: int
    reward: Interval


@dataclass(frozen=True)
class LearningCurve:
    """Value a decision up to each number of decisions replayed, with a band over replicates."""

    name: str
    how: str
    seen: list[int]
    value: list[float]
    lower: list[float]
    upper: list[float]


@dataclass(frozen=True)
class Gate:
    """What the gate says to its candidate."""

    candidate: str
    decision: str
    reason: str
    needed_n: int | None

    @property
    def ships(self) -> bool:
        """Whether it may go out."""
        return self.decision == "ship"


@dataclass(frozen=True)
class SimulateResult(Result):
    """Everything that was found; ``logged`` is what the policy that made the log earned.

    ``confidence`` is that of the intervals shown: at look number ``looks`` of a campaign that is
    looked at after every wave they are wider than ``promised``, the confidence asked for, so that
    of policies without a lift at most 1 - ``promised`` ever ship. ``folder`` is where its page
    goes, ``report`` the page.
    """

    title: str
    unit: str
    rows: int
    customers: int
    actions: int
    causal: bool
    logged: Interval
    business_as_usual: str | None
    estimator: str
    interval: str
    confidence: float
    at_once: int
    gate: Gate
    candidates: list[Judged]
    groups: list[GroupLift]
    whole: list[WholeWave]
    segments: list[SegmentLift]
    periods: list[Period]
    has_waves: bool
    weights: dict[str, list[float]]
    folder: Path
    looks: int
    promised: float
    shadows: list[Beside] = field(default_factory=list)
    curves: list[LearningCurve] = field(default_factory=list)
    report: Path | None = None
    notes: list[str] = field(default_factory=list)
