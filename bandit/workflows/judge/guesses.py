"""What is said of a candidate whatever the log: its shares; and where only a model can speak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandit import ope
from bandit.ope import diagnostics
from bandit.ope.estimate import Estimate
from bandit.results.figures import Interval
from bandit.results.judge import Judged
from bandit.workflows.judge.logged import Logged
from bandit.workflows.judge.targets import Target


def guesses(logged: Logged, targets: Sequence[Target], why: str, seed: int) -> list[Judged]:
    """The outcome model alone, for a log that cannot be believed: no lift, no verdict."""
    rows = []
    for t in targets:
        found = ope.dm(t.q, clusters=logged.log.clusters, seed=seed)
        value = shown(found)
        rows.append(
            Judged(
                name=t.name,
                policy=t.candidate.policy,
                rows=found.n,
                value=value,
                lift=None,
                over_logged=None,
                effective_sample_size=0.0,
                mean_weight=float("nan"),
                mean_weight_error=float("nan"),
                max_weight=float("nan"),
                max_weight_share=float("nan"),
                unsupported_share=unsupported(logged, t),
                decision="hold",
                reason=why,
                needed_n=None,
                estimates={"dm": value},
                shares=shares(logged, t),
            )
        )
    return rows


def unsupported(logged: Logged, target: Target) -> float:
    """Share of the target's probability on actions that the log never took."""
    seen = np.bincount(logged.log.actions, minlength=logged.log.n_actions)
    return diagnostics.unsupported_share(target.share, seen)


def shares(logged: Logged, target: Target) -> dict[str, float]:
    """What the target would do, the most frequent action first."""
    names = logged.catalogue.names
    order = np.argsort(-target.share, kind="stable")
    return {names[a]: float(target.share[a]) for a in order if target.share[a] > 0.0}


def shown(estimate: Estimate) -> Interval:
    """An estimate as results carry it."""
    return Interval(estimate.value, estimate.lower, estimate.upper)
