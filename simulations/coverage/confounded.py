"""Logs in which chance decided, and logs in which the customer did: does the balance tell them?

`python -m simulations.coverage.confounded` prints the table. Randomised logs: propensities that
differ by customer or are shares, rows of one customer together, actions that not everybody might
get, a rare kind of customer; and decided half by rules and half by a policy that hardly ever takes
most actions, so that weights of one action are 2 and 1,000. Confounded logs: the action is drawn with chances that hang on the
features, and the log says the shares that came out, as its owner would.
"""

from __future__ import annotations

from collections.abc import Callable

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


def sharp(seed: int, *, confounded: bool) -> ope.Log:
    """A log of a sharp policy over 20 actions beside rules: most propensities are tiny."""
    rng, rows, k, d = np.random.default_rng([seed, confounded, 1]), np.arange(6000), 20, 12
    x = rng.normal(size=(len(rows) // 3, d))
    x[:, ::2] = x[:, ::2] > 1.0
    x, who = np.tile(x, (3, 1)), np.tile(np.arange(len(x)), 3)
    learned = np.exp(2.0 * x @ rng.normal(size=(d, k)))
    learned = 0.98 * learned / learned.sum(axis=1, keepdims=True) + 0.02 / k
    rules = np.eye(k)[(x[:, 1] > 0.0).astype(int)]
    chances = 0.5 * learned + 0.5 * rules
    actions = (rng.random(len(rows))[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    told = np.bincount(actions, minlength=k)[actions] / len(rows)
    return ope.Log.of(
        actions=actions, rewards=np.zeros(len(rows)), contexts=x, clusters=who,
        propensities=told if confounded else chances[rows, actions],
    )  # fmt: skip


def refused(logs: int, *, confounded: bool, drawn: Callable[..., ope.Log] = log) -> float:
    """Share of logs that fail the balance."""
    found = [balance(drawn(seed, confounded=confounded), seed).p for seed in range(logs)]
    return float(np.mean(np.array(found) < CONFOUNDED))


def report() -> str:
    return (
        "| logs | how made | refused |\n|---|---|---|\n"
        f"| 500 | randomised | {refused(500, confounded=False):.1%} |\n"
        f"| 500 | randomised, tiny propensities | "
        f"{refused(500, confounded=False, drawn=sharp):.1%} |\n"
        f"| 50 | actions hang on the features | {refused(50, confounded=True):.1%} |\n"
        f"| 50 | of the sharp policy, shares told | "
        f"{refused(50, confounded=True, drawn=sharp):.1%} |\n"
    )


if __name__ == "__main__":
    print(report())
