"""Contextual-bandit engine for direct marketing.

The names of the library are loaded on first use, so that the command line starts at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "ActionSpace": "bandit.core.actions",
    "Posterior": "bandit.models.posterior",
    "save_posterior": "bandit.models.posterior_file",
    "load_posterior": "bandit.models.posterior_file",
    "LinUCB": "bandit.policies.lin_ucb",
    "LinTS": "bandit.policies.lin_ts",
    "Greedy": "bandit.policies.greedy",
    "EpsilonGreedy": "bandit.policies.epsilon_greedy",
    "BetaTS": "bandit.policies.beta_ts",
    "Uniform": "bandit.policies.uniform",
    "Rules": "bandit.policies.rules",
    "Mixture": "bandit.policies.mixture",
}
_MODULES = ("ope", "allocation", "experiments", "replay", "worlds")

__all__ = [*_HOME, *_MODULES]  # noqa: PLE0604 - names of a literal table


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _MODULES:
        return import_module(f"bandit.{name}")
    raise AttributeError(f"module 'bandit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
