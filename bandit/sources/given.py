"""Sources that stand in place of those of campaign.toml: frames of a notebook, tables of Spark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from bandit.config.tables import Source


class Given(NamedTuple):
    """What is read for a section, and how messages call it where not by its file."""

    source: Source
    called: str | None = None


_GIVEN: ContextVar[Mapping[str, Given]] = ContextVar("_GIVEN", default={})  # noqa: B039 - never changed


@contextmanager
def instead(sources: Mapping[str, Given]) -> Iterator[None]:
    """Within this block, and this thread alone, ``sources`` stand for sections by their names.

    What stood for another section goes on standing for it.
    """
    token = _GIVEN.set({**_GIVEN.get(), **sources})
    try:
        yield
    finally:
        _GIVEN.reset(token)


def given(role: str) -> Source | None:
    """What stands for a section here."""
    found = _GIVEN.get().get(role)
    return None if found is None else found.source


def called(role: str) -> str | None:
    """How messages call what stands for a section, None where it is a file of that name."""
    found = _GIVEN.get().get(role)
    return None if found is None else found.called
