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
from bandit.core.types import Array, Float64
from bandit.models.hybrid import Strengths
from bandit.models.logistic import LogisticPosterior
from bandit.models.pooled import PooledPosterior
from bandit.models.posterior import Posterior
from bandit.models.sums import Sums

Stored = Posterior | PooledPosterior | LogisticPosterior

_NAMES = ("gram", "shift", "count", "reward_sum", "square_sum")
_ACTIONS = "actions"
_POOLED = ("features", "shared", "own", "intercept")
_LOGISTIC = ("tried", "won")
_FORMATS = ("bandit-posterior-1", "bandit-posterior-2")
"""The second knows `constant`, what pools, and logistic ones."""


def save_posterior(path: str | os.PathLike[str], posterior: Stored) -> None:
    """Write ``posterior`` to ``path``: to a temporary name, flushed to disk, then renamed.

    Sums are stored, and what moments are made of them with: never the moments, and no rows. Those
    of a logistic posterior are expanded to second order at its mode.
    """
    target = Path(path)
    arrays = _arrays(posterior)
    plain = len(arrays) == len(_NAMES) + 1
    metadata = {"format": _FORMATS[not plain]}
    if posterior.actions is not None:
        metadata[_ACTIONS] = json.dumps(posterior.actions.names)
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


def _arrays(posterior: Stored) -> dict[str, Array]:
    sums: Sums
    if isinstance(posterior, LogisticPosterior):
        whole = posterior.expanded()
        sums, features, strengths = whole.past, whole.features, whole.strengths
        more = {"tried": whole.tried, "won": whole.won}
    elif isinstance(posterior, PooledPosterior):
        sums, features, strengths = posterior.sums, posterior.features, posterior.strengths
        more = {}
    else:
        sums, features, strengths, more = posterior, None, None, {}
    arrays = {name: np.ascontiguousarray(getattr(sums, name)) for name in _NAMES}
    arrays |= {"ridge": np.array([sums.ridge])} | more
    if sums.constant is not None:
        arrays["constant"] = np.ascontiguousarray(sums.constant)
    if features is not None and strengths is not None:
        shared, own, intercept, _ = strengths
        scalars = np.array([own]), np.array([intercept])
        arrays |= dict(zip(_POOLED, (features, shared, *scalars), strict=True))
    return arrays


def load_posterior(path: str | os.PathLike[str]) -> Stored:
    """Read a posterior; a damaged, foreign or impossible file is a `DataError`."""
    name = os.fspath(path)
    try:
        with safe_open(name, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") not in _FORMATS:
                raise DataError(f"{name} is a safetensors file, but no posterior of ours")
            more = {"constant", *_POOLED, *_LOGISTIC} & set(file.keys())
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


def _checked(name: str, arrays: dict[str, Float64], actions: ActionSpace | None) -> Stored:
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
    return _shaped(name, posterior, arrays)


def _shaped(name: str, sums: Posterior, arrays: dict[str, Float64]) -> Stored:
    """What the other arrays make of the sums."""
    whole = [keys for keys in (_POOLED, _LOGISTIC) if any(key in arrays for key in keys)]
    missing = [key for keys in whole for key in keys if key not in arrays]
    if missing:
        raise DataError(f"posterior file {name} is damaged: it lacks {', '.join(missing)}")
    strengths = None
    if "features" in arrays:
        if arrays["own"].shape != (1,) or arrays["intercept"].shape != (1,):
            raise DataError(f"posterior file {name} is damaged: own and intercept are one number")
        own, intercept = float(arrays["own"][0]), float(arrays["intercept"][0])
        noise = 1.0 if "won" in arrays else None
        strengths = Strengths(arrays["shared"], own, intercept, noise)
    if "won" in arrays:
        features = arrays.get("features")
        return LogisticPosterior(sums, arrays["tried"], arrays["won"], (), features, strengths)
    if strengths is not None:
        return PooledPosterior(sums, arrays["features"], strengths)
    return sums
