"""Arms of experiments in the logging policy: propensities against redraws, given what is known."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit import experiments
from bandit.core.types import HOLDOUT
from bandit.policies.arms import Arms, Floor, Only, Peace
from bandit.policies.layered import Layered

SHARES = (0.2, 0.3, 0.1, 0.4)
EPSILON, HELD = 0.2, 0.1
BASE = bandit.Mixture(
    [(0.5, bandit.Rules([2, 4])), (0.5, bandit.LinTS(0.7))],
    holdout=HELD, exploration=EPSILON, group_seed=4, share_seed=9,
)  # fmt: skip
N = 40_000


def arm_of(keys):
    return experiments.arms(keys, "spring", SHARES, seed=4)


def arms(*, known):
    """Peace, the rules, actions 3 and 5 alone, and what the campaign does."""
    floor = [(0.4 * share, Floor(policy, EPSILON)) for share, policy in BASE.components]
    return Arms(
        [
            (0.2, Peace()),
            (0.3, Floor(bandit.Rules([6, 1]), EPSILON)),
            (0.1, Only(Floor(bandit.Rules([3, 5, 0]), EPSILON), (3, 5))),
            *floor,
        ],
        holdout=HELD, group_seed=4, share_seed=9,
        arm=(0, 1, 2, 3, 3), arm_of=arm_of, known=known,
    )  # fmt: skip


@pytest.fixture(params=[False, True], ids=["over the arms", "given the arm"])
def drawn(request, small):
    """One context drawn for N customers, half of them members; all may get all but action 6."""
    posterior, x = small
    keys = np.arange(N, dtype=np.uint64)
    which = np.where(keys % 2 == 0, 0, -1).astype(np.int16)
    allowed = np.ones((N, 7), bool)
    allowed[:, 6] = False
    policy = Layered(BASE, (arms(known=request.param),))
    contexts = np.repeat(x[:1], N, axis=0)
    choice = policy.choose(posterior, contexts, which, keys, eligible=allowed, seed=3, wave=1)
    return request.param, policy, posterior, contexts, which, keys, allowed, choice


def near(share, stated, n):
    return abs(share - stated) <= 4.5 * np.sqrt(stated * (1 - stated) / n) + 3.0 / n


def test_redraws_have_the_stated_frequencies(drawn):
    known, _, _, _, which, keys, _, choice = drawn
    member = which == 0
    of = [member & (arm_of(keys) == a) for a in range(4)] if known else [member]
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
        for a in range(4) if policy.experiments[0].known and number == 0 else (None,):
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
