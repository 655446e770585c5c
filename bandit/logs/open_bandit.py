"""Public logged campaigns: the Open Bandit Dataset and Hillstrom's e-mail test.

Readers return plain columns whose names are those that `bandit.ope.log.Log.of` takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from bandit.core.errors import DataError
from bandit.core.types import Float32, Float64

OBD_COLUMNS = ("timestamp", "item_id", "position", "click", "propensity_score")
HILLSTROM_ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
HILLSTROM_OUTCOMES = ("visit", "conversion", "spend")


class LogColumns(NamedTuple):
    """Columns of n decisions: ``contexts`` float32[n, d], the others [n]; actions are 0..k-1."""

    contexts: Float32
    actions: npt.NDArray[np.int64]
    propensities: Float64
    rewards: Float64
    times: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    n_actions: int


def read_open_bandit(folder: Path, policy: str, campaign: str) -> LogColumns:
    """Read one log of the Open Bandit Dataset (Saito et al. 2021, arXiv 2008.07146).

    ``folder`` holds ``<policy>/<campaign>/<campaign>.csv`` as published, or
    ``<policy>_<campaign>.parquet``; ``policy`` is random or bts, ``campaign`` all, men or women.
    Contexts are the indicators of the four hashed user features (first level dropped), then the
    user's affinity to each item. Times are microseconds.

    Raises
    ------
    DataError
        No such file, or a column is missing.
    """
    frame = _read(
        folder / policy / campaign / f"{campaign}.csv", folder / f"{policy}_{campaign}.parquet"
    )
    missing = [column for column in OBD_COLUMNS if column not in frame.columns]
    if missing:
        raise DataError(f"Open Bandit log {policy}/{campaign} lacks columns {', '.join(missing)}")
    times = frame["timestamp"].cast(pl.String).str.to_datetime(time_unit="us", time_zone="UTC")
    actions = frame["item_id"].cast(pl.Int64).to_numpy()
    return LogColumns(
        contexts=_open_bandit_contexts(frame),
        actions=actions,
        propensities=frame["propensity_score"].cast(pl.Float64).to_numpy(),
        rewards=frame["click"].cast(pl.Float64).to_numpy(),
        times=times.cast(pl.Int64).to_numpy(),
        positions=frame["position"].cast(pl.Int64).to_numpy() - 1,
        n_actions=int(actions.max()) + 1,
    )


def read_open_bandit_prior(path: Path, campaign: str) -> tuple[Float64, Float64]:
    """Beta priors (alpha, beta), float64[k] each, of the production Thompson sampler."""
    frame = _read(path).filter(pl.col("campaign") == campaign).sort("item_id")
    if frame.is_empty():
        raise DataError(f"{path} has no prior for campaign {campaign!r}")
    alpha, beta = (frame[name].cast(pl.Float64).to_numpy() for name in ("alpha", "beta"))
    return alpha, beta


def read_hillstrom(path: Path, outcome: str = "spend") -> LogColumns:
    """Read Kevin Hillstrom's e-mail test of 2008: 64,000 customers, three arms of a third each.

    Actions are no e-mail, men's and women's; ``outcome`` is visit, conversion or spend. There
    is no customer id: rows are customers, equal rows included. Contexts: recency, history, mens,
    womens, newbie and indicators of zip code and channel (first level dropped).
    """
    if outcome not in HILLSTROM_OUTCOMES:
        known = ", ".join(HILLSTROM_OUTCOMES)
        raise DataError(f"Hillstrom's outcomes are {known}, asked was {outcome!r}")
    frame = _read(path, schema_overrides={"spend": pl.Float64, "history": pl.Float64})
    arms = frame["segment"].to_list()
    place = {name: i for i, name in enumerate(HILLSTROM_ARMS)}
    unknown = sorted(set(arms) - set(place))
    if unknown:
        raise DataError(f"{path}: segment {unknown[0]!r} is none of {', '.join(HILLSTROM_ARMS)}")
    numbers = frame.select("recency", "history", "mens", "womens", "newbie").to_numpy()
    n = len(frame)
    return LogColumns(
        contexts=_side_by_side(numbers, _indicators(frame, ["zip_code", "channel"])),
        actions=np.array([place[arm] for arm in arms]),
        propensities=np.full(n, 1.0 / len(HILLSTROM_ARMS)),
        rewards=frame[outcome].cast(pl.Float64).to_numpy(),
        times=np.zeros(n, dtype=np.int64),
        positions=np.zeros(n, dtype=np.int64),
        n_actions=len(HILLSTROM_ARMS),
    )


def _read(
    *candidates: Path, schema_overrides: dict[str, type[pl.DataType]] | None = None
) -> pl.DataFrame:
    for path in candidates:
        if path.is_file() and path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.is_file():
            return pl.read_csv(path, schema_overrides=schema_overrides)
    raise DataError(f"no file {' or '.join(map(str, candidates))}; is the folder right?")


def _open_bandit_contexts(frame: pl.DataFrame) -> Float32:
    features = [name for name in frame.columns if name.startswith("user_feature_")]
    affinity = [name for name in frame.columns if name.startswith("user-item_affinity_")]
    return _side_by_side(_indicators(frame, features), frame.select(affinity).to_numpy())


def _indicators(frame: pl.DataFrame, columns: list[str]) -> Float64:
    """One column a level but the first, levels sorted."""
    parts = [
        (frame[name].to_numpy()[:, None] == np.array(frame[name].unique().sort().to_list()[1:]))
        for name in columns
    ]
    return np.concatenate(parts, axis=1).astype(np.float64) if parts else np.zeros((len(frame), 0))


def _side_by_side(*parts: npt.NDArray[np.float64]) -> Float32:
    return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)
