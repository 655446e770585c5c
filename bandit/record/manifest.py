"""Manifests: what a folder of the record holds, with the digest of each file and of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bandit.core import files
from bandit.core.errors import DataError

NAME = "manifest.json"
FORMAT = 2
READABLE = (1, 2)
"""Formats that this version reads; it writes the newest."""

_MAX_BYTES = 64 << 20
_OWN_DIGEST = "sha256"
FOLDER = "folder"
"""The name that a folder was published by, of those whose content does not tell it otherwise."""
KEPT_BYTES = 1 << 18
KEPT = 512
"""A wave asks for the same manifests eight times: of so many, of so few bytes, what is said is
remembered by their bytes."""


def write(
    folder: Path, content: dict[str, Any], digests: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Write `folder`'s manifest over the files that lie in it; the last file to be written.

    ``digests`` are those of files, by name, that were digested since they were whole.
    """
    listed = {
        path.name: {
            "bytes": path.stat().st_size,
            "sha256": digests.get(path.name) or files.sha256(path),
        }
        for path in sorted(folder.iterdir())
        if path.name != NAME
    }
    (folder / NAME).write_bytes(encoded({"format": FORMAT, **content, "files": listed}))


def encoded(content: dict[str, Any]) -> bytes:
    """A manifest's bytes; the digest that it carries of itself is made anew."""
    signed = {**content, _OWN_DIGEST: _digest(content)}
    text = json.dumps(signed, indent=1, sort_keys=True, allow_nan=False)
    return text.encode() + b"\n"


def _digest(content: dict[str, Any]) -> str:
    """sha256 of all but the digest itself, as JSON without layout."""
    rest = {k: v for k, v in content.items() if k != _OWN_DIGEST}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read(folder: Path) -> dict[str, Any]:
    """The manifest of a published folder; DataError if it is damaged, of another format or place.

    What is in it is shared with whoever reads the same bytes: nobody changes it.
    """
    content = signed(folder / NAME)
    said = "wave" if content.get("kind") == "lists" else FOLDER
    if (named := content.get(said, folder.name)) != folder.name:
        raise DataError(
            f"{folder} holds what was published as {named}: move it out of {folder.parent.name}/,"
            f" and restore what {folder.name} held from a backup"
        )
    return content


def signed(path: Path) -> dict[str, Any]:
    """A file that `encoded` made; DataError as for `read`."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(
                f"{path} is larger than {_MAX_BYTES >> 20} MB; it is no manifest of ours"
            )
        raw = path.read_bytes()
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror}); restore it from a backup") from None
    return dict(_known(path, raw) if len(raw) <= KEPT_BYTES else _said(path, raw))


def _said(path: Path, raw: bytes) -> dict[str, Any]:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path} is damaged ({e}); restore it from a backup") from None
    if not isinstance(content, dict) or content.get("format") not in READABLE:
        known = " or ".join(map(str, READABLE))
        raise DataError(f"{path} is not of format {known}; was it written by another version?")
    _hold_whole(path, content)
    return content


_known = lru_cache(maxsize=KEPT)(_said)


def _hold_whole(path: Path, content: dict[str, Any]) -> None:
    """Its own digest holds, so every key that we wrote is there."""
    try:
        whole = content.get(_OWN_DIGEST) == _digest(content)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise DataError(
            f"{path} is damaged: it does not have the sha256 that it names; restore it from a"
            " backup"
        )


def verified(folder: Path, content: dict[str, Any], suffix: str = "") -> list[Path]:
    """The manifest's files whose names end in `suffix`, each checked against its digest."""
    return [
        files.verify(folder, name, entry["sha256"])
        for name, entry in sorted(content["files"].items())
        if name.endswith(suffix)
    ]


def published(parent: Path) -> list[Path]:
    """The folders under `parent` that were published, by name; DataError if one is a link."""
    if not parent.is_dir():
        return []
    for path in (parent, *parent.iterdir()):
        files.hold_no_link(path)
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))
