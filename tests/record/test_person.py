from __future__ import annotations

import pyarrow as pa
import pytest

from bandit.record.person import People, among


@pytest.mark.parametrize(
    ("keys", "column", "wanted"),
    [
        (("7",), pa.array([7, 70, None]), [True, False, False]),
        (("x", "99999999999999999999"), pa.array([7, 8]), [False, False]),
        (("7",), pa.array(["7", "07", None]), [True, False, False]),
        (
            ("e\u0301",),
            pa.array(["\u00e9", " \u00e9 ", "e", "\u00e9\u200b"]),
            [True, True, False, True],
        ),
        ((" \u00e9",), pa.array(["e\u0301"]), [True]),
        (("c-1", "c-2"), pa.array(["c-1", "c-10", "c-2"]), [True, False, True]),
    ],
)
def test_their_own_rows(keys: tuple[str, ...], column: pa.Array, wanted: list[bool]) -> None:
    assert People(keys).own(column).to_pylist() == wanted


@pytest.mark.parametrize("key", ["1017", "01017", " 1017", "+1017"])
def test_a_whole_number_is_theirs_in_any_spelling(key: str) -> None:
    one = People((key,), whole=True)
    assert one.own(pa.array([1017, 17])).to_pylist() == [True, False]
    cells = ["1017", "01017", "1017.0", " 1017 ", "+1017", "10170", "1017.5", "-1017", None]
    assert one.mentioned(pa.array(cells)).to_pylist() == [True] * 5 + [False] * 4


def test_a_key_inside_a_cell_counts_as_a_word() -> None:
    cells = ["c-1", "of c-1!", "c-10", "xc-1", "event_c-1_click", "éc-1", None, "(c-1)"]
    found = People(("c-1",)).mentioned(pa.array(cells)).to_pylist()
    assert found == [True, True, False, False, True, False, False, True]


def test_a_number_counts_as_the_whole_cell_only() -> None:
    found = People(("7",)).mentioned(pa.array(["7", "age 7", "77"])).to_pylist()
    assert found == [True, False, False]


def test_signs_of_patterns_are_letters_here() -> None:
    found = People(("a.c*", "(b")).mentioned(pa.array(["abc", "x a.c* y", "(b"])).to_pylist()
    assert found == [False, True, True]


def test_among_nothing_is_nothing() -> None:
    assert among(pa.array(["a", None]), []).to_pylist() == [False, False]
