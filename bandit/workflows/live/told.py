"""What an asker says of a customer now, in the place of what the tables say: features, no rule."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pyarrow as pa

from bandit.core.types import Float32
from bandit.features.encode import encode
from bandit.features.spec import SCORE, Column, FeatureSpec
from bandit.workflows.live.gate import NotDecidedError

Value = bool | int | float | str | list[float] | None
"""Of a feature; None says that it is not known."""
_MOST_TOLD = 50
_WANTED = {
    "numeric": "a number",
    "boolean": "true or false",
    "categorical": "a text",
    "date": "a date, 2026-11-02 or 2026-11-02T10:00:00Z",
    "vector": "a list of numbers",
}


class Told:
    """Puts values into contexts that were encoded by ``spec`` for the day of ``at``."""

    def __init__(self, spec: FeatureSpec, at: dt.datetime) -> None:
        self._at = at
        self._columns: dict[str, tuple[Column, int]] = {}
        start = int(spec.intercept)
        for column in spec.columns:
            self._columns[column.name] = column, start
            start += len(column.names)

    def into(self, context: Float32, given: Mapping[str, Value]) -> Float32:
        """A context float32[d] with the features of ``given`` columns; NotDecidedError for wrong.

        Who gets what by rules and consents, and what it is worth, stay as the tables say.
        """
        found = context.copy()
        for name, value in given.items():
            column, start = self._column(name)
            array = _array(column, value)
            one = FeatureSpec(intercept=False, columns=(column,))
            encoded = encode(one, pa.RecordBatch.from_arrays([array], names=[name]), self._at)
            for fault in encoded.faults:
                raise _wrong(name, f"{fault.value} {fault.reason}")
            found[start : start + one.n_features] = encoded.contexts[0]
        return found

    def _column(self, name: str) -> tuple[Column, int]:
        found = self._columns.get(name)
        if found is None:
            known = [c.name for c, _ in self._columns.values() if c.kind != SCORE]
            more = len(known) - _MOST_TOLD
            rest = f" and {more:,} more of [features]" if more > 0 else ""
            told = f"{name!r} is no feature; known here: {', '.join(known[:_MOST_TOLD])}{rest}"
            raise NotDecidedError(422, f"context: {told}")
        if found[0].kind == SCORE:
            raise _wrong(name, "is a score: those come from the campaign's tables alone")
        return found


def _array(column: Column, value: Value) -> pa.Array:
    """One cell, of the type that the column was fitted with."""
    match column.kind, value:
        case "numeric", bool():
            pass
        case "numeric", None | int() | float():
            return pa.array([None if value is None else _number(column, value)], pa.float64())
        case "boolean", None | bool():
            return pa.array([value], pa.bool_())
        case "categorical", None | str():
            return pa.array([value], pa.string())
        case "date", None | str():
            return pa.array([None if value is None else _moment(column, value)], pa.timestamp("us"))
        case "vector", None | list():
            return pa.array([value], pa.list_(pa.float32()))
    raise _wrong(column.name, f"must be {_WANTED[column.kind]}, it is {value!r:.80}")


def _number(column: Column, value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise _wrong(column.name, "is too large a number") from None


def _moment(column: Column, text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(column.name, f"must be {_WANTED['date']}, it is {text!r:.80}") from None
    try:
        return at if at.tzinfo is None else at.astimezone(dt.UTC).replace(tzinfo=None)
    except OverflowError:
        raise _wrong(column.name, f"is no date of ours: {text!r:.80}") from None


def _wrong(name: str, told: str) -> NotDecidedError:
    return NotDecidedError(422, f"context: {name!r} {told}")
