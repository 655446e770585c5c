"""Arms of experiments in the logging policy: propensities against redraws, given what is known."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit import experiments
from bandit.core.types import HOLDOUT
from bandit.policies.arms import Arms, Floor, Only, Peace, Pinned
from bandit.policies.layered import Layered

SHARES = (0.2, 0.2, 0.1, 0.3, 0.2)
EPSILON, HELD = 0.2, 0.1
BASE = bandit.Mixture(
    [(0.5, bandit.Rules([2, 4])), (0.5, bandit.LinTS(0.7))],
    holdout=HELD, exploration=EPSILON, group_seed=4, share_seed=9,
)  # fmt: skip
N = 40_000


def arm_of(keys):
    return experiments.arms(keys, "spring", SHARES, seed=4)


def earlier(posterior):
    """A snapshot that had learned something else."""
    rng = np.random.default_rng(3)
    d = posterior.n_features
    x, actions = rng.normal(size=(300, d)), rng.integers(0, 7, 300)
    return bandit.Posterior.prior(7, d).update(x, actions, rng.random(300) < 0.3)


def arms(posterior, *, known):
    """Peace, the rules, actions 3 and 5 alone, what the campaign does, a snapshot's learner."""
    floor = [(0.3 * share, Floor(policy, EPSILON)) for share, policy in BASE.components]
    return Arms(
        [
            (0.2, Peace()),
            (0.2, Floor(bandit.Rules([6, 1]), EPSILON)),
            (0.1, Only(Floor(bandit.Rules([3, 5, 0]), EPSILON), (3, 5))),
            *floor,
            (0.2, Floor(Pinned(bandit.LinTS(0.4), earlier(posterior)), EPSILON)),
        ],
        holdout=HELD, group_seed=4, share_seed=9,
        arm=(0, 1, 2, 3, 3, 4), arm_of=arm_of, known=known,
    )  # fmt: skip


@pytest.fixture(params=[False, True], ids=["over the arms", "given the arm"])
def drawn(request, small):
    """One context drawn for N customers, half of them members; all may get all but action 6."""
    posterior, x = small
    keys = np.arange(N, dtype=np.uint64)
    which = np.where(keys % 2 == 0, 0, -1).astype(np.int16)
    allowed = np.ones((N, 7), bool)
    allowed[:, 6] = False
    policy = Layered(BASE, (arms(posterior, known=request.param),))
    contexts = np.repeat(x[:1], N, axis=0)
    choice = policy.choose(posterior, contexts, which, keys, eligible=allowed, seed=3, wave=1)
    return request.param, policy, posterior, contexts, which, keys, allowed, choice


def near(share, stated, n):
    return abs(share - stated) <= 4.5 * np.sqrt(stated * (1 - stated) / n) + 3.0 / n


def test_redraws_have_the_stated_frequencies(drawn):
    known, _, _, _, which, keys, _, choice = drawn
    member = which == 0
    of = [member & (arm_of(keys) == a) for a in range(5)] if known else [member]
    for rows in (*of, ~member):
        for action in np.unique(choice.action[rows]):
            taken = rows & (choice.action == action)
            stated = np.unique(choice.propensity[taken].round(9))
            assert len(stated) == 1
            assert near(taken.sum() / rows.sum(), stated[0], rows.sum())


def test_weights_of_any_policy_have_mean_one_where_every_action_may_be_taken(drawn):
    known, _, _, _, which, keys, _, choice = drawn
    target = np.array([0.0, 0.1, 0.2, 0.3, 0.2, 0.2, 0.0])  # never what the holdout has
    held = choice.group == HOLDOUT
    rows = ~held & (which == 0) & (~np.isin(arm_of(keys), (0, 2)) if known else True)
    given = (choice.propensity - HELD * (choice.action == 0)) / (1.0 - HELD)
    weights = (target[choice.action] / given)[rows]
    assert abs(weights.mean() - 1.0) <= 4.5 * weights.std() / np.sqrt(rows.sum())


def test_the_group_is_the_arm_that_the_key_was_drawn_for(drawn):
    *_, which, keys, _, choice = drawn
    member = (which == 0) & (choice.group != HOLDOUT)
    np.testing.assert_array_equal(choice.group[member], 2 + arm_of(keys)[member])
    assert (choice.action[choice.group == 2] == 0).all()
    assert np.isin(choice.action[choice.group == 4], (0, 3, 5)).all()


def test_who_is_in_no_experiment_is_decided_as_without_one(drawn):
    _, _, posterior, contexts, which, keys, allowed, choice = drawn
    alone = BASE.choose(posterior, contexts, eligible=allowed, keys=keys, seed=3, wave=1)
    others = which == -1
    for name in ("action", "propensity", "score", "group"):
        np.testing.assert_array_equal(getattr(choice, name)[others], getattr(alone, name)[others])
    np.testing.assert_array_equal(
        choice.group[which == 0] == HOLDOUT, alone.group[which == 0] == HOLDOUT
    )


def test_a_second_slot_is_conditional_on_the_first(drawn):
    _, policy, posterior, contexts, which, keys, allowed, first = drawn
    went_on = first.action == 3
    again = allowed[went_on].copy()
    again[:, 3] = False
    second = policy.choose(
        posterior, contexts[went_on], which[went_on], keys[went_on], eligible=again, seed=3,
        wave=1, draw=1, prior=first.joint[went_on],
    )  # fmt: skip
    arm = arm_of(keys)[went_on]
    for number in (-1, 0):
        for a in range(5) if policy.experiments[0].known and number == 0 else (None,):
            rows = (which[went_on] == number) & ((arm == a) if a is not None else True)
            for action in np.unique(second.action[rows]):
                taken = rows & (second.action == action)
                stated = np.unique(second.propensity[taken].round(9))
                assert len(stated) == 1
                assert near(taken.sum() / rows.sum(), stated[0], rows.sum())


def test_expectation_and_contributions_are_sums_over_the_same_probabilities(drawn):
    _, policy, posterior, contexts, which, keys, allowed, choice = drawn
    some = slice(0, 60)
    asked = (posterior, contexts[some])
    parts = policy.contributions(*asked, which[some], keys[some], eligible=allowed[some])
    table = np.sum(parts, axis=0)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_allclose(
        table[np.arange(60), choice.action[some]], choice.propensity[some], atol=2e-6
    )
    weights = np.arange(7.0)
    found = policy.expectation(*asked, weights, which[some], keys[some], eligible=allowed[some])
    np.testing.assert_allclose(found, table @ weights, atol=1e-5)


def test_a_list_leaves_alone_whoever_may_get_none_of_it(small):
    posterior, x = small
    eligible = np.ones((60, 7), bool)
    eligible[:, [0, 3, 5]] = False  # an inbound list, say, which shows something to all others
    only = Only(bandit.Rules([3, 5, 0]), (3, 5))
    assert (only.choose(posterior, x, eligible=eligible).action == 0).all()


def test_what_an_arm_is_pinned_to_decides_as_it_did(small):
    posterior, x = small
    before = earlier(posterior)
    asked = {"eligible": np.ones((60, 7), bool), "costs": np.full(7, 0.1), "seed": 3, "wave": 1}
    for policy in (bandit.LinTS(0.4), bandit.LinUCB(0.3), bandit.Greedy(), bandit.BetaTS()):
        pinned = Pinned(policy, before)
        for one, other in zip(
            pinned.choose(posterior, x, **asked), policy.choose(before, x, **asked), strict=True
        ):
            np.testing.assert_array_equal(one, other)
        asked_of = {name: asked[name] for name in ("eligible", "costs")}
        np.testing.assert_array_equal(
            pinned.probabilities(posterior, x, **asked_of),
            policy.probabilities(before, x, **asked_of),
        )
        np.testing.assert_array_equal(pinned.scores(posterior, x), policy.scores(before, x))
        moment = x.T @ x / len(x)
        np.testing.assert_array_equal(
            pinned.score_spread(posterior, moment), policy.score_spread(before, moment)
        )
