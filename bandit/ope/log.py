"""The one form of a logged campaign that estimators, diagnostics and replay take."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bandit.checks import columns as checks
from bandit.checks.arrays import as_array, as_numbers, check_finite, known, mask, whole
from bandit.core.errors import DataError
from bandit.core.types import Array, Bool, Float64, Int32

PROBABILITY_SLACK = 1e-6
"""A row of target probabilities may miss one by this much: float32 sums over many actions."""


@dataclass(frozen=True, eq=False)
class Log:
    """A logged campaign: n decisions in the order of time, k actions, d features.

    ``contexts`` float32[n, d]; ``eligible`` bool[n, k], what might have been taken; ``actions``
    int32[n]; ``propensities`` float64[n] of the logged actions under the complete logging policy,
    None where nobody wrote them down; ``rewards`` float64[n]; ``clusters`` n labels of what depends
    on each other (the customer); ``times`` n numbers or datetimes that never fall; ``positions``
    int64[n], the slot of each decision. `Log.of` fills in what may be left out.

    Raises
    ------
    DataError
        A propensity of 0, above 1 or missing; a reward that is NaN; an action outside its eligible
        set; columns of different lengths; times that fall.
    """

    contexts: Array
    eligible: Bool
    actions: Int32
    propensities: Float64 | None
    rewards: Float64
    clusters: npt.NDArray[np.generic]
    times: npt.NDArray[np.generic]
    positions: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Refuse a log that would make an estimate wrong."""
        n = len(checks.vector("rewards", self.rewards))
        for name in ("contexts", "eligible", "actions", "clusters", "times", "positions"):
            if len(getattr(self, name)) != n:
                raise DataError(
                    f"{name} has {len(getattr(self, name))} rows, rewards have {n}; "
                    "a log has one row a decision"
                )
        if self.propensities is not None:
            checks.propensities(self.propensities, n)
        self._check_actions()
        at: Array = self.times
        falls = np.flatnonzero(at[1:] < at[:-1])
        if falls.size:
            raise DataError(
                f"times must not fall, row {falls[0] + 1} has {at[falls[0] + 1]} after "
                f"{at[falls[0]]}; sort the log by time"
            )

    def _check_actions(self) -> None:
        k = self.n_actions
        outside = np.flatnonzero((self.actions < 0) | (self.actions >= k))
        if outside.size:
            raise DataError(
                f"row {outside[0]} has action {self.actions[outside[0]]}, there are {k}"
            )
        taken = self.eligible[np.arange(self.n), self.actions]
        if not taken.all():
            row = int(np.argmin(taken))
            raise DataError(
                f"row {row} logs action {self.actions[row]}, which is not in its eligible set; "
                "was eligibility taken at the time of the decision?"
            )

    @classmethod
    def of(
        cls,
        *,
        actions: npt.ArrayLike,
        rewards: npt.ArrayLike,
        contexts: npt.ArrayLike | None = None,
        propensities: npt.ArrayLike | None = None,
        eligible: npt.ArrayLike | None = None,
        n_actions: int | None = None,
        clusters: npt.ArrayLike | None = None,
        times: npt.ArrayLike | None = None,
        positions: npt.ArrayLike | None = None,
    ) -> Log:
        """Put columns in order of time and fill in what is absent.

        Without ``eligible`` every one of ``n_actions`` (or of those seen) might have been taken;
        without ``clusters`` rows are independent; without ``times`` the rows are in order.
        ``contexts`` absent means no features.
        """
        reward = checks.vector("rewards", rewards)
        n = len(reward)
        action = _whole("actions", actions)
        log = cls(
            contexts=_contexts(contexts, n),
            eligible=_eligible(eligible, n, n_actions or int(action.max(initial=0)) + 1),
            actions=action.astype(np.int32),
            propensities=None if propensities is None else checks.propensities(propensities, n),
            rewards=reward,
            clusters=np.arange(n) if clusters is None else known("clusters", clusters),
            times=np.arange(n) if times is None else np.zeros(n),
            positions=_whole("positions", np.zeros(n, int) if positions is None else positions),
        )
        if times is None:
            return log
        at = known("times", times)
        if at.shape != (n,) or at.dtype.kind not in "iufMO":
            raise DataError(
                f"times must be one number or datetime a row, {n} rows have {at.dtype} of shape"
                f" {at.shape}"
            )
        order = np.argsort(at, kind="stable")
        return replace(log.take(order), times=at[order])

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.rewards)

    @property
    def n_actions(self) -> int:
        """Actions, k."""
        return int(self.eligible.shape[1])

    @property
    def causal(self) -> bool:
        """Whether propensities are known: without them no causal claim comes out of the log."""
        return self.propensities is not None

    def take(self, rows: Array) -> Log:
        """Some of the rows, in order."""
        columns: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        kept: dict[str, Any] = {n: None if c is None else c[rows] for n, c in columns.items()}
        return Log(**kept)

    def weights(self, target: npt.ArrayLike) -> Float64:
        """Importance weights π_e/π_b of the logged actions, float64[n].

        ``target`` float[n, k] holds the target's probabilities; mass outside the eligible set, or
        rows that do not sum to one, are refused.
        """
        if self.propensities is None:
            raise DataError(
                "this log has no propensities: no causal claim can come out of it; "
                "use it for the outcome model only"
            )
        wanted = self.check_target(target)
        return np.asarray(wanted[np.arange(self.n), self.actions] / self.propensities)

    def check_target(self, target: npt.ArrayLike) -> Float64:
        """Target probabilities float64[n, k], or a `DataError` that names the row."""
        wanted = as_numbers("target probabilities", target)
        if wanted.shape != self.eligible.shape:
            raise DataError(
                f"target probabilities must have shape {self.eligible.shape}, "
                f"they have {wanted.shape}"
            )
        total = wanted.sum(axis=1)
        sound = (np.abs(total - 1.0) <= PROBABILITY_SLACK) & (wanted >= 0.0).all(axis=1)
        if not sound.all():
            row = int(np.argmin(sound))
            raise DataError(
                f"target probabilities of row {row} sum to {total[row]}, the least is "
                f"{wanted[row].min()}; every row must sum to one, and none be negative"
            )
        outside = (wanted > 0.0) & ~self.eligible
        if outside.any():
            row, action = np.argwhere(outside)[0]
            raise DataError(
                f"target gives probability {wanted[row, action]} to action {action} in row {row}, "
                "where it is not eligible"
            )
        return wanted


def _whole(name: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    array = whole(name, values)
    far = array > np.iinfo(np.int32).max
    if far.any():
        row = int(np.argmax(far))
        raise DataError(f"{name} must lie below 2**31, row {row} has {array[row]}")
    return array.astype(np.int64)


def _contexts(values: npt.ArrayLike | None, n: int) -> Array:
    if values is None:
        return np.zeros((n, 0), dtype=np.float32)
    given = as_array("contexts", values)
    if given.ndim != 2 or len(given) != n or given.dtype.kind not in "fiub":
        raise DataError(
            f"contexts must be float[{n}, d], they are {given.dtype} of shape {given.shape}"
        )
    with np.errstate(over="ignore"):
        x = np.ascontiguousarray(given, dtype=np.float32)
    check_finite(x)
    return x


def _eligible(values: npt.ArrayLike | None, n: int, k: int) -> Bool:
    if values is None:
        return np.broadcast_to(np.ones(k, dtype=np.bool_), (n, k))
    allowed = mask("eligible", values)
    if allowed.ndim != 2 or len(allowed) != n:
        raise DataError(f"eligible must be bool[{n}, k], its shape is {allowed.shape}")
    return allowed
