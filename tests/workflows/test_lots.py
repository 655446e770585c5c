"""What no contact is told to have been drawn with, lots and all, against sums over every action."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bandit
from bandit.policies.layered import Layered
from bandit.workflows.serve.hard_caps import Thinning, thinned
from bandit.workflows.serve.wave import Taken

N, K, D = 160, 40, 5
POLICIES = {
    "lin_ts": [(1.0, bandit.LinTS(0.7))],
    "rules and lin_ts": [(0.3, bandit.Rules([5, 2])), (0.7, bandit.LinTS(1.0))],
    "two lin_ts": [(0.5, bandit.LinTS(0.2)), (0.5, bandit.LinTS(2.0))],
    "beta": [(0.6, bandit.BetaTS()), (0.4, bandit.Uniform())],
    "epsilon": [(1.0, bandit.EpsilonGreedy(0.3))],
    "lin_ucb": [(0.8, bandit.LinUCB(1.0)), (0.2, bandit.Greedy())],
}


def _taught(rng: np.random.Generator) -> Any:
    x = rng.normal(size=(60 * K, D)).astype(np.float32) / 2.0
    action = rng.integers(0, K, 60 * K)
    chance = np.clip(0.3 + 0.05 * x @ rng.normal(size=(D, K)), 0.0, 1.0)
    reward = (rng.random(60 * K) < chance[np.arange(60 * K), action]).astype(float)
    return bandit.Posterior.prior(K, D).update(x, action, reward)


def _thinning(kind: str, rng: np.random.Generator) -> Thinning:
    """Lots by hand: of a few actions, of most, all of some given up, hardly any."""
    keep = np.ones((1, K))
    few = 1 + rng.choice(K - 1, 4, replace=False)
    if kind == "few":
        keep[0, few] = 0.97
    elif kind == "most":
        keep[0, 1:] = rng.uniform(0.5, 1.0, K - 1)
    elif kind == "closed":
        keep[0, few] = [0.0, 0.0, 1e-9, 0.5]
    else:
        keep[0, 1:20] = 1.0 - 1e-9 * rng.random(19)
    quota = np.floor(1e6 * keep).astype(np.int64)
    keep = np.where(keep < 1.0, quota / 1e6, 1.0)
    last = np.where(keep < 1.0, np.minimum(keep, 0.999999) * 2.0**64, 2.0**64 - 4096)
    return Thinning(keep, quota, last.astype(np.uint64))


@pytest.mark.parametrize("kind", ["few", "most", "closed", "hardly"])
@pytest.mark.parametrize("name", POLICIES)
def test_no_contact_has_the_sum_over_all_actions(name: str, kind: str) -> None:
    rng = np.random.default_rng([len(name), len(kind)])
    policy = Layered(bandit.Mixture(POLICIES[name], holdout=0.1, exploration=0.05))
    posterior, rule = _taught(rng), _thinning(kind, rng)
    values = rng.uniform(-0.2, 2.0, K).astype(np.float32)
    costs = np.append(0.0, rng.uniform(0.0, 0.4, K - 1))
    contexts = rng.normal(size=(N, D)).astype(np.float32)
    keys, group = np.arange(N, dtype=np.uint64), np.full(N, -1, np.int16)
    batch: Any = SimpleNamespace(
        contexts=contexts, values=values, keys=keys, units=keys, experiment=group,
        population=np.zeros(N, np.int16),
    )  # fmt: skip
    wave: Any = SimpleNamespace(
        run=SimpleNamespace(seed=4, wave="w"),
        plan=SimpleNamespace(policy=policy, apart=(), charges=costs),
        posterior=posterior,
    )
    allowed, prior, rows = rng.random((N, K)) < 0.6, None, np.arange(N)
    allowed[:, 0] = True
    place: Any = None
    for slot in (1, 2):
        asked = {"eligible": allowed, "values": values, "costs": costs, "prior": prior}
        who = contexts[rows], group[rows], keys[rows]
        choice = policy.choose(posterior, *who, seed=4, draw=slot - 1, **asked)
        planned = Taken(place, slot, rows, choice, allowed)
        found = thinned(wave, batch, planned, prior, rule)
        chance = np.sum(policy.contributions(posterior, *who, **asked), axis=0)
        # As if one more had been planned of whatever was not.
        keep = np.tile(
            [
                k * q / (q + k) if 0.0 < k < 1.0 else k
                for k, q in zip(rule.keep[0], rule.quota[0], strict=True)
            ],
            (len(rows), 1),
        )
        here = np.arange(len(rows))
        keep[here, choice.action] = rule.keep[0, choice.action]
        expected = chance[:, 0] + (chance[:, 1:] * (1.0 - keep[:, 1:])).sum(axis=1)
        quiet = found.choice.action == 0
        np.testing.assert_allclose(found.choice.propensity[quiet], expected[quiet], atol=1e-6)
        kept = chance[here, choice.action] * rule.keep[0, choice.action]
        np.testing.assert_allclose(found.choice.propensity[~quiet], kept[~quiet], atol=1e-6)
        assert quiet.any()
        on = found.choice.action != 0
        allowed, prior, rows = allowed[on].copy(), choice.joint[on], rows[on]
        allowed[np.arange(len(rows)), found.choice.action[on]] = False
