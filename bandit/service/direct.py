"""One route whose requests the protocol hands over whole, without a framework between."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Respond = Callable[[Response], None]
"""Takes the answer to a request; all but the first are passed over."""
Ask = Callable[[list[tuple[bytes, bytes]], bytes, Respond], None]
"""Takes a request's headers, their names in small letters, its body, and who is to be answered."""


class Direct:
    """An application; POST to ``path`` may go to ``ask`` instead, which answers the same."""

    def __init__(self, app: ASGIApp, path: str, ask: Ask) -> None:
        self._app, self.path, self.ask = app, path.encode(), ask

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that did not come in one piece, or any other."""
        await self._app(scope, receive, send)
