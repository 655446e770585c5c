"""What a policy says is what it does: probabilities against redraws, slots, groups."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import EXPLORATION, HOLDOUT

REDRAWS = 4000
POLICIES = [
    bandit.LinUCB(0.5),
    bandit.LinTS(0.7),
    bandit.Greedy(),
    bandit.EpsilonGreedy(0.3),
    bandit.BetaTS(),
    bandit.Uniform(),
    bandit.Rules([3, 5]),
    bandit.Mixture(
        [(0.5, bandit.Rules([2, 4])), (0.3, bandit.LinTS(0.7)), (0.2, bandit.LinUCB(1.0))],
        holdout=0.1,
        exploration=0.15,
    ),
]


def _redrawn_spread(policy, posterior, x):
    """Root mean square over contexts of the standard deviation of sampled scores, LinTS."""
    width = np.sqrt(
        np.einsum("aij,nj,ail,nl->na", posterior.inverse_factor, x, posterior.inverse_factor, x)
    )
    return policy.alpha * np.sqrt((width**2).mean(axis=0))


def test_spread_is_that_of_what_is_sampled(small):
    posterior, x = small
    moment = x.astype(np.float64).T @ x / len(x)
    policy = bandit.LinTS(0.7)
    np.testing.assert_allclose(
        policy.score_spread(posterior, moment), _redrawn_spread(policy, posterior, x), rtol=1e-6
    )
    assert (bandit.LinUCB(1.0).score_spread(posterior, moment) == 0.0).all()
    half = bandit.Mixture([(0.5, policy), (0.5, bandit.Greedy())])
    np.testing.assert_allclose(
        half.score_spread(posterior, moment) ** 2, 0.5 * policy.score_spread(posterior, moment) ** 2
    )


def _terms(rng, n, k):
    eligible = rng.random((n, k)) < 0.6
    eligible[:, 0] = True
    return {
        "eligible": eligible,
        "values": rng.uniform(0.5, 2.0, (n, k)),
        "costs": rng.uniform(0.0, 0.3, k),
    }


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_redraws_have_the_stated_frequencies(policy, small, rng):
    posterior, x = small
    n, k = 12, posterior.n_actions
    given = _terms(rng, n, k)
    stated = policy.probabilities(posterior, x[:n], **given)
    np.testing.assert_allclose(stated.sum(axis=1), 1.0, atol=1e-6)
    assert (stated[~given["eligible"]] == 0.0).all()
    rows = np.repeat(np.arange(n), REDRAWS)
    many = {key: v[rows] if v.ndim == 2 else v for key, v in given.items()}
    keys = np.arange(rows.size, dtype=np.uint64)
    choice = policy.choose(posterior, x[rows], **many, keys=keys, seed=3)
    np.testing.assert_allclose(choice.propensity, stated[rows, choice.action], atol=2e-6)
    for i in range(n):
        share = np.bincount(choice.action[rows == i], minlength=k) / REDRAWS
        error = np.sqrt(stated[i] * (1 - stated[i]) / REDRAWS)
        assert (np.abs(share - stated[i]) <= 4.5 * error + 5 / REDRAWS).all()


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("few", [False, True])
def test_expectation_is_the_sum_over_the_table(policy, few, small, rng):
    posterior, x = small
    given = _terms(rng, len(x), posterior.n_actions)
    weights = rng.normal(size=posterior.n_actions)
    if few:
        weights[1:] = 0.0
    wanted = policy.probabilities(posterior, x, **given) @ weights
    found = policy.expectation(posterior, x, weights, **given)
    np.testing.assert_allclose(found, wanted, atol=4e-6)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_score_is_the_entry_of_scores(policy, small):
    posterior, x = small
    choice = policy.choose(posterior, x)
    taken = policy.scores(posterior, x)[np.arange(len(x)), choice.action]
    if not isinstance(policy, bandit.Mixture):
        np.testing.assert_allclose(choice.score, taken, rtol=1e-5, atol=1e-7)
    assert choice.score.dtype == np.float32
    assert choice.action.dtype == np.int32
    assert (choice.propensity > 0.0).all()
    assert (choice.propensity <= 1.0).all()


def test_a_second_slot_is_conditional_on_the_first(small):
    posterior, x = small
    mixture, k, n = POLICIES[-1], posterior.n_actions, 60_000
    contexts, keys = np.repeat(x[:1], n, axis=0), np.arange(n, dtype=np.uint64)
    first = mixture.choose(posterior, contexts, keys=keys, seed=8)
    open_ = np.ones((n, k), bool)
    open_[np.arange(n), first.action] = False
    open_[:, 0] = True
    given = {"eligible": open_, "prior": first.joint}
    second = mixture.choose(posterior, contexts, keys=keys, seed=8, draw=1, **given)
    for action in np.unique(first.action):
        rows = first.action == action
        if rows.sum() < 500:
            continue
        one = np.flatnonzero(rows)[:1]
        stated = mixture.probabilities(
            posterior, contexts[one], eligible=open_[one], prior=first.joint[one]
        )[0]
        share = np.bincount(second.action[rows], minlength=k) / rows.sum()
        error = np.sqrt(stated * (1 - stated) / rows.sum())
        assert (np.abs(share - stated) <= 4.5 * error + 5 / rows.sum()).all()
        np.testing.assert_allclose(second.propensity[rows], stated[second.action[rows]], atol=2e-6)
    assert (second.action[first.group == HOLDOUT] == 0).all()


def test_groups_last_over_waves_slots_and_seeds(small):
    posterior, x = small
    mixture = bandit.Mixture(POLICIES[-1].components, holdout=0.2, group_seed=5)
    contexts, keys = np.repeat(x, 100, axis=0), np.arange(6000, dtype=np.uint64)
    first = mixture.choose(posterior, contexts, keys=keys, seed=1, wave=1)
    later = mixture.choose(posterior, contexts, keys=keys, seed=2, wave=9, draw=3)
    np.testing.assert_array_equal(first.group, later.group)
    assert (first.action[first.group == HOLDOUT] == 0).all()
    shares = [(first.group == g).mean() for g in (HOLDOUT, 0, 1, 2)]
    for share, stated in zip(shares, (0.2, 0.4, 0.24, 0.16), strict=True):
        assert abs(share - stated) < 4.5 * np.sqrt(stated * (1 - stated) / 6000)


def test_exploration_is_told_apart(small):
    posterior, x = small
    mixture = bandit.Mixture([(1.0, bandit.Rules([1]))], exploration=0.5)
    choice = mixture.choose(posterior, np.repeat(x, 20, axis=0))
    assert set(np.unique(choice.group)) == {0, EXPLORATION}
    assert (choice.action[choice.group == 0] == 1).all()


def test_policies_without_a_posterior(small):
    _, x = small
    eligible = np.zeros((len(x), 9), bool)
    eligible[:, [0, 4]] = True
    uniform = bandit.Uniform().choose(None, x, eligible=eligible)
    np.testing.assert_array_equal(uniform.propensity, 0.5)
    assert (bandit.Rules([7, 4, 0]).choose(None, x, eligible=eligible).action == 4).all()
    assert (bandit.Rules([7]).choose(None, x, eligible=eligible).action == 0).all()
    with pytest.raises(DataError, match="needs a posterior"):
        bandit.LinUCB().choose(None, x, eligible=eligible)


def test_refusals_name_the_row(small):
    posterior, x = small
    eligible = np.ones((len(x), 7), bool)
    eligible[12] = False
    with pytest.raises(DataError, match="eligible allows no action in row 12"):
        bandit.Uniform().choose(posterior, x, eligible=eligible)
    values = np.ones((len(x), 7))
    values[3, 1] = np.nan
    with pytest.raises(DataError, match="values must be finite, row 3 has nan for action 1"):
        bandit.LinUCB().choose(posterior, x, values=values)
    with pytest.raises(DataError, match=r"eligible must be bool\[60, 7\]"):
        bandit.LinUCB().choose(posterior, x, eligible=np.ones((3, 7), bool))
    wrong = posterior.update(x[:2], np.array([5, 5]), np.array([9.0, 18.0]))
    with pytest.raises(DataError, match=r"BetaTS needs rewards in \[0, 1\], action 5"):
        bandit.BetaTS().choose(wrong, x)
    with pytest.raises(ConfigError, match="shares"):
        bandit.Mixture([(0.5, bandit.Greedy())])
    with pytest.raises(ConfigError, match="epsilon"):
        bandit.EpsilonGreedy(1.5)
    with pytest.raises(ConfigError, match="priority"):
        bandit.Rules([1, 1])
