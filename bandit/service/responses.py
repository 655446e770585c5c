"""Answers and problems as they are sent."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from bandit.service.wire import Problem

_TITLES = {
    400: "malformed", 401: "no key", 403: "the key does not open this", 404: "unknown",
    405: "no such method", 408: "too slow", 409: "too late", 413: "too large", 422: "refused",
    429: "too many", 503: "not now",
}  # fmt: skip
JSON, PROBLEM = "application/json", "application/problem+json"
_IS_JSON = (b"content-type", JSON.encode())


class Settled(Response):
    """A decision's answer, sent as it is: its headers are two, and nothing is added."""

    def __init__(self, content: bytes) -> None:
        self.status_code, self.body = 200, content
        self.background = None
        self.raw_headers = [_IS_JSON, (b"content-length", b"%d" % len(content))]


def problem(status: int, detail: str) -> Response:
    """An error as RFC 9457 has it."""
    headers = {"Retry-After": "2"} if status in {429, 503} else {}
    if status in {408, 413}:  # the rest of the body may have no end
        headers["Connection"] = "close"
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(told(status, detail)), status, headers, PROBLEM)


def defect(error: BaseException) -> Response:
    """What went wrong is our fault."""
    return problem(500, f"a defect of ours, not yours: {type(error).__name__}; please report it")


def told(status: int, detail: str) -> Problem:
    """What an error says."""
    return Problem(_TITLES.get(status, "error"), status, detail)


def as_json(answer: msgspec.Struct, status: int = 200) -> Response:
    """An answer as JSON."""
    return Response(msgspec.json.encode(answer), status, media_type=JSON)
