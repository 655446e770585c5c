"""Posteriors on disk: one safetensors file, written whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Float64
from bandit.models.hybrid import Strengths
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior

_NAMES = ("gram", "shift", "count", "reward_sum", "square_sum")
_ACTIONS = "actions"
_POOLED = ("features", "shared", "own", "intercept")
_FORMATS = ("bandit-posterior-1", "bandit-posterior-2")
"""The second knows `constant` and what pools."""


def save_posterior(path: str | os.PathLike[str], posterior: Posterior | PooledPosterior) -> None:
    """Write ``posterior`` to ``path``: to a temporary name, flushed to disk, then renamed.

    Sums are stored, and what moments are made of them with: never the moments.
    """
    target = Path(path)
    sums = posterior if isinstance(posterior, Posterior) else posterior.sums
    arrays = {name: np.ascontiguousarray(getattr(sums, name)) for name in _NAMES}
    arrays["ridge"] = np.array([sums.ridge])
    if sums.constant is not None:
        arrays["constant"] = np.ascontiguousarray(sums.constant)
    if isinstance(posterior, PooledPosterior):
        shared, own, intercept = posterior.strengths
        scalars = np.array([own]), np.array([intercept])
        arrays |= dict(zip(_POOLED, (posterior.features, shared, *scalars), strict=True))
    plain = len(arrays) == len(_NAMES) + 1
    metadata = {"format": _FORMATS[not plain]}
    if sums.actions is not None:
        metadata[_ACTIONS] = json.dumps(sums.actions.names)
    content = save(arrays, metadata=metadata)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def load_posterior(path: str | os.PathLike[str]) -> Posterior | PooledPosterior:
    """Read a posterior; a damaged, foreign or impossible file is a `DataError`."""
    name = os.fspath(path)
    try:
        with safe_open(name, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in _FORMATS:
                raise DataError(f"{name} is a safetensors file, but no posterior of ours")
            more = {"constant", *_POOLED} & set(file.keys())
            arrays = {key: file.get_tensor(key) for key in (*_NAMES, "ridge", *more)}
    except FileNotFoundError:
        raise DataError(f"posterior file {name} does not exist") from None
    except (SafetensorError, OSError, ValueError) as fault:
        raise DataError(
            f"posterior file {name} cannot be read ({fault}); take an older snapshot"
        ) from fault
    return _checked(name, arrays, _names(name, metadata))


def _names(name: str, metadata: dict[str, str]) -> ActionSpace | None:
    if _ACTIONS not in metadata:
        return None
    try:
        found = json.loads(metadata[_ACTIONS])
    except (ValueError, RecursionError):
        found = None
    if not (isinstance(found, list) and all(isinstance(one, str) for one in found)):
        raise DataError(f"posterior file {name} is damaged: {_ACTIONS} must be a list of names")
    return ActionSpace(found)


def _checked(
    name: str, arrays: dict[str, Float64], actions: ActionSpace | None
) -> Posterior | PooledPosterior:
    for key, array in arrays.items():
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise DataError(f"posterior file {name} is damaged: {key} must be finite float64")
    if arrays["ridge"].shape != (1,):
        raise DataError(f"posterior file {name} is damaged: ridge must be one number")
    posterior = Posterior(
        gram=arrays["gram"],
        shift=arrays["shift"],
        count=arrays["count"],
        reward_sum=arrays["reward_sum"],
        square_sum=arrays["square_sum"],
        ridge=float(arrays["ridge"][0]),
        constant=arrays.get("constant"),
        actions=actions,
    )
    if not np.array_equal(posterior.gram, posterior.gram.transpose(0, 2, 1)):
        raise DataError(f"posterior file {name} is damaged: gram is not symmetric")
    if (posterior.count < 0.0).any() or (posterior.square_sum < 0.0).any():
        raise DataError(f"posterior file {name} is damaged: a count or square_sum is negative")
    if "features" not in arrays:
        return posterior
    missing = [key for key in _POOLED if key not in arrays]
    if missing or arrays["own"].shape != (1,) or arrays["intercept"].shape != (1,):
        raise DataError(f"posterior file {name} is damaged: {missing or 'own or intercept'}")
    own, intercept = float(arrays["own"][0]), float(arrays["intercept"][0])
    return PooledPosterior(
        posterior, arrays["features"], Strengths(arrays["shared"], own, intercept)
    )
