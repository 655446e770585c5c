"""Files that are either whole or not there: write aside, fsync, rename."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from bandit.core.errors import BanditError, DataError, LockedError

PARTIAL = ".partial"
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
"""Most that is written is about people: it is for the owner alone, whatever the umask."""
SHARED_FILE = 0o666
"""Pages of counts and sums: the umask says who may read them."""
_CHUNK = 1 << 22
_PATIENCE_SECONDS, _PAUSE_SECONDS = 10.0, 0.01

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


def write_bytes(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Write one file whole: under a partial name, synced, renamed; a link at `path` is replaced.

    Of two that write it at once each writes the whole; the last one stays.
    """
    partial = beside(path)
    try:
        with _turn(partial, mode) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
        sync(path.parent)
    except OSError as e:
        raise unwritable(path, e) from None


@contextmanager
def _turn(partial: Path, mode: int) -> Iterator[IO[bytes]]:
    """An empty file that nobody else writes to until this one has its name or is gone."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while (file := _opened(partial, mode)) is None:
        if time.monotonic() > until:
            raise OSError(errno.EBUSY, "another run has been writing it for long")
        time.sleep(_PAUSE_SECONDS)
    with file:
        try:
            yield file
        except BaseException:
            if _is_there(partial, file.fileno()):
                remove(partial)
            raise


def _opened(partial: Path, mode: int) -> IO[bytes] | None:
    """A new file; None while another run writes it. What nobody writes any more goes."""
    with suppress(FileNotFoundError):
        if partial.is_symlink() or partial.is_dir() or not _is_written(partial):
            remove(partial)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        handle = os.open(partial, flags, mode)
    except FileExistsError:
        return None
    file = os.fdopen(handle, "wb")
    if _held(handle) and _is_there(partial, handle):
        return file
    file.close()  # another run took it for what a dead one left
    return None


def _is_written(path: Path) -> bool:
    """Whether a running process holds a file or folder of ours; another user's may be dead."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        return False
    try:
        return not _held(handle)
    finally:
        os.close(handle)


def _held(handle: int) -> bool:
    """Hold what is open as long as it is; False if somebody else does."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


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


def hold_no_link(*paths: Path) -> None:
    """DataError if one of ``paths``, places of ours, is a link.

    A campaign that came from elsewhere may hold links, and what is read, written or removed in our
    folders must stay in them. Above them a link is the user's own affair.
    """
    for path in paths:
        if path.is_symlink():
            raise DataError(
                f"{path} is a link, which is not followed here: put what it leads to in its place,"
                " or remove it"
            )


def beside(final: Path) -> Path:
    """The name under which `final` is made; `sweep` removes what a dead run left under it."""
    return final.with_name(f".{final.name}{PARTIAL}")


@contextmanager
def aside(final: Path) -> Iterator[Path]:
    """An empty folder beside `final` to fill; gone afterwards unless `put_in_place` renamed it.

    LockedError while another run fills it, where no lock of a campaign keeps it out.
    """
    partial = beside(final)
    needed = False
    handle = None
    try:
        hold_no_link(final.parent, final)
        handle = _folder(partial)
        yield partial
    except HalfPlacedError:
        needed = True
        raise
    except OSError as e:
        raise unwritable(final, e) from None
    finally:
        if handle is not None:
            if not needed and _is_there(partial, handle):
                remove(partial)
            os.close(handle)


def _folder(partial: Path) -> int:
    """An empty folder in place of what a dead run left; open, and so held."""
    taken = LockedError(f"{partial} is being filled by another run; wait until it has finished")
    with suppress(FileNotFoundError):
        if not partial.is_symlink() and _is_written(partial):
            raise taken
    remove(partial)
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.mkdir(mode=PRIVATE_FOLDER)
    handle = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    if _held(handle) and _is_there(partial, handle):
        return handle
    os.close(handle)
    raise taken


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
    """All of a folder, and its own name, on the disk; its files are for their owner alone."""
    for path in sorted(partial.rglob("*")):
        path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE)
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
