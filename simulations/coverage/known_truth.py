"""Labels made into bandit logs, so that the truth is known.

`python -m simulations.coverage.known_truth` prints the table. Dudík, Langford, Li (2011): the
action is a label, the reward is 1 where it is right. A classifier fitted on one half is the
target, a blunt one mixed with chance does the logging on the other half, and every log draws
customers of that half anew, so that the target's value on it is the truth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from bandit import ope
from bandit.core.types import Float64
from bandit.stats.units import row_units, value_of

LOADERS = {
    "digits": datasets.load_digits,
    "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer,
    "iris": datasets.load_iris,
}
LIMIT = float("inf")
PLAIN = "dr, model as it came"
RECIPES = {
    "ips": ope.Recipe("ips"),
    "snips": ope.Recipe("snips"),
    "dr": ope.Recipe("dr"),
    "sndr": ope.Recipe("sndr"),
    "switch_dr": ope.Recipe("switch_dr", LIMIT),
    "dros": ope.Recipe("dros", LIMIT),
    "sg_ips": ope.Recipe("sg_ips", 0.0),
    "sg_dr": ope.Recipe("sg_dr", 0.0),
    "dm, true model": ope.Recipe("dm"),
    "dm, ridge": ope.Recipe("dm"),
    PLAIN: ope.Recipe("dr"),
    "dr(5), clipped": ope.Recipe("dr", 5.0),
}
BIASED = ("dm, ridge", "dr(5), clipped")
"""They trade bias for variance on purpose; shown beside, not held to be unbiased."""


class Problem(NamedTuple):
    """Customers of one data set: contexts [m, d], labels [m], and two policies [m, k]."""

    contexts: Float64
    labels: np.ndarray
    target: Float64
    logging: Float64

    @property
    def truth(self) -> float:
        return float(self.target[np.arange(len(self.labels)), self.labels].mean())


def problem(name: str) -> Problem:
    x, y = LOADERS[name](return_X_y=True)
    x = StandardScaler().fit_transform(x)
    order = np.random.default_rng(0).permutation(len(y))
    fit, rest = order[: len(y) // 2], order[len(y) // 2 :]
    k = int(y.max()) + 1
    sharp = LogisticRegression(max_iter=2000).fit(x[fit], y[fit])
    blunt = LogisticRegression(max_iter=2000, C=0.003).fit(x[fit], y[fit])
    return Problem(
        x[rest],
        y[rest],
        0.9 * np.eye(k)[sharp.predict(x[rest])] + 0.1 / k,
        0.6 * blunt.predict_proba(x[rest]) + 0.4 / k,
    )


def estimates(this: Problem, n: int, seed: int) -> dict[str, float]:
    """All estimators on one log of n rows."""
    rng = np.random.default_rng(seed)
    who, rows = rng.integers(0, len(this.labels), n), np.arange(n)
    target, logging, labels = this.target[who], this.logging[who], this.labels[who]
    k = target.shape[1]
    actions = (rng.random(n)[:, None] > logging.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    rewards = (actions == labels).astype(float)
    weights = target[rows, actions] / logging[rows, actions]
    # the same customer may be drawn twice: it must not stand on both sides of a fold
    q = ope.cross_fit(ope.Ridge(None), this.contexts[who], actions, rewards, k, clusters=who)
    plain = q[rows, actions], np.sum(q * target, axis=1)
    fitted = ope.calibrated(rewards, weights, *plain, ope.fold_of(n, 3, who))
    true = np.eye(k)[labels]
    models = {
        "dm, true model": (true[rows, actions], np.sum(true * target, axis=1)),
        "dm, ridge": plain,
        PLAIN: plain,
    }
    found = {}
    for name, recipe in RECIPES.items():
        terms = recipe.terms(rewards, weights, *models.get(name, fitted))
        found[name] = value_of(row_units(terms))
    alike = ope.embedding_weights(target, logging, np.arange(k), actions)
    found["mips"] = ope.mips(rewards, alike, interval="student_t").value
    thrown = rng.integers(0, k, n)
    drawn = (rng.random(n)[:, None] > target.cumsum(axis=1)).sum(axis=1).clip(0, k - 1)
    uniform = ope.replay((thrown == labels).astype(float), thrown == drawn, interval="student_t")
    found["replay, uniform log"] = uniform.value
    return found


class Error(NamedTuple):
    """Bias in standard errors and root mean squared error over the logs."""

    z: float
    rmse: float


def errors(name: str, logs: int = 200, n: int = 1000) -> dict[str, Error]:
    this = problem(name)
    found = [estimates(this, n, seed) for seed in range(logs)]
    out = {}
    for estimator in found[0]:
        gap = np.array([one[estimator] for one in found]) - this.truth
        out[estimator] = Error(
            float(gap.mean() / (gap.std(ddof=1) / np.sqrt(logs))), float(np.sqrt((gap**2).mean()))
        )
    return out


def report(logs: int = 200) -> str:
    lines = [
        f"{logs} logs of 1,000 rows from each of scikit-learn's classification sets:",
        "",
        "| data | estimator | bias in standard errors | root mean squared error | of the better of"
        " ips and snips |",
        "|---|---|---|---|---|",
    ]
    for name in LOADERS:
        found = errors(name, logs)
        better = min(found["ips"].rmse, found["snips"].rmse)
        for estimator, (z, rmse) in found.items():
            lines.append(f"| {name} | {estimator} | {z:+.2f} | {rmse:.4f} | {rmse / better:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(report())
