"""Small logs with known truths, and the simulation.toml that judges them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from bandit.render import render
from bandit.workflows.judge.simulate import simulate

MEANS = {"none": 0.2, "red": 0.5, "blue": 0.8}
SHARES = {"none": 0.5, "red": 0.3, "blue": 0.2}

TOML = """
name = "toy"
seed = 3

[features]
numeric = ["age"]
categorical = ["city"]

[log]
source = "log.parquet"
action = "action"
reward = "reward"
propensity = "p"
customer = "customer"
no_contact = "none"
@log@

[simulate]
@simulate@
"""


def toy(n: int = 3000, seed: int = 0) -> pl.DataFrame:
    """Three actions drawn by SHARES; rewards are coins with MEANS, blue better in the north."""
    rng = np.random.default_rng(seed)
    action = rng.choice(list(SHARES), size=n, p=list(SHARES.values()))
    city = rng.choice(["north", "south"], size=n)
    mean = np.array([MEANS[a] for a in action]) + 0.15 * ((action == "blue") & (city == "north"))
    return pl.DataFrame(
        {
            "customer": np.arange(n) // 2,
            "action": action,
            "reward": (rng.random(n) < mean).astype(float),
            "p": np.array([SHARES[a] for a in action]),
            "age": rng.normal(40.0, 10.0, n),
            "city": city,
        }
    )


def write(
    folder: Path, frame: pl.DataFrame, *, log: str = "", simulate: str = "", toml: str = TOML
) -> Path:
    frame.write_parquet(folder / "log.parquet")
    text = toml.replace("@log@", log).replace("@simulate@", simulate)
    (folder / "simulation.toml").write_text(text)
    return folder


@pytest.fixture
def judged(tmp_path, monkeypatch):
    """Judge a frame without drawing, as where the extra is not installed."""

    def missing():
        raise render.MissingExtraError("vl_convert is not installed")

    monkeypatch.setattr(render, "need", missing)

    def run(frame: pl.DataFrame, **sections: str):
        return simulate(write(tmp_path, frame, **sections))

    return run


def row(result, name: str):
    return next(r for r in result.candidates if r.name == name)
