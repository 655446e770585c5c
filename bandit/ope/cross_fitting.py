"""Outcome models that never judge a row they learned from."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Array, Float64
from bandit.kernels.stats.ridge import normal_sums_into
from bandit.kernels.threads import spread
from bandit.models.posterior import INTERCEPT
from bandit.stats.units import first_seen


@dataclass(frozen=True)
class Ridge:
    """Our own outcome model: a ridge regression an action, shrunk towards the one over all.

    θ_a = θ + (Σ_a x xᵀ + R)⁻¹ Σ_a x (r - xᵀθ), θ the pooled solution; x carries an intercept, which
    the ridge leaves alone: R is ridge I, but for an action's intercept at most ten observations'
    worth, and for the pooled one nothing. Rewards that are all larger by c are predicted larger by
    c. An action without data is predicted by the pooled solution. ``ridge`` None lets the folds
    choose: of `STRENGTHS` the one that predicts the logged rewards of the left-out folds best.
    Where rewards are rare that is often infinity, the mean for all: a model of ten sales an arm
    adds more noise than it takes away.
    """

    ridge: float | None = 1.0


STRENGTHS = (1.0, 10.0, 100.0, 1e3, 1e4, np.inf)
"""One choice of six by all folds' errors: what a row's own reward has to say in it is lost among
thousands."""


def fold_of(
    n: int, folds: int, clusters: npt.ArrayLike | None = None, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Fold of each row, int64[n] in [0, folds): whole clusters, in equal numbers, at random."""
    labels = checks.clusters(clusters, n)
    place, count = (np.arange(n), n) if labels is None else first_seen(labels)
    if count < 2:
        raise DataError(
            "the log is of one row or cluster: what is judged on it cannot be learned from others"
        )
    if folds < 2 or count < folds:
        raise ConfigError(
            f"{folds} folds of {count} rows or clusters cannot be made; take from 2 to {count}"
        )
    return np.asarray(np.random.default_rng(seed).permutation(count) % folds)[place]


def cross_fit(
    model: Any,
    contexts: npt.ArrayLike,
    actions: npt.ArrayLike,
    rewards: npt.ArrayLike,
    n_actions: int,
    folds: int = 3,
    clusters: npt.ArrayLike | None = None,
    seed: int = 0,
) -> Float64:
    """Predicted reward of every action for every row, from the other folds: float64[n, k].

    ``model`` is `Ridge` or any scikit-learn regressor or classifier, which is fitted on the
    context and the action's indicator; a classifier predicts the mean over its classes.
    ``contexts`` float[n, d], ``actions`` int[n] in [0, k), ``rewards`` float[n]. Rows of one of
    ``clusters`` stay together. Chernozhukov et al. (2018), Double/debiased machine learning.

    Raises
    ------
    DataError
        NaN, an action outside [0, k), lengths that differ.
    ConfigError
        Folds that cannot be made, or a model without fit and predict.
    """
    r = checks.vector("rewards", rewards)
    n = len(r)
    x = _contexts(contexts, n)
    taken = np.asarray(actions, dtype=np.int64)
    bad = np.flatnonzero((taken < 0) | (taken >= n_actions)) if taken.shape == (n,) else None
    if bad is None:
        raise DataError(f"actions must be one number a row: {taken.shape} for {n} rows")
    if bad.size:
        raise DataError(f"row {bad[0]} has action {taken[bad[0]]}, there are {n_actions}")
    fold = fold_of(n, folds, clusters, seed)
    if isinstance(model, Ridge):
        return _ridge(model, x, taken, r, n_actions, fold)
    return _sklearn(model, x, taken, r, n_actions, fold)


def _contexts(values: npt.ArrayLike, n: int) -> Array:
    x = np.asarray(values)
    x = np.ascontiguousarray(x, dtype=np.float32 if x.dtype == np.float32 else np.float64)
    if x.ndim != 2 or len(x) != n:
        raise DataError(f"contexts must be float[{n}, d], their shape is {x.shape}")
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if bad.size:
        raise DataError(f"contexts must be finite, row {bad[0]} is not; drop it or fill it in")
    return x


def _ridge(
    model: Ridge,
    contexts: Array,
    actions: npt.NDArray[np.int64],
    rewards: Float64,
    k: int,
    fold: npt.NDArray[np.int64],
) -> Float64:
    """Sums per fold and action once; each fold's model is the sum over the others."""
    if model.ridge is not None:
        checks.parameter("ridge", model.ridge)
    folds, d = int(fold.max()) + 1, contexts.shape[1] + 1
    grams, shifts = np.zeros((folds * k, d, d)), np.zeros((folds * k, d))
    cell = fold * k + actions
    rows = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[rows], np.arange(folds * k + 1))
    spread(normal_sums_into, folds * k, 1, contexts, rewards, rows, start, grams, shifts)
    gram_of, shift_of = grams.reshape(folds, k, d, d), shifts.reshape(folds, k, d)
    others = gram_of.sum(axis=0) - gram_of, shift_of.sum(axis=0) - shift_of
    if model.ridge is not None:
        thetas = [_shrunken(*both, model.ridge) for both in zip(*others, strict=True)]
    else:
        thetas = _chosen(*others, contexts, actions, rewards, fold)
    out = np.empty((len(rewards), k))
    for f, theta in enumerate(thetas):
        mine = fold == f
        out[mine] = contexts[mine] @ theta[:, :-1].T + theta[:, -1]
    return out


def _chosen(
    grams: Float64,
    shifts: Float64,
    contexts: Array,
    actions: npt.NDArray[np.int64],
    rewards: Float64,
    fold: npt.NDArray[np.int64],
) -> list[Float64]:
    """Coefficients of each fold at the strength whose squared error over all folds is least."""
    best, least = [], np.inf
    for strength in STRENGTHS:
        thetas = [_shrunken(*both, strength) for both in zip(grams, shifts, strict=True)]
        error = 0.0
        for f, theta in enumerate(thetas):
            mine = np.flatnonzero(fold == f)
            own = theta[actions[mine]]
            guess = np.einsum("nd,nd->n", contexts[mine], own[:, :-1]) + own[:, -1]
            error += float(np.sum((rewards[mine] - guess) ** 2))
        if error < least:
            best, least = thetas, error
    return best


def _shrunken(grams: Float64, shifts: Float64, ridge: float) -> Float64:
    """Coefficients float64[k, d] of the pooled ridge and each action's departure from it.

    Rewards count from their mean, which is added to the intercept again.
    """
    rows = grams[:, -1, -1].sum()
    mean = shifts[:, -1].sum() / rows if rows > 0.0 else 0.0
    theta = np.zeros_like(shifts)
    if np.isfinite(ridge):
        shifts = shifts - mean * grams[:, :, -1]
        penalty = np.full(grams.shape[-1], ridge)
        penalty[-1] = min(ridge, 1.0 / max(rows, 1.0))
        pooled = np.linalg.solve(grams.sum(axis=0) + np.diag(penalty), shifts.sum(axis=0))
        penalty[-1] = min(ridge, INTERCEPT)
        left = shifts - grams @ pooled
        own = np.linalg.solve(grams + np.diag(penalty), left[..., None])[..., 0]
        theta = pooled + own
    theta[:, -1] += mean
    return np.asarray(theta)


def _sklearn(
    model: Any,
    contexts: Array,
    actions: npt.NDArray[np.int64],
    rewards: Float64,
    k: int,
    fold: npt.NDArray[np.int64],
) -> Float64:
    clone = _clone_of(model)
    indicator = np.eye(k)
    out = np.empty((len(rewards), k))
    for f in range(int(fold.max()) + 1):
        test = np.flatnonzero(fold == f)
        train = np.flatnonzero(fold != f)
        target = _target(model, rewards[train])
        if (target == target[0]).all():
            out[test] = float(rewards[train[0]])
            continue
        fitted = clone(model).fit(np.hstack([contexts[train], indicator[actions[train]]]), target)
        for a in range(k):
            here = np.broadcast_to(indicator[a], (len(test), k))
            out[test, a] = _predict(fitted, np.hstack([contexts[test], here]))
    return out


def _target(model: Any, rewards: Float64) -> Array:
    """Classifiers want labels: the rewards where they are whole numbers."""
    if not hasattr(model, "predict_proba"):
        return rewards
    if np.any(rewards != np.rint(rewards)):
        raise DataError(
            f"a classifier ({type(model).__name__}) needs rewards that are whole numbers, such as "
            "0 and 1; take a regressor for amounts"
        )
    return rewards.astype(np.int64)


def _predict(fitted: Any, rows: Array) -> Float64:
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(rows) @ fitted.classes_, dtype=np.float64)
    return np.asarray(fitted.predict(rows), dtype=np.float64)


def _clone_of(model: Any) -> Any:
    """scikit-learn's clone; the library is wanted only when such a model is given."""
    if not (hasattr(model, "fit") and hasattr(model, "predict")):
        raise ConfigError(
            f"an outcome model needs fit and predict, {model!r} has not; "
            "take ope.Ridge() or a scikit-learn estimator"
        )
    try:
        return import_module("sklearn.base").clone
    except ImportError as missing:
        raise ConfigError(
            "outcome models other than ope.Ridge need scikit-learn: pip install scikit-learn"
        ) from missing
