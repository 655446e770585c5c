"""Manifests: what a folder of the record holds, with the digest of each file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bandit.errors import DataError
from bandit.store import files

NAME = "manifest.json"
FORMAT = 1
_MAX_BYTES = 64 << 20


def write(folder: Path, content: dict[str, Any]) -> None:
    """Write `folder`'s manifest over the files that lie in it; the last file to be written."""
    listed = {
        path.name: {"bytes": path.stat().st_size, "sha256": files.sha256(path)}
        for path in sorted(folder.iterdir())
        if path.name != NAME
    }
    text = json.dumps(
        {"format": FORMAT, **content, "files": listed}, indent=1, sort_keys=True, allow_nan=False
    )
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a published folder; DataError if it is damaged or of another format."""
    path = folder / NAME
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(
                f"{path} is larger than {_MAX_BYTES >> 20} MB; it is no manifest of ours"
            )
        content = json.loads(path.read_bytes())
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror}); restore it from a backup") from None
    except ValueError as e:
        raise DataError(f"{path} is damaged ({e}); restore it from a backup") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{path} is not of format {FORMAT}; was it written by another version?")
    return content


def verified(folder: Path, content: dict[str, Any], suffix: str = "") -> list[Path]:
    """The manifest's files whose names end in `suffix`, each checked against its digest."""
    return [
        files.verify(folder, name, entry["sha256"])
        for name, entry in sorted(content["files"].items())
        if name.endswith(suffix)
    ]


def published(parent: Path) -> list[Path]:
    """The folders under `parent` that were published, by name."""
    if not parent.is_dir():
        return []
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))
