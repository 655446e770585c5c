"""HTTP as uvicorn speaks it, to clients that may be slow on purpose."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bandit.service.body import SLOWEST_SECONDS
from bandit.workflows.live.delivered import MOST_BYTES

LATE_SECONDS = SLOWEST_SECONDS + 2
"""A request that is not whole by then is let go; until then a slow body is told what is wrong."""
MOST_HEAD = MOST_BYTES + (16 << 10)
"""Bytes read before a head is whole: one may follow another request's body in one piece."""


class Bounded(HttpToolsProtocol):
    """Closes a connection whose request is late, or whose head is too large to be one."""

    _late: asyncio.TimerHandle | None = None
    _in_head = _in_request = True
    _head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; whoever has sent a part of a request must send the rest in time."""
        super().data_received(data)
        if not self._in_request:
            return
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
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole."""
        self._in_request = False
        self._came()
        super().on_message_complete()

    def _wait(self) -> None:
        if self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(LATE_SECONDS, self.transport.close)

    def _came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
