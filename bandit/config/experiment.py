"""What experiments/<name>.toml may say: arms, metrics, looks; read strictly, digested whole."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator, model_validator

from bandit.config import campaign_file
from bandit.config.reward import Amount
from bandit.config.section import Day, Name, Strict, formed
from bandit.core import files
from bandit.core.errors import ConfigError, UsageError
from bandit.core.problems import nearest

FOLDER = "experiments"
"""In a campaign's folder; an experiment is called as its file is."""
NO_CONTACT, RULES, LEARNED, CURRENT = "no_contact", "rules", "learned", "current"
SNAPSHOT = "snapshot"
POLICIES = (NO_CONTACT, RULES, LEARNED, CURRENT, SNAPSHOT)
SHARED, PROPORTIONAL = "shared", "proportional"
GROUP_SEQUENTIAL, CONFIDENCE_SEQUENCE, FIXED = (
    "group_sequential", "confidence_sequence", "fixed",
)  # fmt: skip
EVENTS = "events."
"""Begins the value of a metric that counts events of a kind."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_Open = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
_Size = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
_Version = Annotated[
    str,
    formed(
        r"[0-9]{6,9}",
        "a snapshot is named by the digits of its version, as text: snapshot = '000003';"
        " `bandit status` lists them",
    ),
]
_Value = Annotated[
    str,
    formed(
        r"net|reward|responded|contacts|events\..+",
        "a metric is of net, reward, responded, contacts or events.KIND (events.sale)",
    ),
]


class Arm(Strict):
    """What some of the members get; the first arm is the control.

    ``capacity``: of the campaign's limits an arm has the part that its customers are of all
    (proportional), or draws from what is left with everybody else (shared). docs/adr/0140.
    ``snapshot`` is the version that an arm with that policy decides by, whatever is learned since.
    """

    name: Name
    share: _Open
    policy: str | tuple[str, ...]
    snapshot: _Version | None = None
    capacity: Literal["shared", "proportional"] = "shared"

    @model_validator(mode="after")
    def _takes_something(self) -> Arm:
        if self.capacity == PROPORTIONAL and self.policy == NO_CONTACT:
            raise ValueError(
                "capacity = 'proportional' would let a part of every limit lie idle, since"
                " no_contact takes nothing: drop it for this arm"
            )
        return self

    @field_validator("snapshot", mode="before")
    @classmethod
    def _as_text(cls, given: object) -> object:
        # A whole number would lose its zeros: it is told like a text that will not do.
        return given if given is None or isinstance(given, str) else repr(given)

    @model_validator(mode="after")
    def _names_what_it_decides_by(self) -> Arm:
        if self.policy == SNAPSHOT and self.snapshot is None:
            raise ValueError(
                "policy = 'snapshot' needs snapshot, the version to decide by: snapshot ="
                " '000003'; `bandit status` lists them"
            )
        if self.policy != SNAPSHOT and self.snapshot is not None:
            raise ValueError(
                f"snapshot = {self.snapshot!r} is for policy = 'snapshot' alone: write that policy,"
                " or drop the snapshot"
            )
        return self

    @field_validator("policy", mode="before")
    @classmethod
    def _known(cls, given: object) -> object:
        if isinstance(given, tuple | list) and given and all(isinstance(a, str) for a in given):
            return tuple(given)
        if isinstance(given, str) and given in POLICIES:
            return given
        raise ValueError(
            f"{given!r} is no policy of an arm: write {', '.join(POLICIES)}, or a list of actions"
            " such as ['fibre/email', 'music/email'], the first that a customer may get"
        )


class Metric(Strict):
    """What is compared, a customer over the experiment's waves; with ``per`` a ratio of totals."""

    name: Name
    role: Literal["primary", "guardrail", "secondary", "diagnostic"]
    value: _Value
    per: _Value | None = None
    covariate: str | None = None
    minimum_effect: Amount | None = None
    margin: _Size | None = None
    harm: Literal["lower", "higher"] = "lower"

    @model_validator(mode="after")
    def _by_role(self) -> Metric:
        if self.role == "primary" and not self.minimum_effect:
            raise ValueError(
                "a primary metric needs minimum_effect, the least difference worth finding"
            )
        if (self.role == "guardrail") != (self.margin is not None):
            raise ValueError(
                "a guardrail needs margin, the harm that is too much, and no other metric"
            )
        return self


class Looks(Strict):
    """When the effect may be read, at which error."""

    method: Literal["group_sequential", "confidence_sequence", "fixed"] = "group_sequential"
    alpha: _Open = 0.05
    power: _Open = 0.8


class Experiment(Strict):
    """The whole of an experiment's file.

    ``population`` is asked of each customer, like an offer's rule; ``segments`` are features by
    which the primary effect is looked at too. Where the ``unit`` is the household, all customers
    with one value in the column ``household`` are in one arm; who has none is one of their own.
    """

    hypothesis: _Text
    unit: Literal["customer", "household"] = "customer"
    household: str | None = None
    population: _Text | None = None
    layer: Name
    share: Annotated[float, Field(ge=1e-4, le=1, allow_inf_nan=False)]
    start: Day
    waves: Annotated[int, Field(ge=1, le=500)]
    cooldown_days: Annotated[int, Field(ge=0, le=36_500)]
    arm: tuple[Arm, ...]
    metric: tuple[Metric, ...]
    segments: tuple[str, ...] = ()
    looks: Looks = Looks()

    @model_validator(mode="after")
    def _arms_and_metrics(self) -> Experiment:
        if (self.unit == "household") != (self.household is not None):
            raise ValueError(
                'unit = "household" needs household, the column of the customers that says which,'
                " and no other unit does"
            )
        names = [arm.name for arm in self.arm]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ValueError("at least two [[arm]] are needed, each with a name of its own")
        total = sum(arm.share for arm in self.arm)
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"the shares of the arms sum to {total:g}; they must sum to 1")
        metrics = [metric.name for metric in self.metric]
        if len(set(metrics)) < len(metrics):
            raise ValueError("two [[metric]] have one name; give each a name of its own")
        if (primary := sum(m.role == "primary" for m in self.metric)) != 1:
            raise ValueError(
                f"one [[metric]] decides: give one of them role = 'primary', {primary} have it"
            )
        return self

    @property
    def values(self) -> list[str]:
        """What is added up a customer: all metrics' values, each once."""
        both = [value for m in self.metric for value in (m.value, m.per) if value is not None]
        return list(dict.fromkeys(both))

    @property
    def primary(self) -> Metric:
        """The metric that decides."""
        return next(m for m in self.metric if m.role == "primary")

    @property
    def shares(self) -> list[float]:
        """Of the arms, in order."""
        return [arm.share for arm in self.arm]

    @property
    def splits(self) -> bool:
        """Whether an arm has a part of the limits of its own."""
        return any(arm.capacity == PROPORTIONAL for arm in self.arm)

    @property
    def pooled(self) -> list[str]:
        """The arms that draw from the campaign's limits together with everybody else."""
        return [a.name for a in self.arm if a.capacity == SHARED and a.policy != NO_CONTACT]

    @property
    def snapshots(self) -> tuple[str, ...]:
        """The versions that arms decide by, each once."""
        return tuple(dict.fromkeys(a.snapshot for a in self.arm if a.snapshot is not None))

    @property
    def alpha_each(self) -> float:
        """Error of one arm against the control, so that all together keep alpha (Bonferroni)."""
        return self.looks.alpha / (len(self.arm) - 1)

    @property
    def digest(self) -> str:
        """sha256 of the content, comments and layout apart."""
        content = self.model_dump(mode="json")
        if content["household"] is None:  # what came later counts where it is used
            del content["household"]
        for arm in content["arm"]:
            if arm["snapshot"] is None:
                del arm["snapshot"]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def path_of(folder: Path, name: str) -> Path:
    """Where the experiment is written; UsageError for a name that could not be a file's."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"experiment {name!r}: a name is up to 100 letters, digits, dots, dashes and"
            " underscores and begins with a letter, digit or underscore"
        )
    path = folder / FOLDER / f"{name}.toml"
    files.hold_no_link(path.parent, path)
    return path


def load(folder: Path, name: str) -> Experiment:
    """The experiment of a campaign's folder; ConfigError lists every fault."""
    path = path_of(folder, name)
    try:
        raw = campaign_file.table(path)
    except FileNotFoundError:
        known = [p.stem for p in path.parent.glob("*.toml")]
        raise ConfigError(
            f"{path} does not exist: write the experiment there{nearest(name, known)}"
        ) from None
    content = campaign_file.tuples(raw)
    try:
        return Experiment.model_validate(content)
    except ValidationError as e:
        raise ConfigError(campaign_file.faults(e, path, Experiment, content)) from None
