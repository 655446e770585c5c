"""Items go out in ranges and their parts come back in order."""

from __future__ import annotations

import pytest

from bandit.runners.spark import _chunks


@pytest.mark.parametrize("count", [0, 1, 7, 100])
@pytest.mark.parametrize("most", [1, 3, 8, 64])
def test_chunks_hold_each_item_once_and_in_order(count: int, most: int) -> None:
    chunks = _chunks(range(count), most)
    assert [item for chunk in chunks for item in chunk.items] == list(range(count))
    assert [chunk.number for chunk in chunks] == list(range(min(count, most)))
    sizes = [len(chunk.items) for chunk in chunks]
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
