"""Files that are either whole or not there: write aside, fsync, rename."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bandit.errors import BanditError, DataError

PARTIAL = ".partial"
_CHUNK = 1 << 22


def sync(path: Path) -> None:
    """Fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file whole: under a partial name, synced, renamed."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        partial.write_bytes(content)
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    except OSError as e:
        remove(partial)
        raise unwritable(path, e) from None


@contextmanager
def aside(final: Path) -> Iterator[Path]:
    """An empty folder beside `final` to fill; gone afterwards unless `put_in_place` renamed it."""
    partial = final.with_name(f".{final.name}{PARTIAL}")
    try:
        remove(partial)
        partial.mkdir(parents=True)
        yield partial
    except OSError as e:
        raise unwritable(final, e) from None
    finally:
        remove(partial)


def put_in_place(*moves: tuple[Path, Path]) -> None:
    """Rename each filled folder to its final name; if one rename fails, the others are undone.

    Everything is synced before the first rename, so a crash leaves whole folders only.
    """
    for partial, _ in moves:
        for path in sorted(partial.rglob("*")):
            sync(path)
        sync(partial)
    done: list[tuple[Path, Path]] = []
    try:
        for partial, final in moves:
            partial.rename(final)
            done.append((partial, final))
            sync(final.parent)
    except OSError:
        for partial, final in reversed(done):
            final.rename(partial)
        raise


def remove(path: Path) -> bool:
    """Remove a file or folder if it is there; whether it was."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return True
    if path.exists() or path.is_symlink():
        path.unlink()
        return True
    return False


def sweep(folder: Path) -> list[Path]:
    """Remove what a dead run left half-written in `folder`; only the holder of the lock may."""
    if not folder.is_dir():
        return []
    left = sorted(
        p for p in folder.iterdir() if p.name.startswith(".") and p.name.endswith(PARTIAL)
    )
    return [p for p in left if remove(p)]


def sha256(path: Path) -> str:
    """Digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def verify(folder: Path, name: str, expected: str) -> Path:
    """The file, if its digest is the one in the manifest; DataError by name otherwise."""
    path = folder / name
    try:
        found = sha256(path)
    except OSError as e:
        raise DataError(
            f"{path} is named in the manifest and cannot be read ({e.strerror}); restore it"
        ) from None
    if found != expected:
        raise DataError(
            f"{path} is damaged: its sha256 is {found[:16]}…, the manifest says {expected[:16]}…;"
            " restore it from a backup"
        )
    return path


def unwritable(path: Path, error: OSError) -> BanditError:
    """What to say when the disk refuses."""
    return DataError(
        f"{path} could not be written: {error.strerror or error}; nothing was published,"
        " make room or mend the disk and run the command again"
    )
