"""What stays of somebody who is forgotten: that they had refused."""

from __future__ import annotations

from collections.abc import Collection

from bandit.core import files
from bandit.core.folding import fold
from bandit.record.person import People
from bandit.record.staged import Staged
from bandit.sources import refusals
from bandit.sources.refusals import Refusal


def keep(staged: Staged, people: People, refusing: Collection[str]) -> None:
    """Stage refusals of all channels for events of the folded kinds ``refusing`` that go.

    An event that only its decision ties to somebody counts for each of ``people``: a doubtful
    refusal is a refusal.
    """
    said = [one for one in staged.said if fold(one.kind) in refusing]
    if not said:
        return
    everybody = people.numbers if people.whole else people.keys
    latest = {}
    for one in sorted(said, key=lambda one: one.at):
        for customer in everybody if one.customer is None else [one.customer]:
            latest[customer] = Refusal(customer, None, one.at.isoformat())
    path = refusals.next_file(staged.campaign)
    path.parent.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
    frames = b"".join(refusals.frame(latest[customer]) for customer in sorted(latest, key=str))
    (staged.of(path.parent) / path.name).write_bytes(frames)
