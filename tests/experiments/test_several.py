from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from bandit import experiments
from bandit.core.errors import DataError


@pytest.mark.parametrize("seed", range(10))
def test_statsmodels_raises_the_same_p_values(seed):
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(1 + 3 * seed) ** 3, 2)
    assert experiments.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    ours = experiments.benjamini_hochberg(p)
    assert ours == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_estimates_that_differ_by_noise_alone_move_as_far_as_they_may():
    seen, errors = np.array([1.0, 1.1, 0.9, 1.05, 1.0]), np.full(5, 0.5)
    found = experiments.shrunken(seen, errors)
    assert found.spread == 0.0
    assert found.effects - found.centre == pytest.approx(0.5 * (seen - found.centre))


def test_the_spread_between_segments_explains_what_their_noise_does_not():
    rng = np.random.default_rng(6)
    errors = rng.uniform(0.1, 0.5, 12)
    effects = rng.normal(0.5, 0.6, 12) + errors * rng.normal(size=12)
    found = experiments.shrunken(effects, errors)
    weights = 1.0 / (errors**2 + found.spread**2)
    assert found.centre == pytest.approx(np.average(effects, weights=weights))
    assert weights @ (effects - found.centre) ** 2 == pytest.approx(11.0)


@pytest.mark.parametrize(("segments", "spread"), [(20, 0.3), (8, 0.3), (20, 1.0), (20, 0.05)])
def test_shrunken_effects_are_nearer_the_truth_and_their_intervals_cover(segments, spread):
    rng, raw, better, covered = np.random.default_rng(7), 0.0, 0.0, []
    for _ in range(300):
        truth, errors = rng.normal(1.0, spread, segments), rng.uniform(0.2, 0.6, segments)
        seen = truth + errors * rng.normal(size=segments)
        found = experiments.shrunken(seen, errors)
        raw += ((seen - truth) ** 2).sum()
        better += ((found.effects - truth) ** 2).sum()
        covered.append((np.abs(found.effects - truth) < 1.96 * found.errors).mean())
    assert better < raw
    assert np.mean(covered) > 0.93


def test_few_segments_stay_as_they_are():
    found = experiments.shrunken([2.0, 5.0, 3.0], [0.5, 0.4, 0.3])
    assert found.effects.tolist() == [2.0, 5.0, 3.0]
    assert found.errors == pytest.approx([0.5, 0.4, 0.3])


def test_what_is_no_probability_and_no_error_is_refused():
    with pytest.raises(DataError, match=r"p_values must lie in \[0, 1\], number 1 is 1.5"):
        experiments.holm([0.5, 1.5])
    with pytest.raises(DataError, match=r"errors must be above 0, segment 1 has 0\.0"):
        experiments.shrunken([1.0, 2.0], [0.1, 0.0])
