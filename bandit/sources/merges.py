"""Customers who became others: chains followed, circles and doubts told apart.

A link says that an id is of a customer from a moment on. Of an id the latest link counts, and one
to itself takes the others back. What two links of one moment contradict each other in is in doubt,
and so is a circle: nobody is taken for another by it. Refusals do not wait for that: whoever is
linked at all, in doubt or in the past, is refused with the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Key = int | str


class Link(NamedTuple):
    """``id`` is ``customer`` from ``since`` on, in microseconds since 1970; ``row`` of the table.

    Without ``since`` nobody can say from when on: it links for refusals alone.
    """

    row: int
    id: Key
    customer: Key
    since: int | None


class Merged(NamedTuple):
    """``person``: who each id is now, chains followed; none of itself.

    ``together``: all who may be one person, each group once. ``contradicting`` and ``circles`` are
    the links that are not followed.
    """

    person: Mapping[Key, Key]
    together: Sequence[tuple[Key, ...]]
    contradicting: Sequence[Link]
    circles: Sequence[Link]


class Known(NamedTuple):
    """The map as it was valid at ``moment``, in microseconds since 1970; ``key`` is our keys' type.

    ``people`` are our own keys alone.
    """

    moment: int
    key: str
    people: Merged


def merged(links: Iterable[Link]) -> Merged:
    """Follow the links that are valid at a moment; time and memory grow with their number."""
    given = list(links)
    latest: dict[Key, list[Link]] = defaultdict(list)
    for link in given:
        if link.since is None:
            continue
        known = latest[link.id]
        if known and known[0].since is not None and link.since > known[0].since:
            known.clear()
        if not known or link.since == known[0].since:
            known.append(link)
    contradicting: list[Link] = []
    followed: dict[Key, Link] = {}
    for found in latest.values():
        if len({link.customer for link in found}) > 1:
            contradicting += found
        elif found[0].customer != found[0].id:
            followed[found[0].id] = found[0]
    person, circling = _ends({id_: link.customer for id_, link in followed.items()})
    return Merged(
        person,
        _together(given),
        sorted(contradicting),
        sorted(link for id_, link in followed.items() if id_ in circling),
    )


def _ends(step: Mapping[Key, Key]) -> tuple[dict[Key, Key], set[Key]]:
    """Where each chain ends, and the ids whose chain is a circle or leads to one."""
    end: dict[Key, Key] = {}
    circling: set[Key] = set()
    for start in step:
        path: list[Key] = []
        on: set[Key] = set()
        at = start
        while at in step and at not in end and at not in circling and at not in on:
            path.append(at)
            on.add(at)
            at = step[at]
        if at in on or at in circling:
            circling.update(path)
        else:
            end.update(dict.fromkeys(path, end.get(at, at)))
    return end, circling


def _together(links: Iterable[Link]) -> list[tuple[Key, ...]]:
    """Groups of ids that any link connects, of two or more."""
    above: dict[Key, Key] = {}

    def top(key: Key) -> Key:
        while (higher := above.setdefault(key, key)) != key:
            above[key] = key = above.setdefault(higher, higher)
        return key

    for link in links:
        above[top(link.id)] = top(link.customer)
    groups: dict[Key, list[Key]] = defaultdict(list)
    for key in above:
        groups[top(key)].append(key)
    return [tuple(group) for group in groups.values() if len(group) > 1]
