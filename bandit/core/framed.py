"""Files of frames, written at their end only: whole up to where a run died.

A frame is its length and its CRC-32, four bytes each and little-endian, and its content. What was
appended is on the disk when `Writer.append` returns; a torn end is what nobody was answered.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bandit.core import files
from bandit.core.errors import DataError

MAX_FRAME = 1 << 24
_HEAD = struct.Struct("<II")


def framed(content: bytes) -> bytes:
    """A frame of ``content``."""
    return _HEAD.pack(len(content), zlib.crc32(content)) + content


class Frames:
    """The whole frames of a file; ``end`` is where they end, ``torn`` how many bytes lie behind."""

    def __init__(self, path: Path) -> None:
        try:
            self._bytes = memoryview(path.read_bytes())
        except OSError as e:
            raise DataError(f"{path} cannot be read ({e.strerror}); restore it") from None
        self.end = 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Place and content of each, in the order of writing, up to the first that is not whole."""
        self.end = 0
        while (content := self._frame(self.end)) is not None:
            place, self.end = self.end, self.end + _HEAD.size + len(content)
            yield place, bytes(content)

    @property
    def torn(self) -> int:
        """Bytes behind the whole frames, once these were read."""
        return len(self._bytes) - self.end

    def _frame(self, start: int) -> memoryview | None:
        if len(self._bytes) < start + _HEAD.size:
            return None
        length, code = _HEAD.unpack_from(self._bytes, start)
        content = self._bytes[start + _HEAD.size : start + _HEAD.size + length]
        whole = 0 < length <= MAX_FRAME and len(content) == length and zlib.crc32(content) == code
        return content if whole else None


class Writer:
    """The end of one new file, in a folder that is made where it is missing.

    What is appended at the same time to a file of a lower ``rank`` is on the disk before.
    """

    def __init__(self, path: Path, rank: int = 0) -> None:
        self.rank = rank
        files.hold_no_link(path.parent.parent, path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND
        try:
            path.parent.mkdir(mode=files.PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._handle = os.open(path, flags, files.PRIVATE_FILE)
            files.sync(path.parent)
            files.sync(path.parent.parent)
        except OSError as e:
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


def read_at(handle: int, place: int) -> bytes:
    """The content of the frame at ``place`` of an open file; DataError if it is damaged."""
    length, code = _HEAD.unpack(os.pread(handle, _HEAD.size, place))
    content = os.pread(handle, length, place + _HEAD.size)
    if len(content) != length or zlib.crc32(content) != code:
        raise DataError(f"the frame at byte {place} of a stream is damaged; restore it")
    return content
