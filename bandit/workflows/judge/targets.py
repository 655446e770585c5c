"""From a candidate to its probabilities on the log: none is judged on what it learned from.

A policy that learns is fitted once for each fold, on the other folds' customers. Probabilities are
made block by block; what is kept of them is a weight a row, the outcome model's mean a row, and the
mean probability of each action.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bandit.config.campaign import Campaign
from bandit.config.simulation import Candidate, Part
from bandit.core.actions import PEACE
from bandit.core.errors import DataError
from bandit.core.types import Array, Bool, Float64
from bandit.models.moments import Moments
from bandit.ope.calibration import Calibrated, calibrated
from bandit.policies.mixture import Mixture
from bandit.policies.policy import Policy
from bandit.policies.registry import POLICIES, Options
from bandit.workflows.judge import mabwiser as simulate_mabwiser
from bandit.workflows.judge import probabilities as simulate_probabilities
from bandit.workflows.judge import snapshot as simulate_snapshot
from bandit.workflows.judge.bench import Bench
from bandit.workflows.judge.logged import Logged


class Target(NamedTuple):
    """``weights`` float64[n] (zeros without propensities), ``q`` float64[n], ``share`` float64[k].

    ``model`` are the outcome model's predictions and means, calibrated for this target: what
    estimators take; ``q`` is the model's own word, for where it speaks alone. ``rows`` bool[n] are
    those on which it may be judged, None for all.
    """

    name: str
    candidate: Candidate
    weights: Float64
    q: Float64
    model: Calibrated
    share: Float64
    rows: Bool | None

    def take(self, kept: Array) -> Target:
        """On some of the log's rows."""
        on = None if self.rows is None else self.rows[kept]
        model = Calibrated(*(column[kept] for column in self.model))
        return self._replace(weights=self.weights[kept], q=self.q[kept], model=model, rows=on)


def target(bench: Bench, candidate: Candidate) -> Target:
    """Weights and model means of one candidate (a sweep's single member)."""
    log = bench.logged.log
    n, k = log.n, log.n_actions
    weights, q, share = np.zeros(n), np.zeros(n), np.zeros(k)
    on = _rows(bench, candidate)
    counted = np.zeros(n, dtype=np.bool_)
    counted[bench.logged.weighted] = True
    if on is not None:
        counted &= on
    for rows, wanted in probabilities(bench, candidate):
        part = log.take(rows)
        part.check_target(wanted)
        if log.propensities is not None:
            weights[rows] = wanted[np.arange(len(rows)), part.actions] / log.propensities[rows]
        q[rows] = (wanted * bench.q[rows]).sum(axis=1)
        share += wanted[counted[rows]].sum(axis=0)
    told = np.where(counted, weights, 0.0)
    q_logged = bench.q[np.arange(n), log.actions]
    model = calibrated(log.rewards, told, q_logged, q, bench.fold)
    return Target(candidate.label, candidate, weights, q, model, share / max(share.sum(), 1.0), on)


def _rows(bench: Bench, candidate: Candidate) -> Bool | None:
    if candidate.policy != "snapshot":
        return None
    return simulate_snapshot.unseen(bench.campaign, bench.logged, candidate)


def probabilities(bench: Bench, candidate: Candidate) -> Iterator[tuple[Array, Float64]]:
    """Rows and their probabilities float64[rows, k], until all rows are done."""
    makers = {
        "constant": _constant,
        "no_contact": _constant,
        "table": _given,
        "snapshot": _snapshot,
        "mabwiser": _mabwiser,
    }
    yield from makers.get(candidate.policy, _fitted)(bench, candidate)


def _given(bench: Bench, candidate: Candidate) -> Iterator[tuple[Array, Float64]]:
    given = simulate_probabilities.read(bench.campaign, bench.logged, candidate)
    for rows in bench.blocks():
        yield rows, given.of(rows)


def _snapshot(bench: Bench, candidate: Candidate) -> Iterator[tuple[Array, Float64]]:
    posterior = simulate_snapshot.posterior(bench.campaign, bench.logged, candidate)
    alpha, epsilon = _one(candidate.alpha), _one(candidate.epsilon)
    options = Options(alpha, epsilon, posterior.noise_scale, tuple(bench.logged.catalogue.order))
    policy = POLICIES[candidate.decides](options)
    for rows in bench.blocks():
        yield rows, _asked(bench.logged, policy, posterior, rows)


def _mabwiser(bench: Bench, candidate: Candidate) -> Iterator[tuple[Array, Float64]]:
    for f in range(bench.folds):
        model = simulate_mabwiser.fitted(bench.logged, candidate, bench.fold != f, bench.seed)
        for rows in bench.blocks(f):
            yield rows, _asked(bench.logged, model, None, rows)


def _fitted(bench: Bench, candidate: Candidate) -> Iterator[tuple[Array, Float64]]:
    """Policies on the posterior of the other folds; those that do not learn ignore it."""
    ridge = None if candidate.ridge is None else _one(candidate.ridge)
    prices = bench.logged.catalogue.prices_of(candidate.label) if candidate.prices else None
    for f, posterior in enumerate(bench.posteriors(ridge, candidate.link)):
        policy = _policy(bench, candidate, posterior)
        for rows in bench.blocks(f):
            yield rows, _asked(bench.logged, policy, posterior, rows, prices)


def _asked(
    logged: Logged,
    policy: Policy,
    posterior: Moments | None,
    rows: Array,
    prices: Float64 | None = None,
) -> Float64:
    catalogue = logged.catalogue
    return policy.probabilities(
        posterior,
        logged.log.contexts[rows],
        eligible=logged.log.eligible[rows],
        values=catalogue.values,
        costs=catalogue.costs if prices is None else catalogue.costs + prices,
    )


def _constant(bench: Bench, candidate: Candidate) -> Iterator[tuple[Array, Float64]]:
    """One action for everybody who may get it, no contact for the others."""
    catalogue, log = bench.logged.catalogue, bench.logged.log
    wanted = 0 if candidate.policy == "no_contact" else catalogue.find(candidate.action or "")
    if candidate.policy == "no_contact" and not catalogue.has_no_contact:
        raise DataError("candidate 'no_contact': this log leaves nobody in peace; drop it")
    if not log.eligible[:, wanted].any():
        raise DataError(
            f"candidate {candidate.label!r}: nobody in this log might have got"
            f" {catalogue.names[wanted]!r}, so that nothing can be known of it; drop the candidate"
        )
    for rows in bench.blocks():
        may = log.eligible[rows, wanted]
        if not may.all() and not (catalogue.has_no_contact and log.eligible[rows[~may], 0].all()):
            row = int(rows[~may][0])
            raise DataError(
                f"candidate {candidate.label!r}: {catalogue.names[wanted]!r} is not eligible in row"
                f" {row}, and neither is {PEACE}; judge a policy that may choose something else"
            )
        out = np.zeros((len(rows), catalogue.k))
        out[np.arange(len(rows)), np.where(may, wanted, 0)] = 1.0
        yield rows, out


def _policy(bench: Bench, candidate: Candidate, posterior: Moments) -> Policy:
    if candidate.policy == "mixture":
        return _mixture(bench, candidate, posterior)
    catalogue = bench.logged.catalogue
    named = [catalogue.find(name) for name in candidate.order or ()]
    order = (*named, *(a for a in catalogue.order if a not in named))
    alpha, epsilon = _one(candidate.alpha), _one(candidate.epsilon)
    return POLICIES[candidate.policy](Options(alpha, epsilon, posterior.noise_scale, order))


def _mixture(bench: Bench, candidate: Candidate, posterior: Moments) -> Mixture:
    catalogue = bench.logged.catalogue
    own = _shares(bench.campaign, candidate)
    if own.holdout > 0.0 and not catalogue.has_no_contact:
        raise DataError(f"candidate {candidate.label!r} has a holdout, but nobody is left in peace")
    noise, order = posterior.noise_scale, tuple(catalogue.order)
    inner = [
        (p.share, POLICIES[p.policy](Options(p.alpha, p.epsilon, noise, order))) for p in own.parts
    ]
    return Mixture(inner, holdout=own.holdout, exploration=own.exploration)


class _Shares(NamedTuple):
    parts: tuple[Part, ...]
    holdout: float
    exploration: float


def _shares(campaign: Campaign, candidate: Candidate) -> _Shares:
    """A mixture's shares as given; without any, the campaign's own [policy]."""
    if candidate.shares is not None:
        return _Shares(candidate.shares, candidate.holdout, candidate.exploration)
    own = campaign.policy
    parts = tuple(
        Part(policy=s.policy, share=s.share, alpha=s.alpha, epsilon=s.epsilon) for s in own.shares
    )
    return _Shares(parts, own.holdout, own.exploration)


def parts_of(
    campaign: Campaign, candidate: Candidate
) -> tuple[float, list[tuple[float, Candidate]]]:
    """A candidate's holdout, and the shares of the policies that it draws one of a customer."""
    if candidate.policy != "mixture":
        return 0.0, [(1.0, candidate)]
    own = _shares(campaign, candidate)
    alone = {"holdout": 0.0, "exploration": own.exploration}
    return own.holdout, [
        (
            p.share,
            candidate.model_copy(
                update={**alone, "shares": (p.model_copy(update={"share": 1.0}),)}
            ),
        )
        for p in own.parts
    ]


def _one(value: float | tuple[float, ...]) -> float:
    """A sweep has been expanded, so one value is left."""
    return float(value[0] if isinstance(value, tuple) else value)
