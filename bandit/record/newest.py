"""The highest number of deliveries and of snapshots that there was, noted in `newest.json`.

One that is gone from among others is missed by its number; the newest would not be, and what it
said of refusals, or what it had learned, would be lost without a word. Nothing else hangs on the
file. It can be removed; a folder of the record that was removed as a whole begins anew.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bandit.core import files
from bandit.core.errors import DataError
from bandit.record import manifest

NAME = "newest.json"
NONE = -1


def read(parent: Path) -> int:
    """The highest number that was noted for a folder of the record; `NONE` where none was."""
    return _noted(parent.parent).get(parent.name, NONE) if parent.is_dir() else NONE


def note(parent: Path, number: int) -> None:
    """Note ``number`` as the highest; the caller holds the campaign.

    Where the disk refuses, the note stays as it was: what is published is published.
    """
    noted: dict[str, int] = {}
    with suppress(DataError):
        noted = _noted(parent.parent)
        if noted.get(parent.name, NONE) == number:
            return
    noted = {name: n for name, n in {**noted, parent.name: number}.items() if n != NONE}
    content = {"format": manifest.FORMAT, "kind": "newest", "newest": noted}
    with suppress(DataError):
        files.write_bytes(parent.parent / NAME, manifest.encoded(content))


def _noted(campaign_folder: Path) -> dict[str, int]:
    path = campaign_folder / NAME
    files.hold_no_link(path)
    if not path.exists():
        return {}
    try:
        return {str(name): int(n) for name, n in manifest.signed(path)["newest"].items()}
    except (DataError, KeyError, TypeError, ValueError, AttributeError):
        raise DataError(
            f"{path} is damaged: by it the loss of the newest snapshot or delivery is missed;"
            " restore it from a backup, or remove it once you know that nothing is gone"
        ) from None


def lost(parent: Path) -> str:
    """What to do about one that is gone for good."""
    return f"; if it is lost for good, remove {parent.parent / NAME}, which says that it was there"
