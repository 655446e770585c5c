"""A decision asked for in one piece goes past the framework, and is answered as any other."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn

from bandit.service.app import Service, app
from bandit.service.commit import Committer
from bandit.service.keys import Key
from bandit.service.protocol import Bounded
from bandit.workflows.live.settle import arrivals
from tests import campaigns
from tests.lives import Live
from tests.service.test_app import PEOPLE, WRONG, written

Say = Callable[[int, Service], Awaitable[None]]
OPENS = "a key of the shop"
KEYS = (Key("shop", hashlib.sha256(OPENS.encode()).hexdigest(), ("decide",)),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return campaigns.write(tmp_path / "c")


def served(folder: Path, say: Say, keys: tuple[Key, ...] = ()) -> None:
    """Say something to a server at a port."""

    async def run(live: Live) -> None:
        committer = Committer(live.desk)
        service = Service(arrivals(live.campaign, live.desk), committer, keys)
        service.ready = True
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            app(service), http=Bounded, ws="none", lifespan="off", log_level="critical"
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        await say(listening.getsockname()[1], service)
        server.should_exit = True
        await running
        await committer.close()
        assert service.waiting == 0

    with ExitStack() as stack:
        asyncio.run(run(Live(folder, stack)))


def request(content: bytes, *headers: str, version: str = "1.1") -> bytes:
    lines = [f"POST /v1/decisions HTTP/{version}", "host: l", f"content-length: {len(content)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + content


def body(customer: int, request_id: str, *, dry_run: bool = False) -> bytes:
    return json.dumps({
        "request_id": request_id, "customer": customer, "placements": [{"name": "home"}],
        "dry_run": dry_run,
    }).encode()  # fmt: skip


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head, but for the date, and body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    return re.sub(rb"date: [^\r]*\r\n", b"", head), await reader.readexactly(int(length[1]))


async def asked(port: int, sent: bytes, *, at: int = 0) -> tuple[bytes, bytes]:
    """The answer to a request in one piece, or in two."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if at:
        writer.write(sent[:at])
        await writer.drain()
        await asyncio.sleep(0.02)
    writer.write(sent[at:])
    try:
        return await answer(reader)
    finally:
        writer.close()


def timeless(found: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    return found[0], re.sub(rb'"decided_at":"[^"]*"', b"", found[1])


def test_in_one_piece_and_in_two_the_answers_are_the_same(folder: Path) -> None:
    contents = [content for content, _, _ in WRONG]
    contents += [body(customer, "t", dry_run=True) for customer in PEOPLE[:5]]

    async def say(port: int, _: Service) -> None:
        for headers in ((), ("connection: close",), (f"authorization: Bearer {OPENS}",)):
            for content in contents:
                sent = request(content, *headers)
                whole, parts = await asked(port, sent), await asked(port, sent, at=len(sent) - 1)
                assert timeless(whole) == timeless(parts), sent[:200]

    served(folder, say)
    served(folder, say, KEYS)


def test_what_is_asked_past_the_framework_is_behind_keys_and_readiness(folder: Path) -> None:
    sent = body(PEOPLE[0], "k1")

    async def say(port: int, service: Service) -> None:
        for key, status in ((None, b"401"), ("other", b"401"), (OPENS, b"200")):
            headers = [] if key is None else [f"Authorization: Bearer {key}"]
            head, _ = await asked(port, request(sent, *headers))
            assert head.split()[1] == status
        service.ready = False
        head, _ = await asked(port, request(sent, f"authorization: bearer {OPENS}"))
        assert head.split()[1] == b"503"
        assert b"retry-after" in head
        assert b'status="401"} 2.0' in service.metrics.text()

    served(folder, say, KEYS)
    assert set(written(folder)) == {"k1"}


def test_requests_in_one_piece_are_answered_in_their_order(folder: Path) -> None:
    sent = b"".join(request(body(c, f"p{c}")) for c in PEOPLE[:6])
    sent += b"GET /livez HTTP/1.1\r\nhost: l\r\n\r\n" + request(b"{") + request(body(1, "x"))

    async def say(port: int, _: Service) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        for customer in PEOPLE[:6]:
            assert json.loads((await answer(reader))[1])["request_id"] == f"p{customer}"
        assert (await answer(reader))[1] == b"alive\n"
        assert b" 400 " in (await answer(reader))[0]
        await answer(reader)
        writer.close()

    served(folder, say)


@pytest.mark.parametrize(
    ("version", "headers", "closes"),
    [("1.1", (), False), ("1.1", ("connection: close",), True), ("1.0", (), True)],
)
def test_a_connection_is_kept_as_long_as_its_client_wants(
    folder: Path, version: str, headers: tuple[str, ...], closes: bool
) -> None:
    async def say(port: int, _: Service) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(body(PEOPLE[0], "c"), *headers, version=version))
        head, _ = await answer(reader)
        assert (b"connection: close" in head) == closes
        if closes:
            assert await reader.read() == b""
        else:
            writer.write(request(body(PEOPLE[0], "c")))
            assert b'"replayed":true' in (await answer(reader))[1]
        writer.close()

    served(folder, say)


def test_who_goes_away_leaves_nothing_behind(folder: Path) -> None:
    async def say(port: int, _: Service) -> None:
        for customer in PEOPLE[:20]:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(body(customer, f"g{customer}")))
            await writer.drain()
            writer.transport.abort()
        head, _ = await asked(port, request(body(PEOPLE[30], "g")))
        assert b"200 OK" in head

    served(folder, say)


def test_a_defect_is_told_and_the_next_is_answered(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say(port: int, service: Service) -> None:
        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(service.desk, "decide_all", broken)
            head, told = await asked(port, request(body(PEOPLE[0], "b")))
            assert b" 500 " in head
            assert b"ZeroDivisionError" in told
        assert b" 200 " in (await asked(port, request(body(PEOPLE[0], "b"))))[0]

    served(folder, say)


def test_past_its_deadline_a_list_is_the_rules_and_a_wrong_deadline_is_told(folder: Path) -> None:
    async def say(port: int, _: Service) -> None:
        for n, at in enumerate((0, 30)):
            sent = request(body(PEOPLE[n], f"l{n}"), "Deadline-Ms: 0")
            told = json.loads((await asked(port, sent, at=at))[1])
            assert {p["group"] for p in told["placements"][0]["picks"]} == {"fallback"}
            sent = request(body(PEOPLE[n + 10], f"w{n}"), "Deadline-Ms: 60000")
            told = json.loads((await asked(port, sent, at=at))[1])
            assert all(p["propensity"] > 0 for p in told["placements"][0]["picks"])
            for wrong in ("-1", "soon", "1.5", "1234567", ""):
                sent = request(body(PEOPLE[n + 20], f"x{n}"), f"Deadline-Ms: {wrong}")
                assert b" 400 " in (await asked(port, sent, at=at))[0]

    served(folder, say)
    assert {r: f.fallback for r, f in written(folder).items()} == {
        "l0": True, "w0": False, "l1": True, "w1": False,
    }  # fmt: skip
