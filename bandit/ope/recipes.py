"""One table of the estimators: how each shrinks a weight, and what it divides by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bandit.core.errors import ConfigError
from bandit.core.types import Float64
from bandit.kernels.stats.moments import CLIP, OPTIMISTIC, SMOOTH, SWITCH
from bandit.ope import row_terms
from bandit.stats.units import Terms


class Kind(NamedTuple):
    """``default`` None: the parameter must be given. ``rule`` names the shrinkage to the kernel."""

    rule: int
    shrink: Callable[[Float64, float], Float64]
    default: float | None
    modelled: bool
    ratio: bool


def _nothing(weights: Float64, _: float) -> Float64:
    return np.zeros_like(weights)


KINDS = {
    "ips": Kind(CLIP, row_terms.clipped, np.inf, modelled=False, ratio=False),
    "snips": Kind(CLIP, row_terms.clipped, np.inf, modelled=False, ratio=True),
    "dm": Kind(CLIP, _nothing, 0.0, modelled=True, ratio=False),
    "dr": Kind(CLIP, row_terms.clipped, np.inf, modelled=True, ratio=False),
    "sndr": Kind(CLIP, row_terms.clipped, np.inf, modelled=True, ratio=True),
    "switch_dr": Kind(SWITCH, row_terms.switched, None, modelled=True, ratio=False),
    "dros": Kind(OPTIMISTIC, row_terms.optimistic, None, modelled=True, ratio=False),
    "sg_ips": Kind(SMOOTH, row_terms.smoothed, None, modelled=False, ratio=False),
    "sg_dr": Kind(SMOOTH, row_terms.smoothed, None, modelled=True, ratio=False),
}
KINDS["mips"] = KINDS["ips"]


@dataclass(frozen=True)
class Recipe:
    """An estimator by name, with its clip, threshold or shrinkage.

    ``parameter`` may be left out where none is needed: ips, snips, dm, dr, sndr, mips.

    Raises
    ------
    ConfigError
        An unknown name, or a parameter that is missing or out of its range.
    """

    name: str
    parameter: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no estimator answers to."""
        if self.name not in KINDS:
            raise ConfigError(f"unknown estimator {self.name!r}; choose one of {', '.join(KINDS)}")
        if self.parameter is None and self.kind.default is None:
            raise ConfigError(f"estimator {self.name!r} needs its threshold or shrinkage")
        self.kind.shrink(np.ones(1), self.strength)

    @property
    def kind(self) -> Kind:
        """Row of the table."""
        return KINDS[self.name]

    @property
    def strength(self) -> float:
        """The parameter, or its default."""
        if self.parameter is not None:
            return float(self.parameter)
        return float(self.kind.default or 0.0)

    @property
    def label(self) -> str:
        """Name with the parameter, where one was given."""
        return self.name if self.parameter is None else f"{self.name}({self.parameter:g})"

    def terms(
        self,
        rewards: Float64,
        weights: Float64,
        q_logged: Float64 | None = None,
        q_target: Float64 | None = None,
    ) -> Terms:
        """Row terms of checked arrays; a model-based recipe needs both of the model's."""
        shrunk = self.kind.shrink(weights, self.strength)
        if not self.kind.modelled:
            return row_terms.model_free(rewards, shrunk, ratio=self.kind.ratio)
        if q_logged is None or q_target is None:
            raise ConfigError(
                f"estimator {self.name!r} needs an outcome model: give q_logged and q_target, "
                "from ope.cross_fit"
            )
        return row_terms.model_based(rewards, shrunk, q_logged, q_target, ratio=self.kind.ratio)
