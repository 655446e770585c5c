"""Every result is one JSON object of plain values, and each kind of result can be shown."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest

from bandit import results
from bandit.render.terminal import tables
from bandit.results.plain import plain
from bandit.results.result import Result


def kinds() -> list[type[Result]]:
    """All results of the room."""
    for module in iter_modules(results.__path__, "bandit.results."):
        import_module(module.name)
    return [k for k in Result.__subclasses__() if k.__module__.startswith("bandit.results.")]


@pytest.mark.parametrize("kind", kinds(), ids=lambda k: k.__name__)
def test_a_result_is_frozen_and_has_its_tables(kind: type[Result]) -> None:
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen
    assert tables.dispatch(kind) is not tables.dispatch(object)


def test_what_is_no_number_is_null_and_times_are_texts() -> None:
    value = {"a": [float("nan"), np.float64(1.5), np.int64(2)], "b": (Path("x"), None, True)}
    at = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    assert json.dumps(plain(value | {"at": at}), allow_nan=False) == (
        '{"a": [null, 1.5, 2], "b": ["x", null, true], "at": "2026-11-02T00:00:00+00:00"}'
    )


def test_what_has_no_place_in_a_result_is_refused() -> None:
    with pytest.raises(TypeError, match="a result may not hold a set"):
        plain({"a": {1}})
