"""Customers who became others, against the definition followed link by link."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandit.sources.merges import Link, merged


def links(*given: tuple[str, str, int | None]) -> list[Link]:
    return [Link(row, *one) for row, one in enumerate(given, start=1)]


@pytest.mark.parametrize(
    ("given", "person"),
    [
        ([("B", "A", 1)], {"B": "A"}),
        ([("B", "A", 1), ("C", "B", 2)], {"B": "A", "C": "A"}),
        ([("C", "B", 2), ("B", "A", 1)], {"B": "A", "C": "A"}),
        ([("B", "A", 1), ("B", "C", 2)], {"B": "C"}),
        ([("B", "A", 1), ("B", "B", 2)], {}),
        ([("B", "A", 1), ("B", "A", 1)], {"B": "A"}),
        ([("B", "A", None)], {}),
    ],
)
def test_the_latest_link_of_an_id_counts_and_chains_are_followed(
    given: Sequence[tuple[str, str, int | None]], person: dict[str, str]
) -> None:
    assert merged(links(*given)).person == person


def test_what_contradicts_itself_is_followed_by_refusals_alone() -> None:
    found = merged(links(("B", "A", 1), ("B", "C", 1), ("E", "D", 1)))
    assert found.person == {"E": "D"}
    assert [link.row for link in found.contradicting] == [1, 2]
    assert sorted(map(sorted, found.together)) == [["A", "B", "C"], ["D", "E"]]


def test_a_circle_and_what_leads_to_it_is_refused_link_by_link() -> None:
    found = merged(links(("A", "B", 1), ("B", "A", 2), ("C", "A", 1), ("Y", "X", 1)))
    assert found.person == {"Y": "X"}
    assert [link.row for link in found.circles] == [1, 2, 3]
    assert ["A", "B", "C"] in sorted(map(sorted, found.together))


_KEYS = st.integers(0, 6)


@given(st.lists(st.tuples(_KEYS, _KEYS, st.integers(0, 3) | st.none()), max_size=12))
def test_every_set_of_links_gives_what_following_them_one_by_one_gives(
    given: list[tuple[int, int, int | None]],
) -> None:
    found = merged(Link(row, *one) for row, one in enumerate(given))
    step = {}
    for key in range(7):
        dated = [(since, to) for id_, to, since in given if id_ == key and since is not None]
        newest = {to for since, to in dated if since == max(s for s, _ in dated)}
        if len(newest) == 1 and newest != {key}:
            step[key] = newest.pop()
    for key in range(7):
        at = key
        for _ in range(8):
            at = step.get(at, at)
        ends = at not in step and at != key
        assert found.person.get(key) == (at if ends else None)
    assert not set(found.person.values()) & set(found.person)
    grouped = {key: group for group in found.together for key in group}
    for id_, to, _ in given:
        assert id_ == to or grouped[id_] == grouped[to]
    assert sum(map(len, found.together)) == len(grouped)
