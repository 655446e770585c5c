"""Peers, each with the same posterior where it has one: prepared once, then timed on its call."""

from __future__ import annotations

from typing import Any

import numpy as np

from bandit.core.types import Array
from bench.case import Peer, Run
from bench.inputs import Inputs

SMALL = 2_000


def _mab(inputs: Inputs, learning: Any) -> Any:
    """A MABWiser model whose arms carry the case's own sums."""
    from mabwiser.mab import MAB

    posterior = inputs.posterior
    k, d = posterior.n_actions, posterior.n_features
    model = MAB(list(range(k)), learning)
    rows = np.random.default_rng(0).normal(size=(2 * k, d))
    model.fit(np.repeat(np.arange(k), 2), np.zeros(2 * k), rows)
    precision = posterior.precision
    for a in range(k):
        arm = model._imp.arm_to_model[a]
        arm.A, arm.Xty = precision[a], posterior.shift[a]
        arm.A_inv = np.linalg.inv(arm.A)
        arm.beta = posterior.mean[a].copy()
    return model


def mabwiser(policy: str, rows: int = SMALL) -> Peer:
    """MABWiser's predict with LinUCB, LinGreedy or LinTS."""

    def prepare(inputs: Inputs, count: int) -> Run:
        from mabwiser.mab import LearningPolicy

        learning = {
            "LinUCB": LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0),
            "LinTS": LearningPolicy.LinTS(alpha=1.0, l2_lambda=1.0),
        }[policy]
        model, x = _mab(inputs, learning), inputs.contexts[:count].astype(np.float64)
        return lambda: model.predict(x)

    return Peer(f"mabwiser {policy}", prepare, rows)


def mabwiser_update(rows: int) -> Peer:
    """MABWiser's partial_fit."""

    def prepare(inputs: Inputs, count: int) -> Run:
        from mabwiser.mab import LearningPolicy

        model = _mab(inputs, LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0))
        x = inputs.contexts[:count].astype(np.float64)
        actions, rewards = inputs.actions[:count], inputs.rewards[:count]
        return lambda: model.partial_fit(actions, rewards, x)

    return Peer("mabwiser partial_fit", prepare, rows)


def numpy_lin_ucb(rows: int = SMALL) -> Peer:
    """Plain numpy in float32: a matrix product for the means, one per action for the widths."""

    def prepare(inputs: Inputs, count: int) -> Run:
        x = inputs.contexts[:count]
        mean = inputs.posterior.mean.astype(np.float32)
        factor = inputs.posterior.inverse_factor.astype(np.float32)

        def run() -> Array:
            scores = x @ mean.T
            for a in range(len(mean)):
                turned = x @ factor[a].T
                scores[:, a] += np.sqrt(np.einsum("ij,ij->i", turned, turned))
            return np.asarray(scores.argmax(axis=1))

        return run

    return Peer("numpy", prepare, rows)


def contextualbandits(policy: str, rows: int = SMALL) -> Peer:
    """contextualbandits' LinUCB or LinTS, fitted on few rows (its cost does not depend on them)."""

    def prepare(inputs: Inputs, count: int) -> Run:
        from contextualbandits import online

        k = inputs.posterior.n_actions
        model = getattr(online, policy)(nchoices=k, fit_intercept=False, random_state=1)
        few = min(20 * k, len(inputs.contexts))
        rewards = (inputs.rewards[:few] > 0).astype(np.float64)
        model.fit(inputs.contexts[:few].astype(np.float64), inputs.actions[:few], rewards)
        x = inputs.contexts[:count].astype(np.float64)
        return lambda: model.predict(x)

    return Peer(f"contextualbandits {policy}", prepare, rows)


def bayesianbandits(policy: str, rows: int = SMALL) -> Peer:
    """bayesianbandits' agent with a normal regression per arm."""

    def prepare(inputs: Inputs, count: int) -> Run:
        import bayesianbandits as bb

        arms = [
            bb.Arm(a, learner=bb.NormalRegressor(alpha=1.0, beta=1.0))
            for a in range(inputs.posterior.n_actions)
        ]
        rule = bb.ThompsonSampling() if policy == "Thompson" else bb.UpperConfidenceBound(0.84)
        agent = bb.ContextualAgent(arms, rule, random_seed=0)
        x = inputs.contexts[:count].astype(np.float64)
        for a in range(len(arms)):
            agent.select_for_update(a).update(x, inputs.rewards[: len(x)])
        return lambda: agent.pull(x)

    return Peer(f"bayesianbandits {policy}", prepare, rows)


def vowpal_wabbit(exploration: str, rows: int = 100) -> Peer:
    """Vowpal Wabbit, ``--cb_explore_adf``: one multi-line example a customer, parsing included."""

    def prepare(inputs: Inputs, count: int) -> Run:
        from vowpalwabbit import Workspace

        model = Workspace(f"--cb_explore_adf --{exploration} -q UA --quiet")
        shared = [
            "shared |U " + " ".join(f"f{j}:{v:.6g}" for j, v in enumerate(x))
            for x in inputs.contexts[:count]
        ]
        offers = [f"|A a{a}" for a in range(inputs.posterior.n_actions)]
        examples = ["\n".join([line, *offers]) for line in shared]
        for i, line in enumerate(shared[:50]):
            taken = int(inputs.actions[i])
            labelled = list(offers)
            labelled[taken] = f"0:{-inputs.rewards[i]:.4f}:0.1 {offers[taken]}"
            model.learn("\n".join([line, *labelled]))

        def run() -> None:
            for example in examples:
                model.predict(example)

        return run

    return Peer(f"vowpal wabbit {exploration}", prepare, rows)
