"""Scores as ranks: what a rising map leaves alone, and the two terms that a rank has."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.features import ranks


def _cut(scores):
    found = ranks.ranks(np.quantile(scores, ranks.shares(), method="inverted_cdf").tolist())
    assert found is not None
    return found


def test_a_rising_map_of_all_scores_changes_no_bin_and_no_term() -> None:
    rng = np.random.default_rng(1)
    scores = rng.random(5_000)
    for warped in (np.log(scores), scores**9, 100.0 * scores - 3.0, np.floor(scores * 1e7)):
        one, other = _cut(scores), _cut(warped)
        assert one.terms == other.terms
        np.testing.assert_array_equal(ranks.bins(one.cuts, scores), ranks.bins(other.cuts, warped))


def test_terms_are_means_over_the_ranks_of_a_bin_with_mean_0_and_variance_1() -> None:
    found = _cut(np.arange(64_000) / 64_000)
    edges = np.array([0.0, *ranks.shares(), 1.0])
    width, terms = np.diff(edges), np.array(found.terms)
    np.testing.assert_allclose(width @ terms, 0.0, atol=1e-9)
    np.testing.assert_allclose(width @ terms**2, 1.0, atol=1e-8)
    assert (np.diff(terms, axis=0) > 0.0).all()
    for i in (0, 1, 30, len(width) - 1):
        u = edges[i] + width[i] * (np.arange(200_000) + 0.5) / 200_000
        expected = np.array([np.log(u).mean() + 1.0, -np.log(1.0 - u).mean() - 1.0])
        # Of the terms before their variance was made 1, which changes it by a few per mille.
        np.testing.assert_allclose(terms[i], expected, rtol=0.02, atol=1e-3)


def test_scores_that_stand_often_are_one_bin() -> None:
    rng = np.random.default_rng(2)
    found = _cut(np.where(rng.random(4_000) < 0.7, 0.0, rng.random(4_000)))
    assert found.cuts[0] == 0.0
    assert len(found.cuts) < 0.5 * len(ranks.shares())
    assert ranks.ranks([3.0] * len(ranks.shares())) is None


@pytest.mark.parametrize("value", [-5.0, 0.5, 7.0])
def test_a_score_beyond_all_that_was_seen_is_in_an_outer_bin(value) -> None:
    found = _cut(np.linspace(0.0, 1.0, 1_000))
    place = ranks.bins(found.cuts, np.array([value]))[0]
    assert place == np.sum(np.array(found.cuts) < value)
    assert 0 <= place < len(found.terms)
