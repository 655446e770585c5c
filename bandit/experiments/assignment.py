"""Who is in which bucket of a layer and in which arm: functions of the key alone.

Membership of anybody can be derived at any time, in any order of rows; nobody is noted down. A
bucket comes from a hash keyed by the layer, so that layers are independent of one another; the arm
comes from a second one, keyed by the experiment, so that the next experiment in the same
buckets mixes them anew.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.checks.keys import customer_keys
from bandit.core.errors import ConfigError
from bandit.core.types import Float64
from bandit.kernels import keyed_random
from bandit.kernels.stats.bootstrap import hashed_groups_into

BUCKETS = 10_000
"""Buckets of a layer: shares in steps of a hundredth of a percent."""
_WORD = 2**64


def buckets(keys: npt.ArrayLike, layer: str, *, seed: int = 0) -> npt.NDArray[np.int64]:
    """Bucket in [0, 10000) of each unit, int[n], by a hash of its key in the layer.

    ``keys`` are whole numbers or text [n]: of customers, or of households where those are assigned.

    Raises
    ------
    DataError
        Keys that are neither.
    """
    units = customer_keys(keys)
    out = np.empty(len(units), np.int64)
    hashed_groups_into(units, BUCKETS, _stream(layer, seed, keyed_random.LAYER), out)
    return out


def arms(
    keys: npt.ArrayLike, experiment: str, shares: npt.ArrayLike, *, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Arm in [0, m) of each unit, int[n], with probabilities ``shares`` float[m].

    Raises
    ------
    DataError
        Keys that are neither whole numbers nor text.
    ConfigError
        Shares that are negative or do not sum to one.
    """
    units, edges = customer_keys(keys), np.cumsum(_shares(shares))
    drawn = np.empty(len(units))
    keyed_random.uniforms_into(_stream(experiment, seed, keyed_random.ARM), units, drawn)
    return np.minimum(np.searchsorted(edges, drawn, side="right"), len(edges) - 1)


def _shares(shares: npt.ArrayLike) -> Float64:
    found = checks.vector("shares", shares)
    if (found < 0.0).any() or abs(found.sum() - 1.0) > 1e-9:
        raise ConfigError(
            f"shares of the arms must not be negative and sum to 1, they are {found.tolist()}"
        )
    return found


def _stream(name: str, seed: int, purpose: int) -> np.uint64:
    """What all units of a layer or an experiment share, from its name."""
    word = int.from_bytes(blake2b(str(name).encode(), digest_size=8).digest(), "little")
    return np.uint64(
        keyed_random.stream_key(
            np.uint64(seed % _WORD), np.uint64(word), np.uint64(0), np.uint64(purpose)
        )
    )
