"""Contacts reach their webhook at least once, under one id, and none that is forbidden by then."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.core.types import SILENT
from bandit.record.events import Event
from bandit.service import webhooks
from bandit.service.metrics import Metrics
from bandit.workflows.live import trigger as workflow
from bandit.workflows.live.arrivals import Arrivals
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.sending import Queue
from bandit.workflows.live.writing import write
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.start.check import check
from tests import campaigns, triggers
from tests.lives import NOON
from tests.triggers import outbox

PEOPLE = campaigns.people(300)["customer_id"].to_list()[:40]


class Receiver(ThreadingHTTPServer):
    """Answers with ``answers`` in turn, then 200; ``got`` is what it was sent."""

    def __init__(self, *answers: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/send"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), json.loads(body)))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(status)
        self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    with Receiver(*answers) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def campaign(folder: Path, url: str, *, token: bool = False) -> Path:
    more = f'\n[webhooks.email]\nurl = "{url}"\n'
    return triggers.write(folder, more=more + ('token_variable = "A_TOKEN"\n' if token else ""))


@contextmanager
def desk_of(folder: Path, minutes: float = 0.0) -> Iterator[Arrivals]:
    with ExitStack() as stack:
        clock = lambda: NOON + dt.timedelta(minutes=minutes)  # noqa: E731 - a clock that stands
        yield workflow.opened(stack, campaign_file.load(folder), clock, SILENT)


def contacts(arrivals: Arrivals) -> list[dict[str, Any]]:
    """Decide at events of everybody; the e-mail lines."""
    at = int(NOON.timestamp() * 1e6)
    for customer in PEOPLE:
        arrivals.take(Event(f"e{customer}", "basket_left", customer, at))
    write(arrivals.desk.pending)
    arrivals.desk.pending.clear()
    folder = arrivals.desk.generation.wave.run.campaign.folder
    return [line for line in outbox(folder) if line["channel"] == "email"]


def sent(desk: Desk, said: list[str], metrics: Metrics | None = None) -> None:
    """Send until nothing is left to be sent."""
    folder = desk.generation.wave.run.campaign.folder
    counting = metrics or Metrics()
    left = Queue(folder, "email").left()

    def counted() -> float:
        (found,) = counting.sent.collect()
        return sum(one.value for one in found.samples if one.name.endswith("_total"))

    async def run() -> None:
        couriers = webhooks.Couriers(desk, counting, said.append)
        task = asyncio.create_task(couriers.run())
        while counted() < left:
            await asyncio.sleep(0.02)
        assert Queue(folder, "email").left() == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_LOOK_SECONDS", 0.01)


def test_each_contact_is_sent_once_with_its_id_and_again_until_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", "secret")
    with receiving(503, 500, 302, 401, 429) as receiver:
        folder = campaign(tmp_path / "c", receiver.url, token=True)
        said: list[str] = []
        with desk_of(folder) as arrivals:
            lines = contacts(arrivals)
            sent(arrivals.desk, said)
            sent(arrivals.desk, said)
        assert len(lines) > 10
        assert [body for _, body in receiver.got[5:]] == lines
        assert {body["decision_id"] for _, body in receiver.got[:6]} == {lines[0]["decision_id"]}
        for headers, body in receiver.got:
            assert headers["Idempotency-Key"] == body["decision_id"]
            assert headers["Authorization"] == "Bearer secret"
        assert [line.split("answers ")[1][:3] for line in said] == [
            "503",
            "500",
            "302",
            "401",
            "429",
        ]
        assert not any("secret" in line for line in said)
    with desk_of(folder) as arrivals:  # another process sends nothing again
        sent(arrivals.desk, said)


def test_what_a_receiver_refuses_is_not_sent_again_and_counted(tmp_path: Path) -> None:
    with receiving(400, 422) as receiver:
        folder = campaign(tmp_path / "c", receiver.url)
        metrics = Metrics()
        with desk_of(folder) as arrivals:
            lines = contacts(arrivals)
            sent(arrivals.desk, [], metrics)
        assert [body for _, body in receiver.got] == lines
    told = metrics.text().decode()
    assert 'bandit_webhook_total{channel="email",fate="refused"} 2.0' in told
    assert f'fate="sent"}} {len(lines) - 2}.0' in told


@pytest.mark.parametrize("why", ["late", "refused live", "gone"])
def test_what_may_not_go_any_more_is_not_sent(tmp_path: Path, why: str) -> None:
    with receiving() as receiver:
        folder = campaign(tmp_path / "c", receiver.url)
        with desk_of(folder) as arrivals:
            lines = contacts(arrivals)
        if why == "gone":
            campaigns.write_customers(folder, campaigns.people(300)[40:])
        metrics = Metrics()
        with desk_of(folder, minutes=61 if why == "late" else 1) as arrivals:
            if why == "refused live":
                for customer in PEOPLE:
                    arrivals.desk.refuse(customer, "email")
            sent(arrivals.desk, [], metrics)
        assert receiver.got == []
        fate = "expired" if why == "late" else "withheld"
        assert f'fate="{fate}"}} {len(lines)}.0' in metrics.text().decode()


def test_a_kill_before_the_mark_sends_again_under_the_same_id(tmp_path: Path) -> None:
    with receiving() as receiver:
        folder = campaign(tmp_path / "c", receiver.url)
        with desk_of(folder) as arrivals:
            lines = contacts(arrivals)
            sent(arrivals.desk, [])
            marks = next((folder / "outbox" / "email").glob("*.sent.jsonl"))
            whole = marks.read_bytes()
            marks.write_bytes(whole[:-20])  # the last mark is torn
            sent(arrivals.desk, [])
        assert receiver.got[-1][1] == lines[-1]
        assert len(receiver.got) == len(lines) + 1
        assert marks.read_bytes() == whole


def test_a_line_that_stands_twice_is_sent_once_and_a_strange_one_stops_the_channel(
    tmp_path: Path,
) -> None:
    with receiving() as receiver:
        folder = campaign(tmp_path / "c", receiver.url)
        with desk_of(folder) as arrivals:
            lines = contacts(arrivals)
            (box,) = (folder / "outbox" / "email").glob("*.jsonl")
            whole = box.read_bytes()
            box.write_bytes(whole + whole)
            sent(arrivals.desk, [])
            assert [body for _, body in receiver.got] == lines
            box.write_bytes(whole + b'{"decision_id": "x"}\n')
            with pytest.raises(Exception, match="was not written here"):
                Queue(folder, "email").left()


def test_marks_of_a_person_are_exported_and_forgotten(tmp_path: Path) -> None:
    with receiving() as receiver:
        folder = campaign(tmp_path / "c", receiver.url)
        with desk_of(folder) as arrivals:
            lines = contacts(arrivals)
            sent(arrivals.desk, [])
    who = str(lines[0]["customer"])
    held = export_customer(folder, customer=who).lists
    assert [row.get("fate") for row in held] == [None, "sent"]
    assert forget(folder, customers=[who]).listed == 2
    for content in campaigns.bytes_of(folder / "outbox").values():
        assert f'"customer":{who},'.encode() not in content.replace(b" ", b"")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[webhooks.email]\nurl = "file:///etc/passwd"', "is no address; write https://host/path"),
        ('[webhooks.email]\nurl = "https://a:b@host/"', "a password does not belong here"),
        ('[webhooks.email]\nurl = "https:///send"', "is no address"),
        ('[webhooks.email]\nurl = "http://host:99999/"', "is no address"),
        ('[webhooks.email]\nurl = "http://host/"\ntoken = "x"', "unknown key"),
        ('[webhooks.mail]\nurl = "http://host/"', "webhooks.mail is of no outbound channel"),
        ('[webhooks."../x"]\nurl = "http://host/"', "webhooks.../x"),
    ],
)
def test_what_is_wrong_in_a_webhook_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(triggers.write(tmp_path / "c", more=f"\n{text}\n"))
    assert told in str(error.value)
