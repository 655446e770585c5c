"""Actions by name: numbers, pairs, sets, and one space aligned with another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bandit
from bandit.core.actions import ABSENT
from bandit.core.errors import DataError

NAMES = ["no contact", "fibre/email", "fibre/sms", "music/home"]
SPACE = bandit.ActionSpace(NAMES)
spaces = st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1).map(bandit.ActionSpace)


def test_names_and_numbers_are_each_others_inverse() -> None:
    assert len(SPACE) == 4
    assert list(SPACE) == NAMES
    assert [SPACE.index(SPACE[a]) for a in range(4)] == [0, 1, 2, 3]
    assert SPACE.indices(["music/home", "no contact"]).tolist() == [3, 0]


def test_pairs_make_the_same_space_again() -> None:
    assert SPACE.pairs == (("fibre", "email"), ("fibre", "sms"), ("music", "home"))
    assert bandit.ActionSpace.of_pairs(SPACE.pairs) == SPACE


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'fibre/email'"):
        SPACE.index("fibre/e-mail")


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(DataError, match="'a/b' stands twice"):
        bandit.ActionSpace(["no contact", "a/b", "c/d", "a/b"])


@given(spaces, spaces)
def test_what_is_aligned_keeps_its_name(
    mine: bandit.ActionSpace, other: bandit.ActionSpace
) -> None:
    values = np.arange(len(mine)) + 1.0
    moved = mine.align(values, other, -1.0)
    for a, name in enumerate(other):
        assert moved[a] == (values[mine.index(name)] if name in mine else -1.0)
    positions = mine.positions_in(other)
    assert [p != ABSENT for p in positions] == [name in other for name in mine]


@given(spaces, spaces)
def test_a_union_begins_with_its_first(mine: bandit.ActionSpace, other: bandit.ActionSpace) -> None:
    both = mine.union(other)
    assert both.names[: len(mine)] == mine.names
    assert set(both) == {*mine, *other}


@given(st.integers(1, 20), st.integers(0, 5))
def test_packed_sets_come_back(k: int, n: int) -> None:
    allowed = np.random.default_rng(k).random((n, k)) < 0.5
    space = bandit.ActionSpace(f"a{i}" for i in range(k))
    np.testing.assert_array_equal(
        space.unpack(np.packbits(allowed, axis=1, bitorder="little")), allowed
    )
