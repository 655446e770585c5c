"""Customers out of the outbox and out of what triggers remember, what waits too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bandit.record import events, outbox
from bandit.record.person import People
from bandit.record.staged import Staged

_Row = tuple[int | str | None, str | None, bytes]
"""A customer, the id of an event, and what is kept where neither is of those who go."""


def outbox_lines(staged: Staged, people: People) -> int:
    """Stage the outbox's files without lines about ``people``; how many these were."""
    return sum(
        _rewrite(
            staged, path, people,
            [(r.get("customer"), r.get("event_id"), line) for r, line in outbox.rows(path)],
        )
        for path in outbox.boxes(staged.campaign)
    )  # fmt: skip


def heard(staged: Staged, people: People) -> int:
    """Stage the events' log without what is about ``people``; how many frames these were."""
    return sum(
        _rewrite(staged, path, people, [_row(said) for said in events.said_in(path)])
        for path in events.logs(staged.campaign)
    )


def _row(said: events.Heard | int) -> _Row:
    if isinstance(said, int):
        return None, None, events.frame(said)
    return said.event.customer, said.event.event_id, events.frame(said)


def _rewrite(staged: Staged, path: Path, people: People, rows: Sequence[_Row]) -> int:
    if not rows:
        return 0
    keys = pa.array([None if key is None else str(key) for key, *_ in rows], pa.string())
    ids = pa.array([event_id for _, event_id, _ in rows], pa.string())
    own, mentioned = people.own(keys), people.mentioned(ids)
    staged.sight(people, keys.filter(own))
    staged.sight(people, ids.filter(mentioned))
    about: list[bool] = pc.or_(own, mentioned).to_pylist()
    if any(about):
        kept = [content for (*_, content), theirs in zip(rows, about, strict=True) if not theirs]
        (staged.of(path.parent) / path.name).write_bytes(b"".join(kept))
    return sum(about)
