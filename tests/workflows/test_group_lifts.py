"""Randomised groups are held against each other wave by wave."""

from __future__ import annotations

import numpy as np

from bandit.workflows.judge.group_lifts import wave_weights


def test_a_group_that_was_large_in_a_good_wave_is_no_better():
    """Shares were edited from 1:4 to 4:1, and everybody earned 10 more in the second wave."""
    wave = np.repeat([0, 1, 2], [50, 50, 10])
    one = np.concatenate([np.arange(50) < 10, np.arange(50) < 40, np.ones(10, dtype=bool)])
    net = np.where(wave == 1, 10.0, 0.0) + 100.0 * (wave == 2)
    assert net[one].mean() > net[~one].mean() + 5.0
    mine, theirs = wave_weights(wave, one, ~one)
    assert np.average(net, weights=mine) == np.average(net, weights=theirs) == 5.0
    assert not mine[wave == 2].any()
