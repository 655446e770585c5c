"""Connections of clients that never finish: they are let go, and nobody else waits for them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from bandit.service import protocol
from bandit.service.protocol import MOST_HEAD, Bounded

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RIGHT = b"POST / HTTP/1.1\r\nhost: l\r\ncontent-length: 2\r\n\r\n{}"


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """Say how long the body was, once it is there."""
    del scope
    body, more = b"", True
    while more:
        part = await receive()
        if part["type"] == "http.disconnect":
            return
        body, more = body + part.get("body", b""), part.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(body)).encode()})


def serving(say: Callable[[int], Awaitable[None]], keep: int = 5) -> None:
    """Say something to a server at a port, which keeps resting connections for so many seconds."""

    async def run() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            told, http=Bounded, ws="none", lifespan="off", log_level="error",
            timeout_keep_alive=keep,
        )  # fmt: skip
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        await say(listening.getsockname()[1])
        server.should_exit = True
        await running

    asyncio.run(run())


@pytest.mark.parametrize(
    "begun", [b"", b"POS", RIGHT[:-30], RIGHT[:-2], RIGHT[:-1], RIGHT + b"POST", b"\x00\xff"]
)
def test_a_request_that_is_never_whole_is_let_go(
    monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(protocol, "LATE_SECONDS", 0.2)

    async def say(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        answer = await reader.read()  # to the end: the server closes
        assert answer.count(b"200 OK") == begun.startswith(RIGHT)
        writer.close()

    serving(say)


def test_a_kept_connection_may_rest_between_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LATE_SECONDS", 0.1)

    async def say(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(RIGHT[:-1])
            await writer.drain()
            writer.write(RIGHT[-1:])
            assert b"200 OK" in await reader.readuntil(b"0\r\n\r\n")
            await asyncio.sleep(0.3)
        writer.close()

    serving(say)


def test_a_head_without_an_end_is_cut_off() -> None:
    async def say(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\n")
        sent = 0
        while sent < 100 * MOST_HEAD and not reader.at_eof():
            writer.write(b"x: " + b"y" * 5000 + b"\r\n")
            sent += 5005
            try:
                await writer.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0)
        assert sent < 100 * MOST_HEAD
        writer.close()

    serving(say)


def test_a_connection_that_rests_too_long_is_closed_and_one_that_asks_is_kept() -> None:
    async def say(port: int) -> None:
        resting, its = await asyncio.open_connection("127.0.0.1", port)
        its.write(RIGHT)
        assert b"200 OK" in await resting.readuntil(b"0\r\n\r\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(4):
            writer.write(RIGHT)
            assert b"200 OK" in await reader.readuntil(b"0\r\n\r\n")
            await asyncio.sleep(0.6)
        assert await asyncio.wait_for(resting.read(), 5) == b""
        its.close()
        writer.close()

    serving(say, keep=1)
