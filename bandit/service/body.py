"""Bodies as they come in: bounded in size and in time."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

from bandit.workflows.live.delivered import MOST_BYTES
from bandit.workflows.live.gate import NotDecidedError

SLOWEST_SECONDS = 10.0


async def received(receive: Receive) -> bytes:
    """The whole body; NotDecidedError for one that is too large, too slow or broken off."""
    first, more = await _part(receive)
    if not more:
        return bounded(first)
    parts, size = [first], len(first)
    try:
        async with asyncio.timeout(SLOWEST_SECONDS):
            while True:
                part, more = await _part(receive)
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise _too_large()
                if not more:
                    return bounded(b"".join(parts))
    except TimeoutError:
        raise NotDecidedError(
            408, f"the body did not come within {SLOWEST_SECONDS:g} seconds"
        ) from None


async def _part(receive: Receive) -> tuple[bytes, bool]:
    """The next bytes, and whether more will come."""
    part = await receive()
    if part["type"] != "http.request":
        raise NotDecidedError(400, "the client went away")
    return part.get("body", b""), part.get("more_body", False)


def bounded(body: bytes) -> bytes:
    """A whole body; NotDecidedError for one that is too large."""
    if len(body) > MOST_BYTES:
        raise _too_large()
    return body


def _too_large() -> NotDecidedError:
    return NotDecidedError(413, f"the body is larger than {MOST_BYTES >> 10} kB; no request is")
