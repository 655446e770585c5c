"""What a generation says that it has looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bandit.config import campaign_file
from bandit.core.types import SILENT
from bandit.sources import customers
from bandit.sources.customers import CustomerRows
from bandit.workflows.live import generation
from bandit.workflows.live.book import Book
from bandit.workflows.live.gate import Gate, NotDecidedError
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY


def test_a_wave_that_is_published_while_customers_are_read_is_not_known_and_nobody_is_contacted(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = campaigns.write(
        tmp_path / "c", customers=40, pressure="max_contacts = 1\nper_days = 7.0"
    )
    campaign, read = campaign_file.load(folder), customers.stream

    def read_later(*given: Any, **how: Any) -> Iterator[CustomerRows]:
        monkeypatch.undo()
        serve_batch(folder, wave="amid", at=MONDAY)
        return read(*given, **how)

    monkeypatch.setattr(customers, "stream", read_later)
    made = generation.make(stack, campaign, MONDAY, 0, SILENT)
    assert made.past == set()
    with pytest.raises(NotDecidedError, match="a wave was published"):
        Gate(folder)(made, Book(folder))
    newer = generation.make(stack, campaign, MONDAY, 0, SILENT)
    assert newer.past == {"amid"}
    Gate(folder)(newer, Book(folder))
