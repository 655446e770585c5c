"""HTTP as uvicorn speaks it, to clients that may be slow on purpose."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bandit.service.body import SLOWEST_SECONDS
from bandit.service.direct import Direct
from bandit.workflows.live.delivered import MOST_BYTES

LATE_SECONDS = SLOWEST_SECONDS + 2
"""A request that is not whole by then is let go; until then a slow body is told what is wrong."""
MOST_HEAD = MOST_BYTES + (16 << 10)
"""Bytes read before a head is whole: one may follow another request's body in one piece."""


_NOBODYS = asyncio.Event()
"""What nobody waits for."""


class _Asked:
    """A request for the direct route in the place of uvicorn's cycle, with what is asked of one.

    It stands for one that came in one piece, on a connection where nothing else is being answered.
    """

    def __init__(self, protocol: Bounded, *, keep_alive: bool) -> None:
        self._protocol, self.keep_alive = protocol, keep_alive
        self.message_event = _NOBODYS
        self.response_complete = self.disconnected = False

    def respond(self, response: Response) -> None:
        """Write the answer, once."""
        if not (self.response_complete or self.disconnected):
            self.response_complete = True
            self._protocol.write(response, keep_alive=self.keep_alive)


class Bounded(HttpToolsProtocol):
    """Closes a connection whose request is late, or whose head is too large to be one.

    Of a `Direct` application it hands over the requests of one route itself.
    """

    _late: asyncio.TimerHandle | None = None
    _resting: asyncio.TimerHandle | None = None
    _rests_since = 0.0
    _in_head = _in_request = True
    _head = 0
    _direct: Direct | None = None
    _body: list[bytes] | None = None
    """The body as far as it has come, of a request that may be handed over; else None."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        if isinstance(self.app, Direct):
            self._direct = self.app

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._came()
        if self._resting is not None:
            self._resting.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; whoever has sent a part of a request must send the rest in time."""
        super().data_received(data)
        if not self._in_request:
            return
        if self._body is not None:  # not in one piece
            self._as_any_other(self._body)
        self._wait()
        if self._in_head:
            self._head += len(data)
            if self._head > MOST_HEAD:
                self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = self._in_request = True
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_head = False
        if self._is_direct():
            self._body = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body."""
        if self._body is None:
            super().on_body(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """It is whole."""
        self._in_request = False
        self._came()
        if self._body is None or self._direct is None:
            super().on_message_complete()
            return
        body, self._body = b"".join(self._body), None
        kept = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        asked = _Asked(self, keep_alive=kept)
        self.cycle = cast(Any, asked)
        self._direct.ask(self.headers, body, asked.respond)

    def on_response_complete(self) -> None:
        """Let the connection rest: one timer for all of its requests, for each costs as much."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._rests_since = self.loop.time()
        if self._resting is None:
            self._resting = self.loop.call_later(self.timeout_keep_alive, self._rested)

    def write(self, response: Response, *, keep_alive: bool) -> None:
        """Answer the request that was handed over."""
        headers = [*self.server_state.default_headers, *response.raw_headers]
        if (b"connection", b"close") in headers:
            keep_alive = False
        elif not keep_alive:
            headers.append((b"connection", b"close"))
        parts = [STATUS_LINE[response.status_code]]
        for name, value in headers:
            parts += name, b": ", value, b"\r\n"
        self.transport.write(b"".join((*parts, b"\r\n", response.body)))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _rested(self) -> None:
        """Close a connection on which nothing was asked for long enough."""
        self._resting = None
        left = self._rests_since + self.timeout_keep_alive - self.loop.time()
        if self._in_request or not (self.cycle is None or self.cycle.response_complete):
            left = self.timeout_keep_alive
        if left > 0.0:
            self._resting = self.loop.call_later(left, self._rested)
        else:
            self.timeout_keep_alive_handler()

    def _is_direct(self) -> bool:
        """Whether a request whose head is there may be handed over, if its body is too."""
        return (
            self._direct is not None
            and self.url == self._direct.path
            and self.parser.get_method() == b"POST"
            and not (self.expect_100_continue or self.parser.should_upgrade())
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
        )

    def _as_any_other(self, body: list[bytes]) -> None:
        """Let the framework wait for the rest of a request."""
        self._body = None
        super().on_headers_complete()
        for part in body:
            super().on_body(part)

    def _wait(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(LATE_SECONDS, self.transport.close)

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
