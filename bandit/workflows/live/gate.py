"""When nobody may be contacted anew: while a wave is planned, until its contacts are known here."""

from __future__ import annotations

from pathlib import Path

from bandit.core.errors import BanditError
from bandit.record import lock
from bandit.record import waves as record
from bandit.workflows.live.book import Book
from bandit.workflows.live.generation import Generation

PLANNING = "serve-batch"


class NotDecidedError(BanditError):
    """Nothing is decided; ``status`` is the HTTP status that says why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Gate:
    """Closed while `serve-batch` runs, and until a generation has looked at the wave it made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, frozenset[str], bool] | None = None

    def __call__(self, generation: Generation, book: Book) -> None:
        """NotDecidedError while it is closed."""
        command = lock.command(self._folder)
        if command is not None and (not command or command.startswith(PLANNING)):
            raise NotDecidedError(503, "a wave is being planned; outbound contacts wait for it")
        if self._unknown(generation, book):
            raise NotDecidedError(
                503, "a wave was published; outbound contacts wait until its contacts are read"
            )

    def _unknown(self, generation: Generation, book: Book) -> bool:
        """Whether there is a wave that neither the generation nor the book knows."""
        try:
            changed = (self._folder / record.WAVES).stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if self._seen is None or self._seen[:2] != (changed, generation.past):
            names = {p.name for p in (self._folder / record.WAVES).iterdir()}
            new = {n for n in names - generation.past if not n.startswith(".") and not book.owns(n)}
            self._seen = changed, generation.past, bool(new)
        return self._seen[2]
