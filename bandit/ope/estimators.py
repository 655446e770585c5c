"""Off-policy estimators: the value of a target policy from rows that another policy logged.

``rewards`` float[n]; ``weights`` float[n], π_e/π_b of the logged action; ``q_logged`` and
``q_target`` float[n], the outcome model of the logged action and its mean under the target.

All take ``clusters`` (n labels; rows of one customer depend on each other, and are kept together),
``confidence``, ``interval`` (bootstrap, which is studentised and cautious where rewards are rare;
student_t, bernstein, hoeffding, betting, or adaptive for logs whose policy was learning or whose
world drifted), ``seed`` of the bootstrap and ``reward_range``, the smallest and the largest reward
that can occur, which betting and adaptive rest on ([0, 1] widened to what was seen, where it is not
stated: then they promise nothing about a reward larger than any seen). All return an `Estimate` and
raise `DataError` for arrays and `ConfigError` for options that do not fit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.core.errors import DataError
from bandit.core.types import Float64
from bandit.ope import row_terms
from bandit.ope.estimate import Estimate, Question, describe, summarise_weights
from bandit.ope.row_terms import Range
from bandit.stats import rare
from bandit.stats.statistic import single
from bandit.stats.units import Terms, cluster_units

Vector = npt.ArrayLike
Inf = float("inf")


def ips(
    rewards: Vector,
    weights: Vector,
    *,
    clip: float = Inf,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Inverse propensity score: mean of min(w, λ) r, λ = ``clip``.

    Unbiased where λ = ∞. Horvitz, Thompson (1952); clipped: Ionides (2008).
    """
    r, w = _observed(rewards, weights)
    terms = row_terms.model_free(r, row_terms.clipped(w, clip), ratio=False)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def snips(
    rewards: Vector,
    weights: Vector,
    *,
    clip: float = Inf,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Self-normalised IPS: Σ w r / Σ w. Swaminathan, Joachims (2015).

    The interval knows that the denominator is random.
    """
    r, w = _observed(rewards, weights)
    terms = row_terms.model_free(r, row_terms.clipped(w, clip), ratio=True)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def replay(
    rewards: Vector,
    matches: Vector,
    *,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Rejection: mean reward where the target's choice equals the logged one (``matches`` bool[n]).

    Right for uniform logging. The effective sample size is the number of matches.
    Li, Chu, Langford, Wang (2011), Unbiased offline evaluation, algorithm 2.
    """
    r = checks.vector("rewards", rewards)
    hit = checks.weights("matches", matches, len(r)) > 0.0
    if not hit.any():
        raise DataError("no logged action matches the target's choice; the log says nothing of it")
    labels = checks.clusters(clusters, len(r))
    kept = r[hit]
    terms = row_terms.model_free(kept, np.ones(len(kept)), ratio=False)
    found = _estimate(
        terms,
        terms.weight,
        None if labels is None else labels[hit],
        confidence,
        interval,
        seed,
        reward_range,
    )
    return replace(found, n=len(r))


def dm(
    q_target: Vector,
    *,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Direct method: mean of q̂π, without an interval.

    The standard error knows the customers' spread, not the model's error, which is the larger.
    """
    q = checks.vector("q_target", q_target)
    nothing, ones = np.zeros(len(q)), np.ones(len(q))
    terms = row_terms.model_based(q, nothing, nothing, q, ratio=False)
    return _estimate(terms, ones, clusters, confidence, interval, seed, reward_range, shrunk=ones)


def dr(
    rewards: Vector,
    weights: Vector,
    q_logged: Vector,
    q_target: Vector,
    *,
    clip: float = Inf,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Doubly robust: mean of q̂π + min(w, λ)(r - q̂). Dudík, Langford, Li (2011)."""
    r, w, q, qt = _modelled(rewards, weights, q_logged, q_target)
    terms = row_terms.model_based(r, row_terms.clipped(w, clip), q, qt, ratio=False)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def sndr(
    rewards: Vector,
    weights: Vector,
    q_logged: Vector,
    q_target: Vector,
    *,
    clip: float = Inf,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Self-normalised doubly robust: mean q̂π + Σ w(r - q̂)/Σ w. Thomas, Brunskill (2016)."""
    r, w, q, qt = _modelled(rewards, weights, q_logged, q_target)
    terms = row_terms.model_based(r, row_terms.clipped(w, clip), q, qt, ratio=True)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def switch_dr(
    rewards: Vector,
    weights: Vector,
    q_logged: Vector,
    q_target: Vector,
    threshold: float,
    *,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Switch: mean of q̂π + w 1[w ≤ λ](r - q̂). Wang, Agarwal, Dudík (2017)."""
    r, w, q, qt = _modelled(rewards, weights, q_logged, q_target)
    terms = row_terms.model_based(r, row_terms.switched(w, threshold), q, qt, ratio=False)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def dros(
    rewards: Vector,
    weights: Vector,
    q_logged: Vector,
    q_target: Vector,
    shrinkage: float,
    *,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Optimistic shrinkage: mean of q̂π + λw/(w² + λ)(r - q̂). Su, Dimakopoulou et al. (2020)."""
    r, w, q, qt = _modelled(rewards, weights, q_logged, q_target)
    terms = row_terms.model_based(r, row_terms.optimistic(w, shrinkage), q, qt, ratio=False)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def sg_ips(
    rewards: Vector,
    weights: Vector,
    shrinkage: float,
    *,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Sub-Gaussian IPS: ŵ = w/(1 - λ + λw), the harmonic mean. Metelli, Russo, Restelli (2021)."""
    r, w = _observed(rewards, weights)
    terms = row_terms.model_free(r, row_terms.smoothed(w, shrinkage), ratio=False)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def sg_dr(
    rewards: Vector,
    weights: Vector,
    q_logged: Vector,
    q_target: Vector,
    shrinkage: float,
    *,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Sub-Gaussian DR: mean of q̂π + ŵ(r - q̂), ŵ as in `sg_ips`."""
    r, w, q, qt = _modelled(rewards, weights, q_logged, q_target)
    terms = row_terms.model_based(r, row_terms.smoothed(w, shrinkage), q, qt, ratio=False)
    return _estimate(terms, w, clusters, confidence, interval, seed, reward_range)


def mips(
    rewards: Vector,
    weights: Vector,
    *,
    clip: float = Inf,
    clusters: Vector | None = None,
    confidence: float = 0.95,
    interval: str = "bootstrap",
    seed: int = 0,
    reward_range: Range | None = None,
) -> Estimate:
    """Marginalised IPS: mean of w(x, e) r, ``weights`` on the action's embedding.

    `embedding_weights` makes them. Unbiased where the reward depends on the action through its
    embedding only. Saito, Joachims (2022), equation (7).
    """
    return ips(
        rewards,
        weights,
        clip=clip,
        clusters=clusters,
        confidence=confidence,
        interval=interval,
        seed=seed,
        reward_range=reward_range,
    )


def embedding_weights(
    target: Vector, logging: Vector, embeddings: Vector, actions: Vector
) -> Float64:
    """w(x, e) = Σ_{a: e(a)=e} π_e(a|x) / Σ_{a: e(a)=e} π_b(a|x) of the logged rows, float64[n].

    ``target`` and ``logging`` float[n, k] are the policies' probabilities, ``embeddings`` k labels
    (an offer's category, say), ``actions`` int[n] what was logged.
    """
    wanted, served = np.asarray(target, np.float64), np.asarray(logging, np.float64)
    labels, taken = np.asarray(embeddings), np.asarray(actions)
    if wanted.ndim != 2 or wanted.shape != served.shape or labels.shape != wanted.shape[1:]:
        raise DataError(
            "target and logging must be float[n, k] and embeddings k labels, they are "
            f"{wanted.shape}, {served.shape} and {labels.shape}"
        )
    alike = labels[taken][:, None] == labels[None, :]
    below = np.sum(served * alike, axis=1)
    bad = np.flatnonzero(~(below > 0.0))
    if bad.size:
        raise DataError(
            f"row {bad[0]} logs embedding {labels[taken[bad[0]]]!r}, which has probability 0"
        )
    return np.asarray(np.sum(wanted * alike, axis=1) / below)


def _observed(rewards: Vector, weights: Vector) -> tuple[Float64, Float64]:
    r = checks.vector("rewards", rewards)
    return r, checks.weights("weights", weights, len(r))


def _modelled(
    rewards: Vector, weights: Vector, q_logged: Vector, q_target: Vector
) -> tuple[Float64, Float64, Float64, Float64]:
    r, w = _observed(rewards, weights)
    n = len(r)
    return r, w, checks.vector("q_logged", q_logged, n), checks.vector("q_target", q_target, n)


def _estimate(
    terms: Terms,
    weights: Float64,
    clusters: Vector | None,
    confidence: float,
    interval: str,
    seed: int,
    reward_range: Range | None,
    shrunk: Float64 | None = None,
) -> Estimate:
    labels = checks.clusters(clusters, len(terms.reward))
    units = cluster_units(terms, labels)
    effective = rare.effective_rewards(terms.weight, terms.reward, labels)
    doubt = rare.caution(terms.weight, row_terms.residuals(terms), effective)
    return describe(
        single(units, doubt),
        lambda: row_terms.sides_of(terms, labels, reward_range),
        summarise_weights(weights, terms.weight if shrunk is None else shrunk, effective),
        Question(interval, confidence, seed),
        len(terms.reward),
    )
