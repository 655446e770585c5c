"""A single customer's variables, made without everybody's.

They are made of the sources up to now, as a wave's are. What hangs on everybody, the fifths of rfm,
is taken from the newest wave that served the same variables, and so are percentiles. Where nothing
was served yet everybody's are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bandit.config.campaign import Campaign
from bandit.record import served_variables
from bandit.record.manifests import Made
from bandit.record.waves import Wave
from bandit.sources.variables import One
from bandit.workflows.serve.fitted import is_fitted


class Alone(NamedTuple):
    """``one`` is asked of the sources; None: everybody. ``served``: the others' variables, or None.

    ``notes``: what is of an earlier day.
    """

    one: One | None
    served: Path | None
    notes: list[str]


EVERYBODY = Alone(None, None, [])


def alone(campaign: Campaign, waves: Sequence[Wave], customer: str) -> Alone:
    """How the variables of a customer are made; ``waves`` are the published ones."""
    if not (campaign.variables or campaign.segment) or not is_fitted(campaign):
        return EVERYBODY
    wave = _served(campaign, waves)
    ranked = [name for name, v in campaign.variables.items() if v.function == "rfm"]
    if not ranked:
        path = None if wave is None else wave.folder / served_variables.NAME
        return Alone(One(customer, {}), path, [])
    row = None if wave is None else served_variables.glance(wave, customer)
    if wave is None or row is None:
        return EVERYBODY
    note = (
        f"{', '.join(ranked)}: as wave {wave.name} served it; it hangs on everybody, and the others"
        " are not made anew for this page"
    )
    known = {name: row[name] for name in ranked}
    return Alone(One(customer, known), wave.folder / served_variables.NAME, [note])


def _served(campaign: Campaign, waves: Sequence[Wave]) -> Wave | None:
    """The newest wave that served these variables and segments."""
    wanted = Made(source=campaign.source, variables=campaign.variables, segment=campaign.segment)
    found = [
        wave
        for wave in waves
        if served_variables.NAME in wave.manifest.files and wave.manifest.made == wanted
    ]
    return found[-1] if found else None
