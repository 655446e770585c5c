"""Sources that the caller gives in place of those of campaign.toml: frames of a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from bandit.config.tables import Source

_GIVEN: ContextVar[Mapping[str, Source]] = ContextVar("_GIVEN", default={})  # noqa: B039 - never changed


@contextmanager
def instead(sources: Mapping[str, Source]) -> Iterator[None]:
    """Within this block, and this thread alone, ``sources`` stand for sections by their names."""
    token = _GIVEN.set(sources)
    try:
        yield
    finally:
        _GIVEN.reset(token)


def given(role: str) -> Source | None:
    """What stands for a section here."""
    return _GIVEN.get().get(role)
