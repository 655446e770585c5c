"""Randomised groups are held against each other wave by wave."""

from __future__ import annotations

import numpy as np

from bandit.config.campaign import PolicyShare
from bandit.config.simulation import Candidate, Part
from bandit.workflows.judge.group_lifts import _ran, wave_weights
from bandit.workflows.judge.logged import Waves


def test_a_group_that_was_large_in_a_good_wave_is_no_better():
    """Shares were edited from 1:4 to 4:1, and everybody earned 10 more in the second wave."""
    wave = np.repeat([0, 1, 2], [50, 50, 10])
    one = np.concatenate([np.arange(50) < 10, np.arange(50) < 40, np.ones(10, dtype=bool)])
    net = np.where(wave == 1, 10.0, 0.0) + 100.0 * (wave == 2)
    assert net[one].mean() > net[~one].mean() + 5.0
    mine, theirs = wave_weights(wave, one, ~one)
    assert np.average(net, weights=mine) == np.average(net, weights=theirs) == 5.0
    assert not mine[wave == 2].any()


SERVED = (
    (PolicyShare(policy="lin_ts", share=0.5, alpha=0.3), PolicyShare(policy="rules", share=0.5)),
    (PolicyShare(policy="lin_ts", share=0.5, alpha=2.0), PolicyShare(policy="rules", share=0.5)),
    None,
)


def ran(candidate: Candidate) -> list[bool]:
    nobody = np.zeros(0)
    waves = Waves(
        names=("one", "two", "old"),
        snapshots=("", "", ""),
        wave=nobody.astype(np.int32),
        group=nobody,
        apart=nobody.astype(bool),
        whole=nobody,
        shares=SERVED,
    )
    return _ran(waves, candidate).tolist()


def test_a_candidate_ran_only_where_its_policy_and_width_did():
    """An old wave does not tell, and is believed by the name."""
    own = Part(policy="lin_ts", share=1.0, alpha=0.3)
    assert ran(Candidate(policy="mixture", name="lin_ts", shares=(own,))) == [True, False, True]
    assert ran(Candidate(policy="lin_ts", alpha=2.0)) == [False, True, True]
    assert ran(Candidate(policy="lin_ts", alpha=1.0)) == [False, False, True]
    assert ran(Candidate(policy="rules")) == [True, True, True]
    assert ran(Candidate(policy="rules", order=("a",))) == [False, False, True]
    assert ran(Candidate(policy="greedy", name="lin_ts")) == [False, False, True]
    half = (own.model_copy(update={"share": 0.5}), Part(policy="rules", share=0.5))
    assert ran(Candidate(policy="mixture", name="lin_ts", shares=half)) == [False, False, False]
