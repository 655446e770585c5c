"""Randomised groups are held against each other wave by wave."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bandit.config.deciding import PolicyShare
from bandit.config.simulation import Candidate, Part, Simulate
from bandit.ope.calibration import Calibrated
from bandit.results.figures import Interval
from bandit.results.judge import Judged
from bandit.workflows.judge.group_lifts import _ran, against_holdout, wave_weights
from bandit.workflows.judge.logged import Waves
from bandit.workflows.judge.slates import Slates
from bandit.workflows.judge.targets import Target


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
        slates=Slates.alone(nobody, 1),
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


@pytest.mark.parametrize(
    ("silence", "decision"), [(1.0, "hold"), (0.5, "not enough data"), (0.0, "ship")]
)
def test_what_would_ship_must_beat_the_holdout(silence, decision):
    """The better of two contacts earns 0.5; both are worse than nothing where nothing earns 1."""
    rng = np.random.default_rng(6)
    n = 6000
    held, good = rng.random(n) < 0.1, rng.random(n) < 0.5
    net = np.where(held, silence, np.where(good, 0.5, 0.0)) + rng.normal(0.0, 0.3, n)
    group = np.where(held, "holdout", "good")
    waves = SimpleNamespace(wave=np.repeat([0, 1], n // 2), apart=held, group=group)
    whole = SimpleNamespace(
        log=SimpleNamespace(rewards=net, clusters=np.arange(n)),
        waves=waves, n=n, unit="EUR", weighted=np.flatnonzero(~held),
    )  # fmt: skip
    nothing = np.zeros(n)
    wanted = Candidate(policy="constant", action="good")
    better = Target(
        "good", wanted, np.where(good, 2.0, 0.0), nothing, Calibrated(nothing, nothing),
        np.ones(1), None,
    )  # fmt: skip
    some = Interval(0.5, 0.4, 0.6)
    row = Judged(
        name="good", policy="constant", rows=n, value=some, lift=None, over_logged=some,
        effective_sample_size=3000.0, mean_weight=1.0, mean_weight_error=0.01, max_weight=2.0,
        max_weight_share=0.0, unsupported_share=0.0, decision="ship", reason="", needed_n=None,
        estimates={}, shares={},
    )  # fmt: skip
    (found,) = against_holdout(whole, [row], {"good": better}, Simulate(), seed=0)
    assert found.decision == decision
    assert ("no contact" in found.reason) == (decision != "ship")
