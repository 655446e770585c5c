from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.special import expit

from bandit import LinTS, LogisticPosterior, Posterior
from bandit.kernels.linear.link import LOGIT
from bandit.models.curved import Curve, Curved, bends_of, curves_of
from bandit.models.hybrid import Strengths
from bandit.models.moved import Moved, TakenMean, inner, lifts_of
from bandit.models.odds import Seen, Task, chances, level, modes
from bandit.models.owned import Layout, OwnedPosterior, again
from bandit.models.pooled import PooledPosterior, pool
from bandit.models.rising import Response, Rising
from reference import isotonic

K, D, ROWS = 6, 4, 4_000
CONSTANT = np.eye(D)[0]
FEATURES = np.column_stack([np.ones(K), np.arange(K) % 2, np.arange(K) % 2 == 0]).astype(float)
AT = Strengths(np.full(3, 10.0), 30.0, 100.0, noise=1.0)


def _rows(seed=0, base=-3.0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((ROWS, D)).astype(np.float32)
    x[:, 0] = 1.0
    actions = rng.integers(0, K, ROWS).astype(np.int32)
    theta = 0.5 * rng.standard_normal((K, D)) + base * CONSTANT
    chance = 1.0 / (1.0 + np.exp(-np.einsum("nd,nd->n", x, theta[actions])))
    return x, actions, (rng.random(ROWS) < chance).astype(float)


def _sums(x, actions, came):
    return Posterior.prior(K, D, 1.0, CONSTANT).update(x, actions, came)


def _read(x, actions, counts, batch=ROWS):
    def read():
        for start in range(0, len(x), batch):
            at = slice(start, start + batch)
            yield Seen(x[at], actions[at], counts[:, at], np.ones(len(x[at])))

    return read


def _like(sums, model):
    return replace(model, sums=sums)


def _fixed(sums):
    return PooledPosterior(sums, FEATURES, AT)


def _task(sums, find):
    return Task(sums, sums.mean, _fixed(sums), find)


def _found(sums, near):
    return pool(sums, FEATURES, noise=1.0, begin=near.strengths)


@pytest.mark.parametrize("base", [-3.0, -5.5, 0.0])
def test_passes_end_where_the_posterior_that_keeps_its_rows_does(base):
    x, actions, came = _rows(1, base)
    tasks = [_task(_sums(x, actions, came), _like)]
    (found,) = modes(tasks, FEATURES, _read(x, actions, came[None]))
    whole = LogisticPosterior.prior(K, D, 1.0, CONSTANT).update(x, actions, came)
    whole = replace(whole, features=FEATURES, strengths=AT)
    assert found.model.mean == pytest.approx(whole.mean, abs=2e-3)
    assert found.model.covariance == pytest.approx(whole.covariance, rel=2e-2, abs=1e-4)


def test_kinds_are_found_side_by_side_as_alone_whatever_the_batches():
    x, actions, came = _rows(2)
    other = _rows(3)[2]
    tasks = [_task(one, _found) for one in map(partial(_sums, x, actions), (came, other))]
    both = modes(tasks, FEATURES, _read(x, actions, np.stack([came, other])))
    for one, task, counts in zip(both, tasks, (came, other), strict=True):
        (alone,) = modes([task], FEATURES, _read(x, actions, counts[None]))
        assert np.array_equal(one.model.mean, alone.model.mean)
    (apart,) = modes(tasks[:1], FEATURES, _read(x, actions, came[None], batch=777))
    assert apart.model.mean == pytest.approx(both[0].model.mean, abs=1e-9)


@pytest.mark.parametrize("came", ["one", "separated", "all of one action"])
def test_what_is_seldom_or_certain_stays_finite(came):
    x, actions, _ = _rows(4)
    told = {
        "one": np.arange(ROWS) == 17,
        "separated": x[:, 1] > 1.5,
        "all of one action": actions == 2,
    }[came].astype(float)
    task = _task(_sums(x, actions, told), _found)
    for found in modes([task], FEATURES, _read(x, actions, told[None])):
        if found is not None:
            score = x.astype(float) @ found.model.mean.T
            assert np.isfinite(score).all()
            assert np.abs(score).max() < 60.0


def test_counts_are_chances_where_events_come_once():
    x, actions, came = _rows(5)
    assert chances(_sums(x, actions, came))
    assert not chances(_sums(x, actions, 3.0 * came))
    assert not chances(_sums(x, actions, np.zeros(ROWS)))
    assert not chances(_sums(x, actions, np.maximum(came, actions == 1)))
    assert level(_sums(x, actions, came)) == pytest.approx(
        np.log((came.sum() + 0.5) / (ROWS - came.sum() + 0.5))
    )


def _curved(seed=0):
    x, actions, came = _rows(seed)
    rng = np.random.default_rng(seed)
    line = _sums(x, actions, came)
    curves = {
        kind: Curve(rng.standard_normal((K, D)), rng.standard_normal((K, D)), rng.random(K) - 0.3)
        for kind in ("sale", "refusal")
    }
    return x, Curved(line, curves)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_means_are_moved_to_the_curve(kind):
    x, posterior = _curved()
    contexts = x[:300].astype(kind)
    told = np.zeros((300, K))
    for one in posterior.curves.values():
        curve = 1.0 / (1.0 + np.exp(-(contexts.astype(float) @ one.theta.T)))
        told += one.weight * (curve - contexts.astype(float) @ one.mean.T)
    assert posterior.lifts(contexts) == pytest.approx(told, abs=1e-12)
    parts = [posterior.lifts(part) for part in np.split(contexts, [1, 8, 60])]
    assert np.array_equal(np.concatenate(parts), posterior.lifts(contexts))
    assert inner(posterior) is posterior.inner
    assert curves_of(posterior) is posterior.curves
    assert np.array_equal(bends_of(posterior, contexts), lifts_of(posterior, contexts))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (8, 3), (21, 8), (24, 19)])
def test_of_one_action_a_row_the_same_is_told(kind, k, d):
    rng = np.random.default_rng(k)
    one, contexts = rng.standard_normal((5, k, d)), rng.standard_normal((600, d)).astype(kind)
    curves = {
        "sale": Curve(one[0], one[1], one[2, :, 0]),
        "click": Curve(one[3], one[4], -np.ones(k)),
    }
    posterior = Curved(Posterior.prior(k, d, ridge=1.0), curves)
    action = rng.integers(0, k, 600).astype(np.int32)
    whole = posterior.lifts(contexts)
    told = sum(
        curve.weight * (1.0 / (1.0 + np.exp(-contexts @ curve.theta.T)) - contexts @ curve.mean.T)
        for curve in curves.values()
    )
    assert whole == pytest.approx(told, abs=1e-12 if kind is np.float64 else 1e-4)
    taken = posterior.lifts_at(contexts, action)
    assert taken == pytest.approx(whole[np.arange(600), action], abs=1e-13)
    parts = np.split(np.arange(600), [1, 2, 9, 70])
    alone = [posterior.lifts_at(contexts[part], action[part]) for part in parts]
    assert np.array_equal(np.concatenate(alone), taken)
    assert posterior.lifts(contexts[:0]).shape == (0, k)
    assert posterior.lifts_at(contexts[:0], action[:0]).shape == (0,)
    values, costs = rng.standard_normal((600, k)), rng.standard_normal((600, k))
    for value, cost in ((values, costs), (values[:1], costs), (values, costs[:1])):
        charges = Moved.charged(posterior, contexts, value, cost).costs
        assert np.array_equal(charges, cost - value * whole)
    chain, start = np.arange(k // 2), np.array([0, k // 2])
    risen = Rising(posterior, (Response(one[0], np.ones(k), LOGIT),), chain, start)
    raised = risen.lifts(contexts)[np.arange(600), action]
    assert risen.lifts_at(contexts, action) == pytest.approx(raised, abs=1e-13)


def test_the_curve_is_the_logistic_function_to_its_ends():
    curve = Curve(np.ones((1, 1)), np.zeros((1, 1)), np.ones(1))
    scores = np.append(np.linspace(-39.0, 39.0, 4_001), [0.0, 45.0, 1e6, 1e300])
    found = Curved(Posterior.prior(1, 1, ridge=1.0), {"sale": curve}).lifts(scores[:, None])[:, 0]
    assert found == pytest.approx(expit(scores), rel=5e-14, abs=0.0)
    low = np.array([-41.0, -700.0, -1e300])[:, None]
    assert Curved(Posterior.prior(1, 1, ridge=1.0), {"sale": curve}).lifts(low).max() < 5e-18


def test_decisions_are_those_of_the_lifts_told_as_costs():
    x, posterior = _curved(1)
    contexts, keys = x[:400], np.arange(400, dtype=np.uint64)
    values = np.random.default_rng(0).random((400, K)).astype(np.float32)
    told = partial(LinTS(0.7).choose, contexts=contexts, values=values, keys=keys, seed=3)
    moved = told(posterior)
    plain = told(posterior.inner, costs=-values * posterior.lifts(contexts))
    assert np.array_equal(moved.action, plain.action)
    assert moved.propensity == pytest.approx(plain.propensity, abs=1e-7)
    taken = TakenMean(posterior).of(contexts, moved.action, 64)
    rows = np.arange(400)
    whole = contexts.astype(float) @ posterior.mean.T + posterior.lifts(contexts)
    assert taken == pytest.approx(whole[rows, moved.action], rel=1e-5)


def test_what_is_drawn_is_drawn_as_often_as_stated():
    x, posterior = _curved(2)
    contexts = np.repeat(x[:20], 2_000, axis=0)
    stated = LinTS(1.0).probabilities(posterior, x[:20])
    keys = np.arange(len(contexts), dtype=np.uint64)
    drawn = LinTS(1.0).choose(posterior, contexts, keys=keys, seed=5).action.reshape(20, -1)
    often = np.stack([np.bincount(row, minlength=K) / drawn.shape[1] for row in drawn])
    slack = 4.0 * np.sqrt(stated * (1.0 - stated) / drawn.shape[1]) + 1e-3
    assert (np.abs(often - stated) < slack).all()


def test_what_rises_rises_through_the_curve():
    x, posterior = _curved(3)
    sale = posterior.curves["sale"]
    chain, start = np.array([1, 3, 2]), np.array([0, 3])
    risen = Rising(posterior, (Response(sale.theta, np.ones(K), LOGIT),), chain, start)
    contexts = x[:200].astype(float)
    chance = 1.0 / (1.0 + np.exp(-(contexts @ sale.theta[chain].T)))
    lifted = risen.lifts(contexts) - posterior.lifts(contexts)
    for row, found in zip(chance, chance + lifted[:, chain], strict=True):
        assert found == pytest.approx(isotonic.rising(row), abs=1e-12)
    assert np.array_equal(np.delete(lifted, chain, axis=1), np.zeros((200, K - 3)))
    assert np.array_equal(bends_of(risen, contexts), posterior.lifts(contexts))


def test_scores_of_some_actions_alone_go_through_the_curve():
    """Columns 2 and 3 are scores of the even and of the odd actions."""
    x, actions, came = _rows(6)
    places = np.array([[0, 1, 2 + a % 2] for a in range(K)])
    layout = Layout(places, 2, np.array([False, False, True]))
    sums = _sums(x, actions, came)
    begin = OwnedPosterior(sums, layout, FEATURES, AT, 1.0, np.zeros((K, 3), np.bool_))

    def find(own):
        return pool(own, FEATURES, noise=1.0, begin=AT).strengths

    task = Task(sums, begin.mean, begin, lambda s, near: again(near, s, find, rising=True))
    (found,) = modes([task], FEATURES, _read(x, actions, came[None]))
    mean = found.model.mean
    assert (mean[::2, 3] == 0.0).all()
    assert (mean[1::2, 2] == 0.0).all()
    assert mean[::2, 2].min() >= 0.0
    assert mean[1::2, 3].min() >= 0.0
