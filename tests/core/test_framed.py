"""Files of frames: what a run that died leaves is a torn end; all else is damage, with a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.core.errors import DataError
from bandit.core.framed import (
    MAX_FRAME,
    Frames,
    Writer,
    framed,
    holds_more_than_one,
    mended,
    read_at,
)

CONTENTS = [b'["a", 1]', b"\x93\xa4used\x00\x00", b"x" * 300, b'{"customer": 17}']
WHOLE = b"".join(map(framed, CONTENTS))


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read(path: Path, *, may_be_torn: bool = True) -> list[bytes]:
    return [content for _, content in Frames(path, may_be_torn=may_be_torn)]


def test_a_file_that_ends_anywhere_is_torn_there_and_mended(tmp_path: Path) -> None:
    starts = [sum(len(framed(c)) for c in CONTENTS[:n]) for n in range(len(CONTENTS) + 1)]
    for end in range(len(WHOLE)):
        path = written(tmp_path / "1.log", WHOLE[:end])
        whole = sum(start <= end for start in starts[1:])
        assert read(path) == CONTENTS[:whole]
        notes = mended([path])
        assert path.stat().st_size == starts[whole]
        assert len(notes) == (end != starts[whole])
        assert all(f"{path}: the last {end - starts[whole]} bytes" in note for note in notes)
        assert mended([path]) == []


def test_a_file_that_others_follow_must_be_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "1.log", WHOLE[:-3])
    at = len(WHOLE) - len(framed(CONTENTS[-1]))
    with pytest.raises(DataError, match=rf"1\.log: the frame at byte {at} is not whole, and"):
        read(path, may_be_torn=False)


def test_every_bit_that_flips_is_named_wherever_it_stands(tmp_path: Path) -> None:
    """In lengths, codes and contents, of the last frame too: none is taken for a torn end."""
    for bit in range(8 * len(WHOLE)):
        damaged = bytearray(WHOLE)
        damaged[bit // 8] ^= 1 << bit % 8
        path = written(tmp_path / "1.log", bytes(damaged))
        with pytest.raises(DataError, match=r"1\.log: the frame at byte \d+ is damaged"):
            read(path)


def test_a_stretch_that_was_lost_is_named_with_what_follows(tmp_path: Path) -> None:
    second = len(framed(CONTENTS[0]))
    third = second + len(framed(CONTENTS[1]))
    for lost in (bytes(third - second), b""):
        path = written(tmp_path / "1.log", WHOLE[:second] + lost + WHOLE[third:])
        if lost:
            with pytest.raises(DataError, match=f"at byte {second} .* from byte {third} on"):
                read(path)
        else:  # whole frames, of which one is gone, are no affair of the file's form
            assert read(path) == [c for c in CONTENTS if c != CONTENTS[1]]


@pytest.mark.parametrize("kept", [0, 3, 8, 20])
def test_an_end_that_a_disk_without_power_never_wrote_is_torn(tmp_path: Path, kept: int) -> None:
    """Its length was written, its content was not: zeros."""
    path = written(tmp_path / "1.log", WHOLE + framed(b"y" * 50)[:kept] + bytes(58 - kept))
    assert read(path) == CONTENTS
    assert len(mended([path])) == 1
    assert path.read_bytes() == WHOLE


def test_what_follows_far_behind_is_found(tmp_path: Path) -> None:
    far = bytes(3 << 20)
    path = written(tmp_path / "1.log", WHOLE + far + WHOLE)
    with pytest.raises(DataError, match=f"from byte {len(WHOLE) + len(far)} on"):
        read(path)


def test_a_frame_is_read_where_it_stands_or_named(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "1.log"
    log = Writer(path)
    log.append(list(map(framed, CONTENTS)))
    log.close()
    with path.open("rb") as file:
        assert read_at(file.fileno(), 0, path) == CONTENTS[0]
        for place in (1, len(WHOLE) - 2, len(WHOLE), MAX_FRAME):
            with pytest.raises(DataError, match=rf"1\.log: the frame at byte {place} is damaged"):
                read_at(file.fileno(), place, path)


def test_whether_anything_was_begun_behind_the_first_frame(tmp_path: Path) -> None:
    first = framed(CONTENTS[0])
    for content, more in ((b"", 0), (first[:5], 0), (first, 0), (first + b"\x01", 1), (WHOLE, 1)):
        assert holds_more_than_one(written(tmp_path / "1.log", content)) == bool(more)
