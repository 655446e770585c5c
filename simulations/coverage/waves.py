"""Several waves with contact pressure: are weights still exact, and do intervals hold?

`python -m simulations.coverage.waves` prints the table. Five offers, each resting two waves after it
was sent; a tenth of the customers is held out for good; half of the others follow rules, half a
learned policy. The state of a customer is what rests. Groups either stay, or the shares are drawn
anew each wave. Truth: what a target would earn on the states that the log's policy leaves behind.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bandit import ope
from bandit.core.types import Float64
from bandit.policies.choice_request import checked
from bandit.policies.mixture import Mixture
from bandit.policies.rules import Rules
from bandit.policies.uniform import Uniform

WAVES, OFFERS, REST, KINDS = 8, 5, 2, 4
HOLDOUT, EXPLORATION = 0.1, 0.05
WORTH = np.array([1.0, 2.0, 1.5, 2.5, 1.2, 2.2])
TASTE = np.random.default_rng(1).normal(0.0, 0.8, size=(KINDS, OFFERS + 1))
ORDER = (3, 1, 5, 2, 4, 0)
TARGETS = ("rules", "learned", "uniform", "no contact")


class Campaign(NamedTuple):
    """``rewards``, ``customers`` [n]; by target the weights [n] and the true value of each row."""

    rewards: Float64
    customers: np.ndarray
    weights: dict[str, Float64]
    truths: dict[str, Float64]


def distributions(eligible: np.ndarray, kind: np.ndarray) -> dict[str, Float64]:
    """Probabilities of the targets, float64[n, k]."""
    contexts = kind[:, None].astype(np.float32)
    rules = Rules(ORDER).probabilities(None, contexts, eligible=eligible)
    worth = np.where(eligible, (WORTH + TASTE)[kind], -np.inf)
    learned = np.eye(OFFERS + 1)[worth.argmax(axis=1)]
    uniform = Uniform().probabilities(None, contexts, eligible=eligible)
    silence = np.eye(OFFERS + 1)[np.zeros(len(kind), int)]
    return {"rules": rules, "learned": learned, "uniform": uniform, "no contact": silence}


def campaign(customers: int, seed: int, *, shares: bool) -> Campaign:
    """Eight waves; with ``shares`` the rollout shares are drawn anew each wave."""
    rng = np.random.default_rng([seed, shares])
    keys, kind = np.arange(customers, dtype=np.uint64), rng.integers(0, KINDS, customers)
    last = np.full((customers, OFFERS + 1), -9)
    rows: list[tuple[Float64, dict[str, Float64], dict[str, Float64]]] = []
    mean = (WORTH + TASTE)[kind]
    spread = rng.normal(0.0, 1.0, customers)
    held = np.zeros(customers, np.bool_)
    for wave in range(WAVES):
        eligible = wave - last > REST
        eligible[:, 0] = True
        group = groups(keys, seed, wave if shares else None)
        held = group < 0
        chances = distributions(eligible, kind)
        complete = np.where(group[:, None] == 0, chances["rules"], chances["learned"])
        drawn = (1 - EXPLORATION) * complete + EXPLORATION * chances["uniform"]
        edge = rng.random(customers)[:, None]
        action = (edge > drawn.cumsum(axis=1)).sum(axis=1).clip(0, OFFERS)
        action[held] = 0
        at = np.arange(customers)
        mixed = 0.5 * chances["rules"] + 0.5 * chances["learned"]
        propensity = ((1 - EXPLORATION) * mixed + EXPLORATION * chances["uniform"])[at, action]
        reward = mean[at, action] + spread + rng.normal(0.0, 1.0, customers)
        sent = action > 0
        last[at[sent], action[sent]] = wave
        weights = {t: (chances[t][at, action] / propensity)[~held] for t in TARGETS}
        truths = {t: ((chances[t] * mean).sum(axis=1))[~held] for t in TARGETS}
        rows.append((reward[~held], weights, truths))
    return Campaign(
        np.concatenate([r for r, _, _ in rows]),
        np.tile(np.flatnonzero(~held), WAVES),
        {t: np.concatenate([w[t] for _, w, _ in rows]) for t in TARGETS},
        {t: np.concatenate([v[t] for _, _, v in rows]) for t in TARGETS},
    )


def groups(keys: np.ndarray, seed: int, wave: int | None) -> np.ndarray:
    """As the campaign's own mixture draws them; -1 for the holdout."""
    mixture = Mixture(
        [(0.5, Rules(ORDER)), (0.5, Uniform())],
        holdout=HOLDOUT,
        group_seed=seed,
        share_seed=None if wave is None else seed ^ (1 + wave) * 0x9E3779B1,
    )
    nothing, all_may = np.zeros((len(keys), 1), np.float32), np.ones((len(keys), 2), bool)
    request = checked(None, nothing, eligible=all_may, keys=keys)
    group = mixture.groups(request)
    return np.where(group < 0, -1, group)


class Kept(NamedTuple):
    """Bias with its standard error, the mean weight's z over the logs, and the coverage."""

    bias: float
    error: float
    mean_weight: float
    mean_weight_z: float
    coverage: float


def kept(logs: int, customers: int, *, shares: bool) -> dict[str, Kept]:
    found: dict[str, list[tuple[float, float, float, float, float]]] = {t: [] for t in TARGETS}
    for seed in range(logs):
        log = campaign(customers, seed, shares=shares)
        for t in TARGETS:
            e = ope.ips(log.rewards, log.weights[t], clusters=log.customers, interval="student_t")
            truth = float(log.truths[t].mean())
            found[t].append((e.value, truth, e.mean_weight, e.lower, e.upper))
    out = {}
    for t, rows in found.items():
        value, truth, weight, lower, upper = np.array(rows).T
        gap, true = value - truth, truth.mean()
        out[t] = Kept(
            float(gap.mean()),
            float(gap.std(ddof=1) / np.sqrt(logs)),
            float(weight.mean()),
            float((weight.mean() - 1) / (weight.std(ddof=1) / np.sqrt(logs))),
            float(np.mean((lower <= true) & (true <= upper))),
        )
    return out


def report(logs: int = 200, customers: int = 2000) -> str:
    lines = [
        f"{logs} campaigns of {WAVES} waves and {customers:,} customers, a tenth held out for good;"
        " IPS, customers as clusters:",
        "",
        "| shares | target | bias (its standard error) | mean weight (z) | coverage of 95 % |",
        "|---|---|---|---|---|",
    ]
    for shares, name in ((False, "stay"), (True, "drawn anew each wave")):
        for t, k in kept(logs, customers, shares=shares).items():
            lines.append(
                f"| {name} | {t} | {k.bias:+.4f} ({k.error:.4f}) | {k.mean_weight:.4f}"
                f" ({k.mean_weight_z:+.1f}) | {k.coverage:.1%} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(report())
