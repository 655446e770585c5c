"""The table of kernel cases: read by the correctness tests and by the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import bandit
from bandit.kernels import keyed_random
from bandit.policies.choice_request import checked
from bandit.policies.linear import NOTHING, OWN, choose_linear
from bench import peers
from bench.case import Case, Peer, Run
from bench.inputs import Inputs
from reference import linear

SIZES = ((16, 20, 400_000), (64, 100, 200_000), (32, 1000, 40_000), (128, 1000, 12_000))
OBSERVATIONS = (200, 2_000, 20_000)
TIE = 1e-5


def _choose(policy: Any, inputs: Inputs, **given: Any) -> Run:
    _ = inputs.posterior.model
    return lambda: policy.choose(inputs.posterior, inputs.contexts, **given)


def _twin_worth(
    inputs: Inputs, action: np.ndarray, alpha: float, eligible: Any, value: Any
) -> None:
    mean, width, _ = linear.moments(
        inputs.posterior.gram, inputs.posterior.shift, inputs.posterior.ridge, inputs.contexts
    )
    worth = value * (mean + alpha * width)
    allowed = np.ones(worth.shape, bool) if eligible is None else eligible
    rows = np.arange(len(worth))
    best = worth[rows, linear.best(worth, allowed)]
    np.testing.assert_array_equal(allowed[rows, action], True)
    np.testing.assert_array_less(best - worth[rows, action], TIE * np.abs(best) + 1e-12)


def _lin_ucb_twin(inputs: Inputs) -> None:
    choice = bandit.LinUCB(1.0).choose(inputs.posterior, inputs.contexts)
    _twin_worth(inputs, choice.action, 1.0, None, 1.0)


def _greedy_twin(inputs: Inputs) -> None:
    choice = bandit.Greedy().choose(inputs.posterior, inputs.contexts)
    _twin_worth(inputs, choice.action, 0.0, None, 1.0)


def _masked_twin(inputs: Inputs) -> None:
    given: dict[str, Any] = {"eligible": inputs.eligible, "values": inputs.values}
    choice = bandit.LinUCB(1.0).choose(inputs.posterior, inputs.contexts, **given)
    _twin_worth(inputs, choice.action, 1.0, inputs.eligible, inputs.values)


def _propensity_twin(policy: Any, inputs: Inputs) -> None:
    choice = policy.choose(inputs.posterior, inputs.contexts)
    table = policy.probabilities(inputs.posterior, inputs.contexts)
    rows = np.arange(len(table))
    np.testing.assert_allclose(choice.propensity, table[rows, choice.action], atol=1e-6)


def _lin_ts(whose: int, inputs: Inputs) -> Run:
    request = checked(inputs.posterior, inputs.contexts)
    stream = request.stream(keyed_random.SAMPLE)
    _ = inputs.posterior.model
    return lambda: choose_linear(
        request, 1.0, thompson=True, stream=stream, propensity=whose, scored=whose == OWN
    )


def _update(inputs: Inputs) -> Run:
    prior = bandit.Posterior.prior(inputs.posterior.n_actions, inputs.posterior.n_features)
    return lambda: prior.update(inputs.contexts, inputs.actions, inputs.rewards)


def _update_twin(inputs: Inputs) -> None:
    n = len(inputs.contexts)
    columns = (inputs.contexts, inputs.actions, inputs.rewards, np.ones(n))
    prior = bandit.Posterior.prior(inputs.posterior.n_actions, inputs.posterior.n_features)
    gram, shift, _ = linear.ridge_sums(*columns, inputs.posterior.n_actions)
    fast = prior.update(*columns)
    np.testing.assert_allclose(fast.gram, gram, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(fast.shift, shift, rtol=1e-10, atol=1e-10)


def _lin_ucb(d: int, k: int, rows: int, observations: int) -> Case:
    others = [peers.mabwiser("LinUCB", 4_000 if k < 1000 else 400), peers.numpy_lin_ucb(4_000)]
    if (d, k) == (64, 100) and observations == 20_000:
        others += [
            peers.contextualbandits("LinUCB", 1_000),
            peers.bayesianbandits("UCB", 50),
            peers.vowpal_wabbit("regcb"),
            peers.vowpal_wabbit("squarecb"),
        ]
    if (d, k) == (128, 1000):
        others = [peers.mabwiser("LinUCB", 100)]
    prepare = partial(_choose, bandit.LinUCB(1.0))
    return Case("LinUCB", d, k, observations, rows, prepare, _lin_ucb_twin, tuple(others))


def _actions_only(inputs: Inputs) -> Run:
    _ = inputs.posterior.model
    return lambda: bandit.LinUCB(1.0).decide(
        checked(inputs.posterior, inputs.contexts, validate=False)
    )


def _plain(inputs: Inputs, rows: int) -> Run:
    del rows
    return _choose(bandit.LinUCB(1.0), inputs)


def _variant(kernel: str, prepare: Callable[[Inputs], Run], twin: Any, *others: Any) -> Case:
    return Case(kernel, 64, 100, 20_000, 200_000, prepare, twin, tuple(others))


def _beside_plain(kernel: str, prepare: Callable[[Inputs], Run]) -> Case:
    """Held against choosing without masks and values, in rounds without anybody else."""
    plain = Peer("plain LinUCB", _plain, 200_000)
    return Case(kernel, 64, 100, 20_000, 200_000, prepare, _masked_twin, (plain,), roofline=False)


def _masked(inputs: Inputs) -> Run:
    return _choose(bandit.LinUCB(1.0), inputs, eligible=inputs.eligible)


def _packed(inputs: Inputs) -> Run:
    bits = np.packbits(inputs.eligible, axis=1, bitorder="little")
    return _choose(bandit.LinUCB(1.0), inputs, eligible=bits)


def _valued(inputs: Inputs) -> Run:
    return _choose(bandit.LinUCB(1.0), inputs, values=inputs.values)


def _masked_and_valued(inputs: Inputs) -> Run:
    return _choose(bandit.LinUCB(1.0), inputs, eligible=inputs.eligible, values=inputs.values)


def _policy(policy: Any, twin: Any, rows: int = 200_000) -> Case:
    name = type(policy).__name__
    return Case(name, 64, 100, 20_000, rows, partial(_choose, policy), twin)


MIXTURE = bandit.Mixture(
    [(0.8, bandit.Rules([3, 7, 1])), (0.2, bandit.LinTS(1.0))], holdout=0.05, exploration=0.05
)
CASES: tuple[Case, ...] = (
    *(_lin_ucb(d, k, rows, seen) for d, k, rows in SIZES for seen in OBSERVATIONS),
    _variant(
        "LinUCB, actions only", _actions_only, _lin_ucb_twin, peers.mabwiser("LinUCB", 4_000)
    ),
    _beside_plain("LinUCB masked", _masked),
    _beside_plain("LinUCB masked, bits", _packed),
    _beside_plain("LinUCB valued", _valued),
    _beside_plain("LinUCB masked and valued", _masked_and_valued),
    _variant(
        "LinTS draw only", partial(_lin_ts, NOTHING), partial(_propensity_twin, bandit.LinTS(1.0)),
        peers.mabwiser("LinTS", 1_000), peers.contextualbandits("LinTS", 200),
        peers.bayesianbandits("Thompson", 50),
    ),
    _variant(
        "LinTS with propensity", partial(_lin_ts, OWN),
        partial(_propensity_twin, bandit.LinTS(1.0)), peers.mabwiser("LinTS", 1_000),
    ),
    _policy(bandit.Greedy(), _greedy_twin),
    _policy(bandit.EpsilonGreedy(0.1), partial(_propensity_twin, bandit.EpsilonGreedy(0.1))),
    _policy(bandit.Uniform(), partial(_propensity_twin, bandit.Uniform())),
    _policy(bandit.Rules([3, 7, 1]), partial(_propensity_twin, bandit.Rules([3, 7, 1]))),
    _policy(bandit.BetaTS(), partial(_propensity_twin, bandit.BetaTS()), 4_000),
    _policy(MIXTURE, partial(_propensity_twin, MIXTURE)),
    Case(
        "update", 64, 100, 20_000, 2_000_000, _update, _update_twin,
        (peers.mabwiser_update(2_000_000),), unit="rows", roofline=False,
    ),
)  # fmt: skip
