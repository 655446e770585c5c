"""Generated files, read by us and by a strict reader; `tests.sources.generated` is the long run."""

from __future__ import annotations

import pytest

from tests.sources import generated

FILES = 40


@pytest.mark.long
def test_no_generated_file_is_read_otherwise() -> None:
    """`outcome` fails on the first that is; most files must be read, or it would show little."""
    ended = generated.run(FILES)
    assert ended["equal"] > FILES // 2
