"""Contextual-bandit engine for direct marketing.

The names of the library are loaded on first use, so that the command line starts at once. A type
checker sees the imports below instead, and so the signatures of everything.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bandit.core.version import VERSION

__version__ = VERSION

if TYPE_CHECKING:
    from bandit import allocation, experiments, ope, replay, worlds
    from bandit.core.actions import ActionSpace
    from bandit.features.encoder import Encoder
    from bandit.models.logistic import LogisticPosterior
    from bandit.models.posterior import Posterior
    from bandit.models.posterior_file import load_posterior, save_posterior
    from bandit.notebook import Campaign
    from bandit.policies.beta_ts import BetaTS
    from bandit.policies.epsilon_greedy import EpsilonGreedy
    from bandit.policies.greedy import Greedy
    from bandit.policies.lin_ts import LinTS
    from bandit.policies.lin_ucb import LinUCB
    from bandit.policies.mixture import Mixture
    from bandit.policies.rules import Rules
    from bandit.policies.uniform import Uniform

__all__ = [
    "ActionSpace",
    "BetaTS",
    "Campaign",
    "Encoder",
    "EpsilonGreedy",
    "Greedy",
    "LinTS",
    "LinUCB",
    "LogisticPosterior",
    "Mixture",
    "Posterior",
    "Rules",
    "Uniform",
    "allocation",
    "experiments",
    "load_posterior",
    "ope",
    "replay",
    "save_posterior",
    "worlds",
]

_HOME = {
    "ActionSpace": "core.actions",
    "BetaTS": "policies.beta_ts",
    "Campaign": "notebook",
    "Encoder": "features.encoder",
    "EpsilonGreedy": "policies.epsilon_greedy",
    "Greedy": "policies.greedy",
    "LinTS": "policies.lin_ts",
    "LinUCB": "policies.lin_ucb",
    "LogisticPosterior": "models.logistic",
    "Mixture": "policies.mixture",
    "Posterior": "models.posterior",
    "Rules": "policies.rules",
    "Uniform": "policies.uniform",
    "load_posterior": "models.posterior_file",
    "save_posterior": "models.posterior_file",
}
"""Where each name is, for those that are no rooms themselves."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'bandit' has no attribute {name!r}")
        if name not in _HOME:
            return import_module(f"bandit.{name}")
        found = getattr(import_module(f"bandit.{_HOME[name]}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
