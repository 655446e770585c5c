"""The encoding of a campaign for whoever has a frame and no campaign."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from bandit.config.deciding import Features
from bandit.core import files
from bandit.core.errors import ConfigError, DataError
from bandit.core.types import Float32
from bandit.core.wording import counted
from bandit.features.encode import Fault, encode
from bandit.features.fit import fit
from bandit.features.frames import typed
from bandit.features.spec import KINDS, FeatureSpec, Kind

_FORMAT = "bandit-encoder-1"
_SHOWN = 5
BATCH_ROWS = 65_536
_ANY = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Stands for the time where no column is a date, so that nothing looks at it."""


@dataclass(frozen=True, eq=True, repr=False)
class Encoder:
    """A fitted encoding: ``spec`` of the d features, ``at`` the time up to which dates are aged.

    A frame is Polars, pandas, Arrow, a DuckDB relation, or anything with ``__arrow_c_stream__``.
    """

    spec: FeatureSpec
    at: dt.datetime | None = None

    @classmethod
    def fit(
        cls,
        frame: object,
        *,
        numeric: Sequence[str] = (),
        boolean: Sequence[str] = (),
        categorical: Sequence[str] = (),
        date: Sequence[str] = (),
        vector: Sequence[str] = (),
        at: dt.date | None = None,
        intercept: bool = True,
        max_categories: int = 20,
        min_category_share: float = 0.005,
    ) -> Encoder:
        """Learn means, scales and categories from the rows of a frame, as a campaign does.

        Parameters
        ----------
        numeric, boolean, categorical, date, vector
            Names of columns by kind. Numbers are standardised, truth values too; categories are
            one feature each, the rarer ones one together; a date is its age in days at ``at``;
            vectors stay as they are. Missing cells are imputed by the mean, and have a feature of
            their own where the fit saw some.
        at
            Time of the decisions, needed where there are dates; without a zone it is UTC.
        intercept
            Whether a feature of ones comes first.
        max_categories, min_category_share
            How many categories a column keeps, and in what share of the rows each must stand.

        Raises
        ------
        ConfigError
            A column named twice or of another kind; dates without a time.
        DataError
            No frame, no rows, columns that are missing, constant or empty; all named at once.
        """
        kinds = {
            "numeric": numeric,
            "boolean": boolean,
            "categorical": categorical,
            "date": date,
            "vector": vector,
        }
        features = _features(
            kinds,
            intercept=intercept,
            max_categories=max_categories,
            min_category_share=min_category_share,
        )
        if features.date and at is None:
            raise ConfigError("a date becomes its age in days: give the time of the decisions, at=")
        now = None if at is None else moment(at)
        wanted = [(name, kind) for kind in KINDS for name in getattr(features, kind)]
        with typed(frame, wanted) as (relation, _):
            return cls(fit(features, relation, now or _ANY), now)

    def transform(self, frame: object, *, at: dt.date | None = None) -> Float32:
        """Encode the rows of a frame in their order: float32[n, d], C-contiguous.

        ``at`` is the time of these decisions where it is another than at the fit.

        Raises
        ------
        DataError
            A missing column or one of another type; NaN, infinity and vectors of a wrong length by
            row and column.
        """
        now = self.at if at is None else moment(at)
        wanted: list[tuple[str, Kind]] = [(c.name, c.kind) for c in self.spec.columns]
        faults: list[Fault] = []
        start = 0
        with typed(frame, wanted) as (relation, rows):
            out = np.empty((rows, self.n_features), np.float32)
            for batch in relation.to_arrow_reader(BATCH_ROWS):
                encoded = encode(self.spec, batch, now or _ANY)
                out[start : start + len(batch)] = encoded.contexts
                faults += [fault._replace(row=start + fault.row) for fault in encoded.faults]
                start += len(batch)
        if faults:
            raise DataError(_said(faults))
        return out

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the d features."""
        return self.spec.names

    @property
    def n_features(self) -> int:
        """How many features a context has: d."""
        return self.spec.n_features

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoding as JSON, whole or not at all."""
        at = None if self.at is None else self.at.isoformat()
        content = {"format": _FORMAT, "at": at, "spec": json.loads(self.spec.to_json())}
        files.write_bytes(Path(path), json.dumps(content, indent=1, sort_keys=True).encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Encoder:
        """Read what `save` wrote; DataError if the file is missing or anything else."""
        name = os.fspath(path)
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT:
                raise DataError(f"{name} is no encoder of ours")
            at = content["at"]
            return cls(
                FeatureSpec.from_json(json.dumps(content["spec"])),
                None if at is None else moment(dt.datetime.fromisoformat(at)),
            )
        except FileNotFoundError:
            raise DataError(f"encoder file {name} does not exist") from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as fault:
            if isinstance(fault, DataError):
                raise
            raise DataError(f"encoder file {name} is damaged ({fault}); save it again") from None

    def __repr__(self) -> str:
        """How many features of which columns; not every category."""
        columns = ", ".join(column.name for column in self.spec.columns[:8])
        more = ", ..." if len(self.spec.columns) > 8 else ""
        return f"Encoder({self.n_features} features of {columns}{more})"


def moment(at: dt.date) -> dt.datetime:
    """A point in time; a date is its midnight, and what has no zone is UTC."""
    if not isinstance(at, dt.date):
        raise ConfigError(f"at must be a date or a datetime, it is {at!r}")
    time = at if isinstance(at, dt.datetime) else dt.datetime.combine(at, dt.time())
    return time if time.tzinfo else time.replace(tzinfo=dt.UTC)


def _features(kinds: dict[str, Sequence[str]], **options: object) -> Features:
    for kind, names in kinds.items():
        if isinstance(names, str):
            raise ConfigError(f"{kind} must be a list of columns: [{names!r}]")
    try:
        return Features.model_validate({**{k: tuple(v) for k, v in kinds.items()}, **options})
    except ValidationError as e:
        lines = [
            ".".join(map(str, found["loc"])) + ": " * bool(found["loc"]) + found["msg"]
            for found in e.errors()
        ]
        raise ConfigError("\n".join(line.replace("Value error, ", "") for line in lines)) from None


def _said(faults: Sequence[Fault]) -> str:
    lines = [f"row {f.row}, column {f.column!r}: {f.value} {f.reason}" for f in faults[:_SHOWN]]
    if len(faults) > _SHOWN:
        lines.append(f"and {counted(len(faults) - _SHOWN, 'cell')} more")
    return "\n".join(lines)
