from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import bandit
from bandit import ope
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Choice
from bandit.replay import Learning, bands, replay_lin_ucb, replay_log
from bandit.replay.rows import prepare
from reference.ope_replay import lin_ucb_replay


@dataclass(frozen=True)
class Still:
    """Draws each action with the same probabilities for everybody, and writes down its lessons."""

    chances: tuple[float, ...]
    lessons: list = field(default_factory=list)

    def choose(self, contexts, eligible, keys, seed):  # noqa: ARG002 - the protocol's names
        n = len(keys)
        action = np.random.default_rng(seed).choice(len(self.chances), p=self.chances, size=n)
        return Choice(
            action.astype(np.int32),
            np.array(self.chances)[action],
            np.zeros(n, np.float32),
            None,
            None,
        )

    def update(self, contexts, actions, rewards, weights):
        self.lessons.append((contexts, actions, rewards, weights))
        return self


def make_log(n, k, seed, skew=0.0, d=3):
    rng = np.random.default_rng(seed)
    chance = np.tile((1 - skew) / k, (n, k))
    chance[np.arange(n), rng.integers(0, k, n)] += skew
    actions = (rng.random(n)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    x = rng.normal(size=(n, d))
    truth = np.linspace(0.2, 0.8, k)
    return ope.Log.of(
        actions=actions,
        rewards=(rng.random(n) < truth[actions]).astype(float),
        contexts=x,
        propensities=chance[np.arange(n), actions],
        n_actions=k,
    )


@pytest.mark.parametrize("window", [0, 2])
def test_lin_ucb_is_the_row_by_row_replay(window):
    log = make_log(700, 4, seed=1)
    learner = Learning(bandit.LinUCB(alpha=0.7), bandit.Posterior.prior(4, 3, ridge=2.0))
    curve, _ = replay_log(log, learner, waves=60, window=window)
    compiled = replay_lin_ucb(log, alpha=0.7, ridge=2.0, waves=60, window=window)
    expected = lin_ucb_replay(
        log.contexts.astype(float), log.actions, log.rewards, 4, 60, 0.7, 2.0, window
    )
    assert curve.total == pytest.approx(expected[:, 0])
    assert curve.weight == pytest.approx(expected[:, 1])
    assert compiled.total == pytest.approx(expected[:, 0])
    assert compiled.weight == pytest.approx(expected[:, 1])


def test_rejection_on_a_uniform_log_is_the_replay_estimator():
    log = make_log(2000, 3, seed=2)
    curve, _ = replay_log(log, Still((0.0, 0.0, 1.0)), waves=100)
    found = ope.replay(log.rewards, log.actions == 2)
    assert curve.running_value[-1] == pytest.approx(found.value)
    assert curve.effective_sample_size == pytest.approx(found.effective_sample_size)


@pytest.mark.parametrize("form", ["rejection", "weighted"])
def test_a_log_that_is_not_uniform_gives_the_true_value(form):
    """A still policy's value is known: the mean over 100 logs is within 3 standard errors of it."""
    policy, truth = Still((0.2, 0.3, 0.5)), np.dot((0.2, 0.3, 0.5), np.linspace(0.2, 0.8, 3))
    found = [
        replay_log(make_log(600, 3, seed, skew=0.6), policy, waves=200, form=form, seed=seed)[0]
        for seed in range(100)
    ]
    values = np.array([curve.total.sum() / curve.weight.sum() for curve in found])
    assert abs(values.mean() - truth) < 3 * values.std(ddof=1) / np.sqrt(100)


def test_thinning_keeps_floor_over_propensity():
    log = make_log(5000, 3, seed=0, skew=0.6)
    rows = prepare(log)
    chance = log.propensities.min() / log.propensities
    spread = np.sqrt(np.sum(chance * (1 - chance)))
    assert abs(rows.survives.sum() - chance.sum()) < 4 * spread
    assert rows.survives[chance == 1.0].all()
    shuffled = prepare(log, shuffle=True)
    assert np.array_equal(shuffled.survives[np.argsort(shuffled.keys)], rows.survives)
    assert prepare(log, form="weighted").survives.all()


@pytest.mark.parametrize("form", ["rejection", "weighted"])
@pytest.mark.parametrize("restricted", [False, True])
def test_the_compiled_lin_ucb_is_the_replayed_policy(form, restricted):
    log = make_log(1500, 5, seed=6, skew=0.3)
    if restricted:
        allowed = np.random.default_rng(0).random((1500, 5)) < 0.7
        allowed[np.arange(1500), log.actions] = True
        log = replace(log, eligible=allowed)
    options = {"waves": 130, "form": form, "window": 1, "seed": 4, "shuffle": True}
    learner = Learning(bandit.LinUCB(alpha=0.4), bandit.Posterior.prior(5, 3, ridge=1.5))
    expected, _ = replay_log(log, learner, **options)
    found = replay_lin_ucb(log, alpha=0.4, ridge=1.5, **options)
    for name in ("decisions", "weight", "squares", "total"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))


def test_nothing_is_learned_before_its_window_closes():
    """Window 2: wave 0 is known to wave 3; what came later than the window counts as nothing."""
    log = make_log(60, 1, seed=3)
    delays = np.tile([0, 2, 3], 20)
    policy = Still((1.0,))
    replay_log(log, policy, waves=10, window=2, delays=delays)
    assert len(policy.lessons) == 3  # waves 0, 1, 2 are known before the last, 5
    contexts, _, rewards, _ = policy.lessons[1]
    assert np.array_equal(contexts, log.contexts[10:20])
    assert rewards == pytest.approx(np.where(delays[10:20] <= 2, log.rewards[10:20], 0.0))


def test_labelled_waves_and_shuffled_replicates():
    log = make_log(300, 2, seed=4)
    labels = np.repeat([3, 5, 9], 100)
    whole, _ = replay_log(log, Still((0.5, 0.5)), waves=labels)
    assert whole.decisions.tolist() == [100, 100, 100]
    runs = [
        replay_log(log, Still((0.5, 0.5)), waves=50, shuffle=True, seed=seed)[0].running_value
        for seed in range(10)
    ]
    band = bands(runs)
    assert np.all((band.lower <= band.mean) & (band.mean <= band.upper))


def test_bad_replays_are_named():
    log = make_log(10, 2, seed=0)
    with pytest.raises(ConfigError, match="unknown form 'guess'"):
        replay_log(log, Still((1.0, 0.0)), form="guess")
    with pytest.raises(ConfigError, match="at least one row"):
        replay_log(log, Still((1.0, 0.0)), waves=0)
    with pytest.raises(ConfigError, match="window must be"):
        replay_log(log, Still((1.0, 0.0)), window=-1)
    with pytest.raises(DataError, match="never falls"):
        replay_log(log, Still((1.0, 0.0)), waves=np.arange(10)[::-1])
    with pytest.raises(DataError, match="delays must be one number a row"):
        replay_log(log, Still((1.0, 0.0)), delays=[1])
    with pytest.raises(ConfigError, match="floor must lie"):
        replay_log(log, Still((1.0, 0.0)), floor=0.0)
    with pytest.raises(ConfigError, match="alpha must be at least 0"):
        replay_lin_ucb(log, alpha=-1.0)
    blind = ope.Log.of(actions=[0, 1], rewards=[0.0, 1.0])
    with pytest.raises(DataError, match="no policy can be replayed"):
        replay_log(blind, Still((1.0, 0.0)))
    with pytest.raises(DataError, match="at least one replicate"):
        bands([])
