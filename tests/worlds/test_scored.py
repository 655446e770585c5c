"""Worlds with scores, and worlds whose pairs have nothing in common."""

from __future__ import annotations

import numpy as np

from bandit.worlds import World

IDS = np.arange(1, 20_001)


def _ranks(values):
    return np.argsort(np.argsort(values, axis=0), axis=0)


def test_a_score_ranks_what_no_column_says_and_is_of_no_scale() -> None:
    world = World(len(IDS), offers=6, channels=2, seed=2, scores=4)
    plain = World(len(IDS), offers=6, channels=2, seed=2)
    at = world.origin
    scored, dull = world.net_values(IDS, at), plain.net_values(IDS, at)
    np.testing.assert_array_equal(scored[:, 9:], dull[:, 9:])
    scores = world.score(IDS)
    assert scores.shape == (len(IDS), 4)
    gains = (scored - scored[:, :1])[:, 1:9:2]
    for o in range(4):
        assert np.corrcoef(_ranks(scores[:, o]), _ranks(gains[:, o]))[0, 1] > 0.5
    # Means of good scores are the rates of what they predict; these are anything.
    assert np.ptp(scores.mean(axis=0)) > 0.2


def test_strangers_have_nothing_in_common_and_answer_as_the_truth_says() -> None:
    world = World(len(IDS), offers=5, channels=4, seed=3, alike=False, refusal_cost_eur=0.0)
    at, margin = world.origin, np.repeat(world.assortment.margin_eur, 4)
    chance = (world.expected_rewards(IDS, at)[:, 1:] - world.expected_rewards(IDS, at)[:, :1]) / (
        margin * world._in_time
    )
    taste = np.log(chance / (world.ceiling - chance)).T
    among = np.corrcoef(taste)[np.triu_indices(20, 1)]
    family = World(len(IDS), offers=5, channels=4, seed=3, refusal_cost_eur=0.0)
    alike = np.corrcoef(family.expected_rewards(IDS, at)[:, 1:].T)[np.triu_indices(20, 1)]
    assert abs(np.mean(among)) < 0.15 < np.mean(alike)
    actions = np.full(len(IDS), 7)
    _, sold, _ = world.happened(IDS, actions, at)
    expected = chance[:, 6] * world._in_time
    # Sales are independent: five standard errors.
    error = np.sqrt((expected * (1.0 - expected)).sum())
    assert abs(sold.sum() - expected.sum()) < 5.0 * error
