"""Kernels as plain Python, and on a machine of half the registers, decide what these here do."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CALLS = """
import json, numpy as np, bandit
rng = np.random.default_rng(0)
x = rng.standard_normal((12, 5)).astype(np.float32)
rows, actions = np.repeat(x, 10, 0), np.arange(120) % 70
posterior = bandit.Posterior.prior(70, 5).update(rows, actions, rows[:, 0])
eligible = rng.random((12, 70)) < 0.5
eligible[:, 0] = True
keys = rng.integers(0, 2**63, 12).astype(np.uint64) * 2 + 1
given = {"eligible": eligible, "values": np.ones((12, 70)), "keys": keys}
found = {}
for policy in (bandit.LinUCB(1.0), bandit.LinTS(1.0), bandit.Greedy(), bandit.Uniform()):
    choice = policy.choose(posterior, x, **given)
    found[type(policy).__name__] = [choice.action.tolist(), choice.propensity.tolist()]
choice = bandit.LinTS(1.0).choose(posterior, x[:3], keys=keys[:3])
found["of all"] = [choice.action.tolist(), choice.propensity.tolist()]
print(json.dumps(found))
"""


def _answers(**environment: str) -> dict[str, list[list[float]]]:
    done = subprocess.run(
        [sys.executable, "-c", CALLS],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, list[list[float]]] = json.loads(done.stdout)
    return found


def test_without_the_compiler_the_same_is_decided() -> None:
    plain, compiled = _answers(NUMBA_DISABLE_JIT="1"), _answers()
    for policy, (actions, propensities) in compiled.items():
        assert plain[policy][0] == actions
        # Widths are float32 sums, which the compiler contracts: a tenth of what is promised.
        assert plain[policy][1] == pytest.approx(propensities, abs=1e-7)


@pytest.mark.long
def test_registers_of_256_bits_decide_the_same() -> None:
    # Vectors are split in two and tiles are narrower: every sum runs in the same order.
    assert _answers(NUMBA_CPU_NAME="haswell") == _answers()
