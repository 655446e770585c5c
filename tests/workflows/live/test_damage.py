"""A bit that flips in any of our logs has a name, and never costs what was answered."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bandit.config import campaign_file
from bandit.core.errors import DataError
from bandit.core.framed import Frames
from bandit.core.types import SILENT
from bandit.record import streams
from bandit.record.events import Event
from bandit.workflows.inspect.status import status
from bandit.workflows.learn.learn import learn
from bandit.workflows.live import trigger as workflow
from bandit.workflows.live.requests import Asked, WantedPlacement
from bandit.workflows.live.seal import seal
from bandit.workflows.live.trigger import trigger
from bandit.workflows.live.writing import write
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns, triggers
from tests.campaigns import MONDAY
from tests.lives import NOON, Live
from tests.triggers import outbox

PEOPLE = campaigns.people(300)["customer_id"].to_list()
KINDS = ("stream", "events", "refusals")


def run(folder: Path, people: list[int]) -> None:
    """A process that decides, at events too, and hears refusals; each of its logs gets a file."""
    with ExitStack() as stack:
        campaign = campaign_file.load(folder)
        stack.enter_context(streams.held(campaign.folder, "serve"))
        arrivals = workflow.opened(stack, campaign, lambda: NOON, SILENT)
        desk = arrivals.desk
        for customer in people:
            asked = Asked(f"r{customer}", customer, [WantedPlacement("home", 1)])
            desk.decide(asked)
            arrivals.take(
                Event(f"e{customer}", "basket_left", customer, int(NOON.timestamp()) * 10**6)
            )
            desk.refuse(customer, "sms")
        write(desk.pending)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two processes, one after the other."""
    folder = triggers.write(tmp_path_factory.mktemp("ran") / "c")
    run(folder, PEOPLE[:8])
    run(folder, PEOPLE[8:16])
    return folder


def logs(folder: Path, kind: str) -> list[Path]:
    """The files of a log, the oldest first."""
    if kind == "stream":
        return [segment.path for segment in streams.segments(folder)]
    return sorted((folder / "streams" / kind).glob("*.log"))


def next_run(folder: Path) -> None:
    with ExitStack() as stack:
        Live(folder, stack)


NEEDED: dict[str, dict[str, Callable[[Path], object]]] = {
    "stream": {"the next run": next_run, "seal": seal, "learn": learn},
    "events": {
        "trigger": lambda folder: trigger(folder, now=lambda: NOON),
        "seal": seal,
        "status": status,
        "export-customer": lambda folder: export_customer(folder, customer=str(PEOPLE[0])),
        "forget": lambda folder: forget(folder, customers=[str(PEOPLE[0])]),
    },
    "refusals": {
        "the next run": next_run,
        "serve-batch": lambda folder: serve_batch(folder, wave="w", at=MONDAY),
    },
}
"""Who reads a log."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("frame", [0, 3, -1])
def test_a_bit_that_flips_is_named_by_whoever_reads_the_log(
    tmp_path: Path, ran: Path, kind: str, number: int, frame: int
) -> None:
    """First, middle and last frame of the first and the last file."""
    for name, command in NEEDED[kind].items():
        folder = shutil.copytree(ran, tmp_path / name)
        path = logs(folder, kind)[number]
        place, content = list(Frames(path))[frame]
        damaged = bytearray(path.read_bytes())
        damaged[place + 8 + len(content) // 2] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=f"the frame at byte {place} is damaged") as told:
            command(folder)
        assert str(path) in str(told.value)
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_last_file_can_end_torn_and_it_is_cut_for_good(
    tmp_path: Path, ran: Path, kind: str
) -> None:
    command = next(iter(NEEDED[kind].values()))
    for number in (0, 1):
        folder = shutil.copytree(ran, tmp_path / str(number))
        path = logs(folder, kind)[number]
        whole = list(Frames(path))
        path.write_bytes(path.read_bytes()[:-3])
        if number == 0:
            with pytest.raises(DataError, match="is not whole, and what was written later"):
                command(folder)
            continue
        command(folder)
        command(folder)
        if path.exists():  # the events' log is written anew
            assert list(Frames(path)) == whole[:-1]


def test_a_run_that_died_between_two_segments_left_at_most_these_torn(
    tmp_path: Path, ran: Path
) -> None:
    """The head of the next is on the disk before the last frames of the one before it are."""
    folder = shutil.copytree(ran, tmp_path / "c")
    first, second = logs(folder, "stream")
    head = next(iter(Frames(second)))[1]
    first.write_bytes(first.read_bytes()[:-3])
    second.write_bytes(second.read_bytes()[: 8 + len(head)])
    with ExitStack() as stack:
        notes = Live(folder, stack).book.notes
    assert any(str(first) in note for note in notes)
    assert not seal(folder).notes


def test_no_second_contact_follows_a_bit_that_flips(tmp_path: Path, ran: Path) -> None:
    """The events are delivered again: those that were forgotten would be decided once more."""
    folder = shutil.copytree(ran, tmp_path / "c")
    before = outbox(folder)
    path = logs(folder, "events")[0]
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    again = [triggers.event(customer, customer) for customer in PEOPLE[:16]]
    with pytest.raises(DataError, match="is damaged"):
        trigger(folder, events=triggers.file(tmp_path / "e.jsonl", again), now=lambda: NOON)
    assert outbox(folder) == before
