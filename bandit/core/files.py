"""Files that are either whole or not there: write aside, fsync, rename."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from bandit.core.errors import BanditError, DataError

PARTIAL = ".partial"
_CHUNK = 1 << 22

Move = tuple[Path, Path]
"""A filled folder aside, and the name it gets."""


class HalfPlacedError(DataError):
    """Some renames are done and could not be undone; what lies aside is needed to finish."""


def sync(path: Path) -> None:
    """Fsync a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file whole: under a partial name, synced, renamed."""
    partial = beside(path)
    try:
        partial.write_bytes(content)
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    except OSError as e:
        remove(partial)
        raise unwritable(path, e) from None


def bring(path: Path, final: Path) -> None:
    """Rename a whole file to `final`, over another disk's border too; `path` may stay behind."""
    try:
        path.replace(final)
    except OSError as e:
        if e.errno != errno.EXDEV:
            raise
        partial = beside(final)
        shutil.copyfile(path, partial)
        sync(partial)
        partial.replace(final)


def beside(final: Path) -> Path:
    """The name under which `final` is made; `sweep` removes what a dead run left under it."""
    return final.with_name(f".{final.name}{PARTIAL}")


@contextmanager
def aside(final: Path) -> Iterator[Path]:
    """An empty folder beside `final` to fill; gone afterwards unless `put_in_place` renamed it."""
    partial = beside(final)
    needed = False
    try:
        remove(partial)
        partial.mkdir(parents=True)
        yield partial
    except HalfPlacedError:
        needed = True
        raise
    except OSError as e:
        raise unwritable(final, e) from None
    finally:
        if not needed:
            remove(partial)


def put_in_place(*moves: Move) -> None:
    """Rename each filled folder to its final name; if one rename fails, the others are undone.

    Everything is synced before the first rename, so a crash leaves whole folders only.
    """
    with placing(*(partial for partial, _ in moves)) as place:
        for partial, final in moves:
            place(partial, final)


@contextmanager
def placing(*partials: Path) -> Iterator[Callable[[Path, Path], None]]:
    """Sync the folders ``partials``, then give what renames them: if the block fails, none stays.

    Other steps that must not fail alone may stand between the renames.
    """
    for partial in partials:
        _settle(partial)
    done: list[Move] = []

    def place(partial: Path, final: Path) -> None:
        partial.rename(final)
        done.append((partial, final))
        sync(final.parent)

    try:
        yield place
    except BaseException:
        _undo(done)
        raise


def _settle(partial: Path) -> None:
    """All of a folder, and its own name, on the disk."""
    for path in sorted(partial.rglob("*")):
        sync(path)
    sync(partial)
    sync(partial.parent)
    sync(partial.parent.parent)


def _undo(done: list[Move]) -> None:
    try:
        for partial, final in reversed(done):
            final.rename(partial)
    except OSError as e:
        raise HalfPlacedError(
            f"{done[0][1]} is published and could not be completed: {e.strerror}; mend the disk,"
            " and the next command does the rest"
        ) from None


def remove(path: Path) -> bool:
    """Remove a file or folder if it is there; whether it was."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return True
    if path.exists() or path.is_symlink():
        path.unlink()
        return True
    return False


def sweep(folder: Path, keep: Collection[Path] = ()) -> list[Path]:
    """Remove what a dead run left half-written in `folder`; only the holder of the lock may."""
    if not folder.is_dir():
        return []
    left = sorted(
        p for p in folder.iterdir() if p.name.startswith(".") and p.name.endswith(PARTIAL)
    )
    return [p for p in left if p not in keep and remove(p)]


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
