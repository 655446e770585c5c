"""What other commands do about streams before they begin."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from bandit.config.campaign import Campaign
from bandit.core.errors import LockedError, UsageError
from bandit.core.types import Progress
from bandit.record import lock, streams

EXTRA = "pip install 'offer-bandit[service]'"


def sealed_first(campaign: Campaign, progress: Progress, *, empty: bool = False) -> list[str]:
    """Make waves of what was decided live; the caller holds the campaign. What there is to say.

    ``empty``: what was sealed names nobody any more; the caller holds the streams too.
    """
    if not (campaign.folder / streams.STREAMS).is_dir():
        return []
    hold_installed("live decisions wait to become waves, for which some packages are missing")
    from bandit.workflows.live.emptied import empty_sealed  # noqa: PLC0415 - needs the extra
    from bandit.workflows.live.seal import seal_all  # noqa: PLC0415 - needs the extra

    found = seal_all(campaign, progress, held=empty)
    if empty:
        empty_sealed(campaign.folder)
    told = [f"sealed {wave.wave}: {wave.decisions:,} live decisions" for wave in found.waves]
    return [*told, *found.notes]


def hold_installed(why: str) -> None:
    """UsageError where the packages of the extra are not there."""
    missing = [name for name in ("msgspec", "starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise UsageError(f"{why} ({', '.join(missing)}): {EXTRA}")


def hold_stopped(folder: Path) -> None:
    """LockedError while a server decides: what it keeps in memory cannot be erased from outside."""
    if lock.command(folder / streams.STREAMS) is not None:
        raise LockedError(
            f"{folder / streams.STREAMS} is held by `bandit serve`: stop it first; it starts anew"
            " without those who were forgotten"
        )
