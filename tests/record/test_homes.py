"""Units of people: all keys of a person are one, and so is a household."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bandit.core.types import UInt64
from bandit.record import homes
from bandit.record.homes import Homes, Persons
from bandit.record.waves import Wave
from bandit.sources.merges import Link, merged

NOBODY = merged([])
PEOPLE = merged([Link(0, 1, 2, 0), Link(1, 2, 3, 0), Link(2, 8, 9, 0)])


def units(found: Homes | None, keys: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(Homes, "of", classmethod(lambda *_: found))
    whose = homes.whose(list[Wave](), PEOPLE)
    assert whose is not None
    return [int(unit) for unit in whose(np.array(keys, np.uint64))]


def test_keys_before_and_after_a_merge_are_one_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert units(None, [1, 2, 3, 4, 8, 9], monkeypatch) == [3, 3, 3, 4, 9, 9]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({3: 70, 4: 70, 1: 71}, [70, 70, 70, 70, 9, 9]),
        ({1: 70, 4: 70}, [70, 70, 70, 70, 9, 9]),
        ({2: 71, 4: 70, 8: 70}, [71, 71, 71, 70, 70, 70]),
    ],
)
def test_the_household_of_any_key_is_the_persons(
    known: dict[int, int], expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = np.array(sorted(known), np.uint64)
    found = Homes(keys, np.array([known[int(k)] for k in keys], np.uint64))
    assert units(found, [1, 2, 3, 4, 8, 9], monkeypatch) == expected


def test_without_merges_and_households_each_key_is_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Homes, "of", classmethod(lambda *_: None))
    assert homes.whose([], NOBODY) is None


def test_many_merges_take_no_look_at_each_other() -> None:
    links = [Link(n, n, 100_000 + n // 2, 0) for n in range(20_000)]
    persons = Persons.of(merged(links), None)
    keys: UInt64 = np.arange(20_000, dtype=np.uint64)
    assert len(np.unique(persons.now.of(keys))) == 10_000


def test_one_of_each_home_speaks_for_it():
    keys, units = np.array([3, 5, 8, 9], np.uint64), np.array([70, 60, 70, 60], np.uint64)
    asked = np.array([9, 4, 3, 8, 5], np.uint64)
    assert Homes(keys, units).eldest(asked).tolist() == [False, True, True, False, True]
    assert Homes(keys[:0], units[:0]).eldest(asked).all()
