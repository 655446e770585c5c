"""Values as JSON has them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def fields_of(value: object) -> dict[str, Json]:
    """The fields of a dataclass as JSON has them."""
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is no dataclass")
    return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}


def plain(value: object) -> Json:  # noqa: PLR0911 - one line a kind of value
    """A value as JSON has it: paths and times are texts, NaN and infinity are null.

    Raises
    ------
    TypeError
        A kind of value that no result may hold.
    """
    if callable(number := getattr(value, "item", None)):  # NumPy's
        return plain(number())
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if dataclasses.is_dataclass(value):
        return fields_of(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dt.date):  # a datetime is one too
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a result may not hold a {type(value).__name__}")
