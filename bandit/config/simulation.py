"""What `[simulate]` may say: the candidates that are judged, and how.

A leaf below `bandit.config.campaign`, which takes it in as a section.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from bandit.config.section import Link, Share, Strict

Label = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Width = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Ridge = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]

Kind = Literal[
    "no_contact", "constant", "rules", "uniform",
    "lin_ucb", "lin_ts", "greedy", "epsilon_greedy", "beta_ts",
    "snapshot", "mixture", "table", "mabwiser",
]  # fmt: skip
Learner = Literal["lin_ucb", "lin_ts", "greedy", "epsilon_greedy"]
Estimator = Literal["ips", "snips", "dm", "dr", "sndr", "switch_dr", "dros", "sg_ips", "sg_dr"]
Interval = Literal["bootstrap", "student_t", "bernstein", "hoeffding", "betting", "adaptive"]

FITTED = frozenset({"lin_ucb", "lin_ts", "greedy", "epsilon_greedy", "beta_ts", "mabwiser"})
"""Policies that learn from the log itself, on other customers than they are judged on."""

_OPTIONS: dict[str, frozenset[str]] = {
    "no_contact": frozenset(),
    "constant": frozenset({"action"}),
    "rules": frozenset({"order"}),
    "uniform": frozenset(),
    "lin_ucb": frozenset({"alpha", "ridge", "link"}),
    "lin_ts": frozenset({"alpha", "ridge", "link"}),
    "greedy": frozenset({"ridge", "link"}),
    "epsilon_greedy": frozenset({"epsilon", "ridge", "link"}),
    "beta_ts": frozenset(),
    "snapshot": frozenset({"version", "decides", "alpha", "epsilon"}),
    "mixture": frozenset({"share", "holdout", "exploration", "prices"}),
    "table": frozenset({
        "source", "table", "query", "customer", "position", "action_column", "probability",
    }),
    "mabwiser": frozenset({"learning", "alpha", "epsilon"}),
}  # fmt: skip
_NEEDED = {"constant": ("action",), "table": ("source",)}


class Part(Strict):
    """One rollout share of a mixture that is judged."""

    policy: Literal["lin_ucb", "lin_ts", "greedy", "epsilon_greedy", "beta_ts", "uniform", "rules"]
    share: Share
    alpha: Width = 1.0
    epsilon: Share = 0.1


class Candidate(Strict):
    """A policy to judge. A list for alpha, epsilon or ridge is a sweep: one candidate a value."""

    policy: Kind
    name: Label | None = None
    action: str | None = None
    order: tuple[str, ...] | None = None
    alpha: Width | tuple[Width, ...] = 1.0
    epsilon: Share | tuple[Share, ...] = 0.1
    ridge: Ridge | tuple[Ridge, ...] | None = None
    link: Link | None = None
    version: str | None = None
    decides: Learner = "greedy"
    holdout: Share = 0.0
    exploration: Share = 0.0
    shares: tuple[Part, ...] | None = Field(default=None, alias="share")
    prices: bool = False
    source: str | None = None
    table: str | None = None
    query: str | None = None
    customer: str | None = None
    position: str | None = None
    action_column: str = "action"
    probability: str = "probability"
    learning: Literal["lin_ucb", "lin_greedy", "epsilon_greedy", "ucb1", "softmax"] = "lin_ucb"

    @model_validator(mode="after")
    def _belongs(self) -> Candidate:
        """Refuse an option that the policy would silently ignore."""
        given = {"share" if n == "shares" else n for n in self.model_fields_set}
        known = _OPTIONS[self.policy] | {"policy", "name"}
        if strange := sorted(given - known):
            raise ValueError(
                f"policy {self.policy!r} has no option {strange[0]!r}; it takes "
                f"{', '.join(sorted(known - {'policy'}))}"
            )
        for needed in _NEEDED.get(self.policy, ()):
            if getattr(self, needed) is None:
                raise ValueError(f"policy {self.policy!r} needs {needed!r}; add it")
        if self.link == "logit" and self.ridge is not None:
            raise ValueError('a ridge is of pairs that learn alone, link = "logit" of all together')
        if self.shares is not None and abs(sum(p.share for p in self.shares) - 1.0) > 1e-9:
            total = sum(p.share for p in self.shares)
            raise ValueError(f"the shares sum to {total:g}; they must sum to 1")
        return self

    @property
    def label(self) -> str:
        """The name given, else the policy with what tells it from others of its kind."""
        if self.name is not None:
            return self.name
        if self.policy == "constant":
            return f"always {self.action}"
        if self.policy == "snapshot":
            return f"snapshot {self.version or 'newest'}"
        if self.policy == "mabwiser":
            return f"mabwiser {self.learning}"
        return self.policy if self.link is None else f"{self.policy} {self.link}"

    def expanded(self) -> list[Candidate]:
        """One candidate for every combination of the listed values."""
        found = [self]
        for option in ("alpha", "epsilon", "ridge"):
            found = [one for c in found for one in c._along(option)]
        return found

    def _along(self, option: str) -> list[Candidate]:
        values: Any = getattr(self, option)
        if not isinstance(values, tuple):
            return [self]
        return [
            self.model_copy(update={option: value, "name": f"{self.label} {option}={value:g}"})
            for value in values
        ]


DEFAULT_CANDIDATES = (
    Candidate(policy="lin_ts"),
    Candidate(policy="lin_ucb"),
    Candidate(policy="greedy"),
    Candidate(policy="rules"),
    Candidate(policy="uniform"),
    Candidate(policy="no_contact"),
)


class Simulate(Strict):
    """How `bandit simulate` judges. The first candidate is the one that the gate asks about."""

    candidates: tuple[Candidate, ...] = Field(default=DEFAULT_CANDIDATES, alias="candidate")
    business_as_usual: Label = "rules"
    gate: Label | None = None
    estimators: Annotated[tuple[Estimator, ...], Field(min_length=1)] = ("dr", "snips", "ips")
    interval: Interval | None = None
    looks: Literal["every_wave", "once"] = "every_wave"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    clip: Annotated[float, Field(gt=0)] | None = None
    reward_range: tuple[float, float] | None = None
    segments: tuple[str, ...] | None = None
    placement: str | None = None
    max_rows: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _names(self) -> Simulate:
        labels = [one.label for c in self.candidates for one in c.expanded()]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"two candidates are called {twice[0]!r}; give each a name of its own")
        if self.reward_range is not None and not self.reward_range[0] < self.reward_range[1]:
            raise ValueError("reward_range must be [least, largest], and rise")
        return self
