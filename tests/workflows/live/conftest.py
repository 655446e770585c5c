"""What tests of live decisions share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test has opened, closed behind it."""
    with ExitStack() as opened:
        yield opened
