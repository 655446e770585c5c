"""Policies by the names that configurations call them: a new one is its file and a row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bandit.policies.beta_ts import BetaTS
from bandit.policies.epsilon_greedy import EpsilonGreedy
from bandit.policies.greedy import Greedy
from bandit.policies.lin_ts import LinTS
from bandit.policies.lin_ucb import LinUCB
from bandit.policies.policy import Policy
from bandit.policies.rules import Rules
from bandit.policies.uniform import Uniform


class Options(NamedTuple):
    """What a row may take: ``alpha`` counts in ``noise``, ``order`` is the rules' priority."""

    alpha: float
    epsilon: float
    noise: float
    order: tuple[int, ...]


POLICIES: dict[str, Callable[[Options], Policy]] = {
    "lin_ucb": lambda options: LinUCB(options.alpha * options.noise),
    "lin_ts": lambda options: LinTS(options.alpha * options.noise),
    "greedy": lambda _: Greedy(),
    "epsilon_greedy": lambda options: EpsilonGreedy(options.epsilon),
    "beta_ts": lambda _: BetaTS(),
    "uniform": lambda _: Uniform(),
    "rules": lambda options: Rules(options.order),
}
