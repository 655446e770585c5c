"""The server as a process: killed and ended, sealed beside it, and its words."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from bandit.core.errors import BanditError
from bandit.core.framed import Frames
from bandit.service import refresh
from bandit.service.app import Service
from bandit.service.commit import Committer
from bandit.service.refresh import Refresher
from bandit.service.server import serve
from bandit.service.webhooks import Couriers
from bandit.workflows.inspect.status import status
from bandit.workflows.learn.learn import learn
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns

PEOPLE = campaigns.people(300)["customer_id"].to_list()
BANDIT = (sys.executable, "-m", "bandit")


class Server:
    """A running `bandit serve`."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [*BANDIT, "serve", str(folder), "--port", "0", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "NUMBA_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self.process.stderr is not None
        line = ""
        while "listening at" not in line:
            line = self.process.stderr.readline()
            assert line, "it ended before it listened"
        self.client = httpx.Client(timeout=20)
        self.url = re.search(r"http://\S+", line)[0]  # type: ignore[index] - the line has one

    def ask(self, request: str, customer: int) -> dict[str, Any] | None:
        """The answer, or None if there was none."""
        content = {
            "request_id": request, "customer": customer, "placements": [{"name": "home"}],
        }  # fmt: skip
        with suppress(httpx.TransportError):
            answer = self.client.post(f"{self.url}/v1/decisions", json=content)
            if answer.status_code == 200:
                return dict(answer.json())
        return None

    def end(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(15)


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    try:
        yield server
    finally:
        server.client.close()
        server.process.kill()
        server.process.communicate()


@pytest.mark.long
def test_killed_under_load_no_answer_is_lost_and_all_retries_are_equal(tmp_path: Path) -> None:
    """A kill, then a seal beside the running server, then an orderly end."""
    folder = campaigns.write(tmp_path / "c")
    answered: dict[str, dict[str, Any]] = {}
    with running(folder) as server, ThreadPoolExecutor(8) as pool:
        asks = [(f"k{customer}", customer) for customer in PEOPLE]
        waiting = [pool.submit(server.ask, *ask) for ask in asks]
        while sum(one.done() for one in waiting) < 40:
            time.sleep(0.01)
        server.end(signal.SIGKILL)
        for (request, _), one in zip(asks, waiting, strict=True):
            if (answer := one.result()) is not None:
                answered[request] = answer
    assert answered
    with running(folder) as server:
        for request, before in answered.items():
            again = server.ask(request, before["customer"])
            assert again == {**before, "replayed": True}
        server.ask("last", PEOPLE[-1])
        assert len(list((folder / "streams").glob("20*/*"))) == 2  # one a server, not one more
        done = subprocess.run(
            [*BANDIT, "seal", str(folder), "--json"], capture_output=True, text=True, check=True
        )
        sealed = json.loads(done.stdout)
        assert sum(w["customers"] for w in sealed["waves"]) >= len(answered)
        request, before = next(iter(answered.items()))
        assert server.ask(request, before["customer"]) == {**before, "replayed": True}
        start = time.monotonic()
        assert server.end(signal.SIGTERM) == 0
        assert time.monotonic() - start < 10
        assert server.process.stdout is not None
        assert json.loads(server.process.stdout.read())["decided"] >= len(answered)
    ids = [
        d
        for wave in sealed["waves"]
        for d in campaigns.decisions(folder, wave["wave"])["decision_id"].to_list()
    ]
    assert len(ids) == len(set(ids))
    told = {
        pick["decision_id"]
        for answer in answered.values()
        for placed in answer["placements"]
        for pick in placed["picks"]
    }
    assert told <= set(ids)


def test_ended_under_load_it_leaves_in_time_and_what_was_answered_is_on_the_disk(
    tmp_path: Path,
) -> None:
    folder = campaigns.write(tmp_path / "c")
    with running(folder) as server, ThreadPoolExecutor(8) as pool:
        loaded = Path(f"/proc/{server.process.pid}/maps")
        if loaded.exists():  # half of a second each, where they are installed
            assert not re.findall(r"/(pandas|scipy|polars)/", loaded.read_text())
        waiting = [pool.submit(server.ask, f"d{customer}", customer) for customer in PEOPLE]
        while sum(one.done() for one in waiting) < 40:
            time.sleep(0.01)
        start = time.monotonic()
        assert server.end(signal.SIGTERM) == 0
        assert time.monotonic() - start < 10
        answers = [answer for one in waiting if (answer := one.result()) is not None]
    (segment,) = (folder / "streams").glob("20*/*")
    read = Frames(segment)
    kept = [frames.decoded(content) for _, content in read]
    written = {f.request: json.loads(f.answer) for f in kept if isinstance(f, Decided)}
    assert len(answers) >= 40
    assert all(written[answer["request_id"]] == answer for answer in answers)
    assert read.torn == 0


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"host": "0.0.0.0"}, "give --keys FILE"),  # noqa: S104 - it is refused
        ({"host": "nowhere"}, "is no address"),
        ({"keys": Path("missing.toml")}, "--keys names a file of"),
    ],
)
def test_what_would_be_open_to_others_is_refused(how: dict[str, Any], told: str) -> None:
    with pytest.raises(BanditError, match=told):
        serve(Path("no-campaign"), say=print, **how)


@pytest.mark.long
def test_a_new_configuration_snapshot_and_wave_are_in_use_without_a_failed_request(
    tmp_path: Path,
) -> None:
    """Asked all the time, each time somebody else; outbound alone waits for the wave's contacts."""
    folder = campaigns.write(tmp_path / "c")
    serve_batch(folder, wave="w1", at=campaigns.MONDAY)
    people = iter(PEOPLE)
    with running(folder) as server:

        def until(holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
            for customer in people:
                answer = server.ask(f"u{customer}", customer)
                assert answer is not None
                if holds(answer):
                    return answer
                time.sleep(0.2)
            raise AssertionError("it never was in use")

        def offers(answer: dict[str, Any]) -> set[str | None]:
            return {pick["offer"] for placed in answer["placements"] for pick in placed["picks"]}

        first = until(bool)
        file = folder / "campaign.toml"
        file.write_text(file.read_text() + '[[offer]]\nname = "film"\npriority = 0\n')
        until(lambda a: "film" in offers(a))
        learn(folder, at=campaigns.MONDAY + dt.timedelta(days=30), no_events=True)
        newer = until(lambda a: a["snapshot"] > first["snapshot"])
        file.write_text("nothing of ours")
        time.sleep(1.5)
        assert until(bool)["snapshot"] == newer["snapshot"]
        assert server.end(signal.SIGTERM) == 0


@pytest.mark.long
def test_killed_while_events_come_each_is_decided_once_and_stands_in_the_outbox(
    tmp_path: Path,
) -> None:
    folder = campaigns.write(
        tmp_path / "c",
        more='\n[[trigger]]\nname = "basket"\nevent = "left"\ndelay_minutes = 0.02\n',
    )
    at = dt.datetime.now(dt.UTC).isoformat()
    rows = [{"event_id": f"e{c}", "event": "left", "customer": c, "at": at} for c in PEOPLE[:120]]

    def send(server: Server, row: dict[str, Any]) -> str | None:
        with suppress(httpx.TransportError):
            answer = server.client.post(f"{server.url}/v1/events", json=row)
            return str(answer.json()["fate"]) if answer.status_code == 200 else None
        return None

    def lines() -> list[dict[str, Any]]:
        paths = (folder / "outbox").glob("*/*.jsonl")
        return [json.loads(line) for p in paths for line in p.read_bytes().split(b"\n")[:-1]]

    with running(folder) as server, ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(send, server, row) for row in rows]
        while not lines():
            time.sleep(0.01)
        server.end(signal.SIGKILL)
        answered = [one.result() for one in waiting]
    with running(folder) as server:
        again = [send(server, row) for row in rows]
        for before, now in zip(answered, again, strict=True):
            assert before is None or now == "duplicate"
        while status(folder).waiting:
            time.sleep(0.05)
        assert server.end(signal.SIGTERM) == 0
    learn(folder, outcomes=None, no_events=True)
    made = {
        i
        for wave in (folder / "waves").iterdir()
        for frame in [campaigns.decisions(folder, wave.name)]
        for i in frame.filter(frame["action"] > 0)["decision_id"]
    }
    sent = [line["decision_id"] for line in lines()]
    assert len(set(sent)) == len(sent)
    withheld = {
        i
        for path in (folder / "waves").glob("*/withheld.parquet")
        for i in pl.read_parquet(path)["decision_id"]
    }
    assert made == set(sent) | withheld
    assert len({line["event_id"] for line in lines()}) == len(sent)


@pytest.mark.long
def test_a_stream_that_is_damaged_under_an_event_that_waits_ends_the_server(tmp_path: Path) -> None:
    """Else it would wait for ever, and nobody would know."""
    more = (
        '\n[[trigger]]\nname = "now"\nevent = "now"\n'
        '[[trigger]]\nname = "later"\nevent = "later"\ndelay_minutes = 0.03\n'
    )
    folder = campaigns.write(tmp_path / "c", more=more)
    with running(folder) as server:
        at = dt.datetime.now(dt.UTC).isoformat()
        for kind in ("now", "later"):
            row = {"event_id": kind, "event": kind, "customer": PEOPLE[0], "at": at}
            answer = server.client.post(f"{server.url}/v1/events", json=row)
            assert answer.status_code == 200
        assert answer.json()["fate"] == "waiting"
        (segment,) = (folder / "streams").glob("20*/*.log")
        content = bytearray(segment.read_bytes())
        content[-40] ^= 0xFF
        segment.write_bytes(content)
        assert server.process.wait(30) == 4
        assert server.process.stdout is not None
        assert "is damaged" in server.process.stdout.read()


def test_a_stream_that_is_damaged_under_a_request_is_named_to_it_and_ends_the_server(
    tmp_path: Path,
) -> None:
    folder = campaigns.write(tmp_path / "c", customers=30)
    with running(folder) as server:
        before = server.ask("a", 3)
        assert before is not None
        (segment,) = (folder / "streams").glob("20*/*.log")
        content = bytearray(segment.read_bytes())
        content[-40] ^= 1
        segment.write_bytes(content)
        asked = {"request_id": "a", "customer": 3, "placements": [{"name": "home"}]}
        answer = server.client.post(f"{server.url}/v1/decisions", json=asked)
        assert answer.status_code == 503
        assert f"{segment}: the frame at byte" in answer.json()["detail"]
        assert server.process.wait(15) == 4
    done = subprocess.run(
        [*BANDIT, "serve", str(folder), "--port", "0"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 4
    assert f"{segment}: the frame at byte" in done.stderr


@pytest.mark.parametrize(
    ("of", "method"),
    [(Refresher, "refresh"), (Couriers, "run"), (Service, "release"), (Committer, "_run")],
)
def test_a_task_beside_the_requests_that_dies_ends_the_server(tmp_path, monkeypatch, of, method):
    """It would go on with consents of yesterday, or leave answers waiting, and say nothing."""
    folder = campaigns.write(tmp_path / "c", customers=30)

    async def dies(*_: object) -> None:
        raise RuntimeError(method)

    monkeypatch.setattr(of, method, dies)
    with pytest.raises(RuntimeError, match=method):
        serve(folder, port=0, say=lambda _: None)


def test_a_generation_that_dies_of_a_defect_ends_the_server(tmp_path, monkeypatch):
    folder = campaigns.write(tmp_path / "c", customers=30)
    toml = folder / "campaign.toml"

    def dies(*_: object) -> None:
        raise RuntimeError("no generation")

    def listening(_: str) -> None:
        monkeypatch.setattr(refresh, "_make", dies)
        toml.write_text(toml.read_text() + "\n")

    with pytest.raises(RuntimeError, match="no generation"):
        serve(folder, port=0, say=listening)
