from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.core.errors import ConfigError
from bandit.ope.tuning import slope, tune


def slow_slope(values, widths):
    chosen = 0
    for i in range(len(values)):
        low = max(v - 2 * c for v, c in zip(values[: i + 1], widths[: i + 1], strict=True))
        high = min(v + 2 * c for v, c in zip(values[: i + 1], widths[: i + 1], strict=True))
        if low <= high:
            chosen = i
        else:
            break
    return chosen


@pytest.mark.parametrize("seed", range(20))
def test_slope_is_the_last_common_point(seed):
    rng = np.random.default_rng(seed)
    values, widths = rng.normal(size=8), np.sort(rng.random(8))[::-1]
    assert slope(values, widths) == slow_slope(values, widths)


@pytest.mark.parametrize("rule", ["slope", "mse"])
def test_tuning_beats_the_worst_of_the_grid(rule):
    """Heavy weights, tiny effect of clipping: a moderate clip is far better than none."""
    rng = np.random.default_rng(1)
    grid, truth = [1.0, 3.0, 10.0, 1e6], 0.3
    errors = {"tuned": [], "none": []}
    for _ in range(60):
        p = rng.choice([0.5, 0.001], size=2000, p=[0.8, 0.2])
        w = np.where(rng.random(2000) < p, 0.5 / p, 0.5 / (1 - p))
        r = (rng.random(2000) < truth).astype(float)
        model = np.full(2000, 0.28)
        chosen = tune("dr", grid, r, w, q_logged=model, q_target=model, rule=rule)
        for name, clip in (("tuned", chosen.strength), ("none", np.inf)):
            found = ope.dr(r, w, model, model, clip=clip, interval="student_t")
            errors[name].append(found.value)
    mse = {name: np.mean((np.array(v) - truth) ** 2) for name, v in errors.items()}
    assert mse["tuned"] < 0.5 * mse["none"]


def test_unknown_rule():
    with pytest.raises(ConfigError, match="unknown rule 'luck'"):
        tune("ips", [1.0], [1, 0], [1, 1], rule="luck")
    with pytest.raises(ConfigError, match="at least one value"):
        tune("ips", [], [1, 0], [1, 1])
