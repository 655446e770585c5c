"""What a policy may take in a box of prices, against asking it at prices of the box."""

from __future__ import annotations

import numpy as np
import pytest

import bandit
from bandit.models.curved import Curve, Curved
from bandit.policies.choice_request import checked
from bandit.policies.contest import Box

N, K, D = 3000, 40, 6


@pytest.fixture(scope="module", params=[(300, False), (30_000, False), (30_000, True)])
def known(request):
    """A posterior of few or many observations, and customers of whom each may get some actions.

    Or one with a curve in place of its lines.
    """
    many, curved = request.param
    rng = np.random.default_rng(many)
    x = rng.normal(size=(many, D)).astype(np.float32)
    actions = rng.integers(0, K, len(x))
    rewards = x[:, 0] * (actions % 3) + 0.3 * rng.normal(size=len(x))
    posterior = bandit.Posterior.prior(K, D).update(x, actions, rewards)
    if curved:
        curve = Curve(rng.normal(size=(K, D)), posterior.mean, np.ones(K))
        posterior = Curved(posterior, {"sale": curve})
    eligible = rng.random((N, K)) < 0.6
    eligible[:, 0] = True
    contexts = rng.normal(size=(N, D)).astype(np.float32)
    return posterior, contexts, eligible


def _taken(contest, price):
    """What each row takes at a price of the box."""
    action = contest.action.copy()
    for row, begin, end in zip(contest.rows, contest.offsets, contest.offsets[1:], strict=False):
        rivals = contest.rivals[begin:end]
        action[row] = rivals[np.argmax(contest.worth[begin:end] - price[rivals])]
    return action


POLICIES = {
    "lin_ts": bandit.LinTS(0.5),
    "lin_ucb": bandit.LinUCB(0.5),
    "greedy": bandit.Greedy(),
    "mixture": bandit.Mixture(
        [(0.3, bandit.Rules([3, 5, 0])), (0.5, bandit.LinTS(1.0)), (0.2, bandit.Greedy())],
        holdout=0.1,
        exploration=0.05,
    ),
}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("wide", [0.02, 1.0])
@pytest.mark.parametrize("each", [False, True], ids=["values of all", "values of each"])
def test_a_contest_is_what_would_be_taken_at_each_price(known, policy, wide, each):
    posterior, contexts, eligible = known
    rng = np.random.default_rng(5)
    values = rng.uniform(0.5, 2.0, (N, K) if each else K).astype(np.float32)
    costs = rng.uniform(0.0, 0.1, K)
    low = rng.uniform(0.0, 0.5, K)
    box = Box(low, low + wide * rng.uniform(0.0, 1.0, K))
    box.cheap[0] = box.dear[0] = 0.0
    asked = {"eligible": eligible, "values": values, "keys": np.arange(N) + 7, "seed": 3}
    assert policy.tells(posterior)
    request = checked(posterior, contexts, costs=costs, **asked)
    contest = policy.contest(request, np.ones(N, np.bool_), box)
    assert (np.diff(contest.offsets) > 1).all()
    assert ((contest.action >= 0) == ~np.isin(np.arange(N), contest.rows)).all()
    for _ in range(4):
        price = rng.uniform(box.cheap, box.dear)
        there = checked(posterior, contexts, costs=costs + price, **asked)
        # Worths in float32 may swap two that differ by less than a millionth.
        assert (_taken(contest, price) != policy.decide(there)).sum() <= 2
    firm = contest.firm
    far = checked(posterior, contexts, costs=costs + rng.uniform(0.0, 50.0, K), **asked)
    assert (policy.decide(far)[firm] == contest.action[firm]).all()
    assert firm.any() == (not isinstance(policy, bandit.LinTS | bandit.LinUCB | bandit.Greedy))


def test_a_contest_asks_only_the_rows_wanted(known):
    posterior, contexts, eligible = known
    wanted = np.arange(N) % 3 == 0
    box = Box(np.zeros(K), np.full(K, 0.3))
    request = checked(posterior, contexts, eligible=eligible, costs=np.zeros(K))
    policy = bandit.LinTS(1.0)
    some = policy.contest(request, wanted, box)
    every = policy.contest(request, np.ones(N, np.bool_), box)
    assert (some.action[wanted] == every.action[wanted]).all()
    assert (some.action[~wanted] == -1).all()
    nobody = policy.contest(request, np.zeros(N, np.bool_), box)
    assert (nobody.action == -1).all()
    assert not len(nobody.rows)
    assert not nobody.firm.any()
    assert wanted[some.rows].all()
    keep = np.repeat(wanted[every.rows], np.diff(every.offsets))
    assert (some.rivals == every.rivals[keep]).all()
    assert (some.worth == every.worth[keep]).all()


def test_many_rivals_find_room(known, monkeypatch):
    posterior, contexts, eligible = known
    request = checked(posterior, contexts, eligible=eligible, costs=np.zeros(K))
    box = Box(np.zeros(K), np.full(K, 3.0))
    whole = bandit.LinTS(1.0).contest(request, np.ones(N, np.bool_), box)
    assert len(whole.worth) > N
    monkeypatch.setattr("bandit.policies.linear.FEW", 1)
    again = bandit.LinTS(1.0).contest(request, np.ones(N, np.bool_), box)
    for one, other in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, other)
