"""What every result is: frozen, and one JSON object."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

from bandit.results.plain import Json, fields_of

if TYPE_CHECKING:
    import polars as pl

SCHEMA = 2
"""Version of the JSON objects: it grows when a field goes or changes its meaning, not when one
is added."""


class Change(NamedTuple):
    """What a command changed: ``made`` names the wave or snapshot that came of it."""

    command: str
    made: str | None


@dataclasses.dataclass(frozen=True)
class Result:
    """A frozen dataclass that a command returns; `bandit.render` knows how it looks."""

    def change(self) -> Change | None:
        """What the journal says of it; None of what changed nothing."""
        return None

    def to_json(self) -> dict[str, Json]:
        """The object that `--json` prints: ``schema``, then the fields."""
        return {"schema": SCHEMA, **fields_of(self)}

    def to_polars(self) -> dict[str, pl.DataFrame]:
        """Its tables by name; `result` has the single figures. See `bandit.results.frames`."""
        from bandit.results.frames import frames

        return frames(self)

    def _repr_html_(self) -> str:
        from bandit.results.frames import tables
        from bandit.results.html import html

        return html(type(self).__name__, tables(self))
