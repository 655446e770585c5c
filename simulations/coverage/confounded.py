"""Logs in which chance decided, and logs in which the customer did: does the balance tell them?

`python -m simulations.coverage.confounded` prints the table. Randomised logs: propensities that
differ by customer or are shares, rows of one customer together, actions that not everybody might
get, a rare kind of customer. Confounded logs: the action is drawn with chances that hang on the
features, and the log says the shares that came out, as its owner would.
"""

from __future__ import annotations

import numpy as np

from bandit import ope
from bandit.ope.balance import CONFOUNDED, balance

ACTIONS, FEATURES, ROWS = 4, 6, 3000
KINDS = ("shares", "by customer", "several visits", "not for everybody")


def log(seed: int, *, confounded: bool, strength: float = 0.5) -> ope.Log:
    rng = np.random.default_rng([seed, confounded])
    kind, rows = KINDS[seed % len(KINDS)], np.arange(ROWS)
    who = rows // 4 if kind == "several visits" else rows
    x = rng.normal(size=(ROWS, FEATURES))[who]
    x[:, -1] = (rng.random(ROWS) < 0.01)[who]
    shares = rng.dirichlet(np.full(ACTIONS, 4.0))
    chances = np.tile(shares, (ROWS, 1))
    if confounded or kind == "by customer":
        chances = chances * np.exp(strength * x @ rng.normal(size=(FEATURES, ACTIONS)))
    eligible = np.ones((ROWS, ACTIONS), dtype=bool)
    if kind == "not for everybody":
        eligible[:, 1:] = rng.random((ROWS, ACTIONS - 1)) < 0.7
    chances = chances * eligible + 1e-3 * eligible
    chances /= chances.sum(axis=1, keepdims=True)
    actions = (rng.random(ROWS)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, ACTIONS - 1)
    told = chances[rows, actions]
    if confounded:
        told = (np.bincount(actions, minlength=ACTIONS) / eligible.sum(axis=0))[actions]
    return ope.Log.of(
        actions=actions,
        rewards=np.zeros(ROWS),
        contexts=x,
        propensities=told.clip(0.0, 1.0),
        eligible=eligible,
        clusters=who,
    )


def refused(logs: int, *, confounded: bool) -> float:
    """Share of logs that fail the balance."""
    found = [balance(log(seed, confounded=confounded), seed).p for seed in range(logs)]
    return float(np.mean(np.array(found) < CONFOUNDED))


def report() -> str:
    return (
        "| logs | how made | refused |\n|---|---|---|\n"
        f"| 500 | randomised | {refused(500, confounded=False):.1%} |\n"
        f"| 50 | actions hang on the features | {refused(50, confounded=True):.1%} |\n"
    )


if __name__ == "__main__":
    print(report())
