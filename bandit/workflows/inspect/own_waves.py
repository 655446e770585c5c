"""A campaign's own waves: others may share its folder and customers, with money of their own."""

from __future__ import annotations

from collections.abc import Sequence

from bandit.config.campaign import Campaign
from bandit.core.errors import DataError, UsageError
from bandit.core.problems import newest
from bandit.record.waves import Wave


def own(campaign: Campaign, every: Sequence[Wave]) -> list[Wave]:
    """Those that its file served or learned from; DataError if there are none."""
    found = [wave for wave in every if wave.campaign == campaign.file]
    if not found:
        others = sorted({wave.campaign for wave in every})
        more = f" of {campaign.file}; there are some of {', '.join(others)}" if others else " yet"
        raise DataError(
            f"{campaign.folder} has no wave{more}; run `bandit serve-batch` first"
            + (", or name that file" if others else "")
        )
    return found


def named(campaign: Campaign, every: Sequence[Wave], name: str) -> Wave:
    """One of its own; UsageError where it has no such wave."""
    mine = own(campaign, every)
    found = {wave.name: wave for wave in mine}.get(name)
    if found is not None:
        return found
    for wave in every:
        if wave.name == name:
            raise UsageError(
                f"wave {name!r} is of {campaign.folder / wave.campaign}, not of {campaign.file}:"
                " name that file"
            )
    known = [wave.name for wave in mine]
    raise UsageError(f"{campaign.folder} has no wave {name!r}{newest(name, known)}")
