"""An executor that is not fit says what differs and what to do; it does no work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bandit.core.errors import DataError
from bandit.runners import task
from bandit.runners.task import Chunk, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    file = tmp_path / "proof"
    file.write_text("written a moment ago")
    return task.here(file, "written a moment ago")


def test_a_place_like_the_drivers_is_fit(place: Place) -> None:
    assert task.unfit(place, "node7") is None
    assert task.unfit(place._replace(python=f"{place.python.rsplit('.', 1)[0]}.99"), "x") is None


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"python": "3.9.2"}, r"node7 runs Python 3\.\d+.*this machine 3\.9\.2.*PYSPARK_PYTHON"),
        ({"processor": "m68k"}, "for m68k.*NUMBA_CPU_NAME"),
        ({"content": "another"}, "does not see .* another file stands there.*same path"),
        ({"file": "/nowhere/proof"}, "does not see /nowhere .*cannot be read there"),
    ],
)
def test_what_differs_is_named_with_its_remedy(
    place: Place, other: dict[str, Any], told: str
) -> None:
    expected = place._replace(**other)
    text = task.unfit(expected, "node7")
    assert text is not None
    with pytest.raises(DataError, match=told):
        raise DataError(text)


@pytest.mark.parametrize("name", ["bandit", "numpy", "numba", "duckdb", "pyarrow"])
def test_another_version_of_a_package_is_named(place: Place, name: str) -> None:
    expected = place._replace(packages={**place.packages, name: "0.0.1"})
    text = task.unfit(expected, "node7")
    called = "offer-bandit" if name == "bandit" else name
    assert text is not None
    assert f"{name} {place.packages[name]}, this machine 0.0.1" in text
    assert f"pip install {called}==0.0.1" in text


def test_errors_of_the_user_come_back_as_text_and_defects_are_raised(place: Place) -> None:
    def fails(item: int, attempt: str) -> int:
        if item == 2:
            raise DataError(f"row {item} of {attempt}")
        if item == 3:
            raise KeyError(item)
        return item

    done = task.run(fails, place, Chunk(0, [1, 2]), "17", 1)
    assert done.refused == ("DataError", "row 2 of 17")
    assert task.run(fails, place, Chunk(4, [0, 1]), "17", 1).parts == [0, 1]
    with pytest.raises(KeyError):
        task.run(fails, place, Chunk(0, [3]), "17", 1)


def test_who_is_not_fit_does_no_work(place: Place) -> None:
    def never(_: int, __: str) -> int:
        raise AssertionError

    done = task.run(never, place._replace(processor="m68k"), Chunk(2, [1]), "17", 1)
    assert done.refused is not None
    assert done.refused[0] == "ConfigError"
    assert done.parts == []
