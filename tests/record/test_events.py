"""What is remembered of events: the last word, for as long as it matters, whole up to a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.core.errors import DataError
from bandit.core.framed import Writer, framed
from bandit.record import events
from bandit.record.events import CONTACTED, WAITING, WITHHELD, Event, Heard, Memory


def heard(number: int, at: int, fate: str = CONTACTED, customer: int = 7) -> Heard:
    return Heard(Event(f"e{number}", "left", customer, at), "basket", at + 10, at + 20, fate)


def write(folder: Path, *said: Heard | int) -> Path:
    log = Writer(events.next_file(folder))
    log.append([events.frame(one) for one in said])
    log.close()
    return events.logs(folder)[-1]


def test_the_last_word_on_an_event_holds_over_files(tmp_path: Path) -> None:
    write(tmp_path, heard(1, 100, WAITING), heard(2, 100, WAITING))
    write(tmp_path, heard(1, 100))
    memory = events.read(tmp_path)
    assert list(memory.waiting) == ["e2"]
    assert [one.event.event_id for one in memory.due(110)] == ["e2"]
    assert memory.due(110) == []


def test_those_that_wait_come_in_the_order_of_their_time() -> None:
    memory = Memory()
    for number, at in enumerate((30, 10, 20, 10)):
        memory.add(heard(number, at, WAITING))
    assert memory.due(19) == []
    assert [one.event.event_id for one in memory.due(35, most=2)] == ["e1", "e3"]
    assert [one.event.event_id for one in memory.due(35)] == ["e2"]


def test_quiet_looks_both_ways_and_at_decisions_alone() -> None:
    memory = Memory()
    memory.add(heard(1, 100))
    memory.add(heard(2, 500, "quiet"))
    event = heard(3, 0).event
    near = [memory.quiet("basket", event._replace(at=at), 50) for at in (50, 51, 149, 150, 500)]
    assert near == [False, True, True, False, False]
    assert not memory.quiet("other", event._replace(at=100), 50)
    assert not memory.quiet("basket", event._replace(at=100, customer=8), 50)


def test_before_the_horizon_only_what_waits_or_was_withheld_is_kept(tmp_path: Path) -> None:
    write(
        tmp_path, heard(1, 100), heard(2, 100, WAITING), heard(3, 100, WITHHELD), heard(4, 300),
        heard(5, 100, WAITING), heard(5, 100),
    )  # fmt: skip
    memory = events.anew(tmp_path, 200)
    again = events.read(tmp_path)
    for one in (memory, again):
        assert one.horizon == 200
        assert [i for i in range(1, 6) if one.knows(f"e{i}")] == [2, 3, 4]
        assert one.withheld == {"e3"}
    assert len(events.logs(tmp_path)) == 1
    assert events.anew(tmp_path, 50).horizon == 200  # it never goes back
    again.forget_before(400)
    assert [i for i in range(1, 6) if again.knows(f"e{i}")] == [2]
    assert not again.quiet("basket", heard(9, 300).event, 50)


def test_a_torn_end_is_passed_over_and_what_is_none_of_ours_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, heard(1, 100), heard(2, 100))
    whole = path.read_bytes()
    for end in (len(whole) - 1, len(whole) // 2 + 3):
        path.write_bytes(whole[:end])
        memory = events.read(tmp_path)
        assert memory.knows("e1")
        assert not memory.knows("e2")
    for content in (b"[]", b"{}", b"\xff", b'["a", "b"]', b"null"):
        path.write_bytes(framed(content))
        with pytest.raises(DataError, match="the frame at byte 0 is none of ours"):
            events.read(tmp_path)


def test_another_event_under_the_same_id_is_told_apart() -> None:
    memory = Memory()
    memory.add(heard(1, 100))
    event = heard(1, 100).event
    assert not memory.is_other(event)
    assert memory.is_other(event._replace(at=101))
    assert memory.is_other(event._replace(customer=8))
    assert memory.is_other(event._replace(event="Left"))
