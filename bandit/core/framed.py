"""Files of frames, written at their end only: whole up to where a run died.

A frame is its length and its CRC-32, four bytes each and little-endian, and its content. What was
appended is on the disk when `Writer.append` returns; a torn end is what nobody was answered. All
else that is no whole frame is damage: it was answered once, and is never passed over.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from bandit.core import files
from bandit.core.errors import DataError

MAX_FRAME = 1 << 24
_HEAD = struct.Struct("<II")
_SEARCHED = 1 << 20
_RESTORE = "restore the file: what stands there was answered, and nothing is decided without it"


def framed(content: bytes) -> bytes:
    """A frame of ``content``."""
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


class Frames:
    """The whole frames of a file; ``end`` is where they end, ``torn`` how many bytes lie behind.

    Those can only be what a run had begun to write when it died, where one ``may_be_torn``.
    """

    def __init__(self, path: Path, *, may_be_torn: bool = False) -> None:
        self._path, self._may_be_torn = path, may_be_torn
        try:
            self._bytes = memoryview(path.read_bytes())
        except OSError as e:
            raise DataError(f"{path} cannot be read ({e.strerror}); restore it") from None
        self.end = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Place and content of each, in the order of writing; DataError where one is damaged."""
        self.end = 0
        while (content := self._frame(self.end)) is not None:
            place, self.end = self.end, self.end + _HEAD.size + len(content)
            yield place, bytes(content)
        if self.torn:
            self._hold_torn()

    @property
    def torn(self) -> int:
        """Bytes behind the whole frames, once these were read."""
        return len(self._bytes) - self.end

    def mend(self) -> list[str]:
        """Cut a torn end, once all was read, and say so; only who may write the log may."""
        if not self.torn:
            return []
        try:
            os.truncate(self._path, self.end)
            files.sync(self._path)
        except OSError as e:
            raise files.unwritable(self._path, e) from None
        return [
            f"{self._path}: the last {self.torn} bytes were no whole frame: a run died while it"
            " wrote them, and nobody was answered"
        ]

    def _frame(self, start: int) -> memoryview | None:
        if len(self._bytes) < start + _HEAD.size:
            return None
        length, code = _HEAD.unpack_from(self._bytes, start)
        content = self._bytes[start + _HEAD.size : start + _HEAD.size + length]
        whole = 0 < length <= MAX_FRAME and len(content) == length and zlib.crc32(content) == code
        return content if whole else None

    def _hold_torn(self) -> None:
        """DataError unless what lies behind the whole frames is a torn end."""
        where = f"{self._path}: the frame at byte {self.end}"
        if (behind := self._whole_behind()) is not None:
            raise DataError(
                f"{where} is damaged, and whole ones follow from byte {behind} on; {_RESTORE}"
            )
        if not self._is_begun():
            raise DataError(f"{where} is damaged: a run that dies leaves no such end; {_RESTORE}")
        if not self._may_be_torn:
            raise DataError(
                f"{where} is not whole, and what was written later is there; {_RESTORE}; if a run"
                " died in it, cut the file there"
            )

    def _is_begun(self) -> bool:
        """Whether what lies behind is the beginning of a frame, or has an end never written."""
        rest = self._bytes[self.end :]
        if len(rest) < _HEAD.size or rest[-_HEAD.size :] == bytes(_HEAD.size):
            return True
        length, code = _HEAD.unpack_from(rest)
        content = rest[_HEAD.size :]
        # A whole content under another length is a frame whose length is damaged.
        is_piece: bool = len(content) < length <= MAX_FRAME and zlib.crc32(content) != code
        return is_piece

    def _whole_behind(self) -> int | None:
        """Where the next whole frame begins."""
        for start in range(self.end + 1, len(self._bytes) - _HEAD.size, _SEARCHED):
            part = np.frombuffer(self._bytes[start : start + _SEARCHED + 3], np.uint8)
            lengths = np.zeros(len(part) - 3, np.uint32)
            for i in range(4):
                lengths |= part[i : len(lengths) + i].astype(np.uint32) << 8 * i
            left = len(self._bytes) - _HEAD.size - start - np.arange(len(lengths))
            may = (lengths > 0) & (lengths <= np.minimum(left, MAX_FRAME))
            for place in np.flatnonzero(may).tolist():
                if self._frame(start + place) is not None:
                    return int(start + place)
        return None


def mended(logs: Sequence[Path]) -> list[str]:
    """Cut the torn end of the last of numbered ``logs``, as `Frames.mend`."""
    if not logs:
        return []
    last = Frames(logs[-1], may_be_torn=True)
    for _ in last:
        pass
    return last.mend()


def holds_more_than_one(path: Path) -> bool:
    """Whether anything was written behind a file's first frame."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
            size = os.fstat(file.fileno()).st_size
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror}); restore it") from None
    return len(head) == _HEAD.size and size > _HEAD.size + _HEAD.unpack(head)[0]


def is_last(path: Path) -> bool:
    """Whether a numbered log of a folder is its last; a run can have died in no other."""
    return path.name == max(other.name for other in path.parent.glob(f"*{path.suffix}"))


class Writer:
    """The end of one new file, in a folder that is made where it is missing.

    What is appended at the same time to a file of a lower ``rank`` is on the disk before. The file
    begins with ``first``; DataError where the disk refuses, and then there is no file: who numbers
    them would take it for the one that is written.
    """

    def __init__(self, path: Path, rank: int = 0, *, first: bytes = b"") -> None:
        self.rank = rank
        files.hold_no_link(path.parent.parent, path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND
        try:
            path.parent.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._handle = os.open(path, flags, files.PRIVATE_FILE)
        except OSError as e:
            raise files.unwritable(path, e) from None
        try:
            files.sync(path.parent)
            files.sync(path.parent.parent)
            if first:
                self.append([first])
        except OSError as e:
            self.close()
            path.unlink()
            raise files.unwritable(path, e) from None

    def append(self, frames: Sequence[bytes]) -> None:
        """Write and sync whole frames; after an OSError nothing more may be written here."""
        rest = memoryview(b"".join(frames))
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        os.fdatasync(self._handle)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._handle)


def read_at(handle: int, place: int, path: Path) -> bytes:
    """The content of the frame at ``place`` of the open file ``path``; DataError if damaged."""
    head = os.pread(handle, _HEAD.size, place)
    length, code = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
    content = os.pread(handle, min(length, MAX_FRAME), place + _HEAD.size)
    if not content or len(content) != length or zlib.crc32(content) != code:
        raise DataError(f"{path}: the frame at byte {place} is damaged; {_RESTORE}")
    return content
