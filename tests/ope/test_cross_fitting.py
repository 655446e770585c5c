from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from bandit import ope
from bandit.core.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(0)
    n, k, d = 600, 3, 2
    x = rng.normal(size=(n, d))
    a = rng.integers(0, k, n)
    theta = rng.normal(size=(k, d))
    return x, a, np.einsum("nd,nd->n", x, theta[a]) + 1.0, k, x @ theta.T + 1.0


def test_ridge_finds_a_linear_truth(log):
    x, a, r, k, truth = log
    found = ope.cross_fit(ope.Ridge(1e-6), x, a, r, k)
    assert found == pytest.approx(truth, abs=1e-5)


def test_ridge_is_the_normal_equations_of_the_other_folds(log):
    x, a, r, k, _ = log
    found = ope.cross_fit(ope.Ridge(2.0), x, a, r, k, folds=4, seed=5)
    fold = ope.fold_of(len(r), 4, seed=5)
    row = 17
    train = fold != fold[row]
    xs = np.column_stack([x, np.ones(len(x))])
    away = r - r[train].mean()
    free = np.diag([2.0, 2.0, 1.0 / train.sum()])  # the pooled intercept is not shrunk
    pooled = np.linalg.solve(xs[train].T @ xs[train] + free, xs[train].T @ away[train])
    for b in range(k):
        mine = train & (a == b)
        gram = xs[mine].T @ xs[mine] + np.diag([2.0, 2.0, 2.0])
        theta = pooled + np.linalg.solve(gram, xs[mine].T @ (away[mine] - xs[mine] @ pooled))
        assert found[row, b] == pytest.approx(r[train].mean() + xs[row] @ theta)


@pytest.mark.parametrize("strength", [1.0, 100.0, None])
def test_what_everybody_spends_anyway_changes_no_difference(log, strength):
    x, a, r, k, _ = log
    low, high = (ope.cross_fit(ope.Ridge(strength), x, a, r + c, k) for c in (0.0, 1000.0))
    assert high - 1000.0 == pytest.approx(low, abs=1e-6)


def test_a_row_never_judges_itself(log):
    x, a, r, k, _ = log
    before = ope.cross_fit(ope.Ridge(), x, a, r, k)
    changed = r.copy()
    changed[3] += 1000.0
    assert ope.cross_fit(ope.Ridge(), x, a, changed, k)[3] == pytest.approx(before[3])


def test_clusters_stay_together(log):
    x, a, r, k, _ = log
    clusters = np.arange(len(r)) // 5
    fold = ope.fold_of(len(r), 3, clusters)
    assert all(len(set(fold[clusters == c])) == 1 for c in set(clusters))
    before = ope.cross_fit(ope.Ridge(), x, a, r, k, clusters=clusters)
    changed = r.copy()
    changed[0] += 1000.0
    after = ope.cross_fit(ope.Ridge(), x, a, changed, k, clusters=clusters)
    assert after[:5] == pytest.approx(before[:5])


def test_an_action_without_data_takes_the_pooled_model(log):
    x, a, r, k, _ = log
    found = ope.cross_fit(ope.Ridge(), x, a, r, k + 1)
    assert np.isfinite(found).all()
    assert found.shape == (len(r), k + 1)


def test_scikit_learn_models(log):
    x, a, r, k, _ = log
    linear = ope.cross_fit(LinearRegression(), x, a, r, k)
    assert linear.shape == (len(r), k)
    clicks = (r > 1.0).astype(float)
    chance = ope.cross_fit(LogisticRegression(), x, a, clicks, k)
    assert ((chance >= 0.0) & (chance <= 1.0)).all()
    assert ope.cross_fit(LogisticRegression(), x, a, np.zeros(len(r)), k) == pytest.approx(0.0)


def test_bad_input_has_its_sentence(log):
    x, a, r, k, _ = log
    with pytest.raises(DataError, match="has action 2, there are 2"):
        ope.cross_fit(ope.Ridge(), x, a, r, 2)
    with pytest.raises(ConfigError, match="needs fit and predict"):
        ope.cross_fit("lasso", x, a, r, k)
    with pytest.raises(ConfigError, match="folds of 2 rows"):
        ope.cross_fit(ope.Ridge(), x[:2], a[:2], r[:2], k)
    with pytest.raises(DataError, match="whole numbers"):
        ope.cross_fit(LogisticRegression(), x, a, r, k)
    with pytest.raises(DataError, match="contexts must be finite, row 1"):
        ope.cross_fit(ope.Ridge(), [[1.0], [np.nan]], [0, 0], [1, 1], 1, folds=2)


def test_folds_choose_the_mean_where_a_model_has_nothing_to_say():
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=(600, 20)), rng.integers(0, 3, 600)
    noise = (rng.random(600) < 0.02) * rng.exponential(size=600)
    found = ope.cross_fit(ope.Ridge(None), x, a, noise, 3)
    # no farther from the truth than the means of 130 rows an action are
    assert np.sqrt(np.mean((found - 0.02) ** 2)) < 0.02
    signal = x[:, 0] + a + 0.1 * rng.normal(size=600)
    assert (
        np.mean((ope.cross_fit(ope.Ridge(None), x, a, signal, 3)[np.arange(600), a] - signal) ** 2)
        < 0.02
    )
