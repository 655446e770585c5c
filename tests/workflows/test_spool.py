"""A spool holds the customers that it was given, cut the same however they came."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bandit.workflows.serve import spool
from bandit.workflows.serve.prepare import Prepared, joined
from bandit.workflows.serve.spool import Spool


def _people(n: int, *, own_values: bool) -> Prepared:
    rng = np.random.default_rng(n)
    return Prepared(
        ids=pa.array([f"c{i}" for i in range(n)]),
        keys=rng.integers(0, 2**60, n).astype(np.uint64),
        contexts=rng.normal(size=(n, 3)).astype(np.float32),
        mask=rng.random((n, 11)) < 0.5,
        left=rng.integers(0, 9, (n, 5)).astype(np.int32),
        allowance=rng.integers(0, 3, n).astype(np.int32),
        values=rng.random((n, 11) if own_values else 11).astype(np.float32),
        experiment=np.full(n, -1, np.int16),
        units=rng.integers(0, 2**60, n).astype(np.uint64),
        population=rng.integers(0, 2, n).astype(np.int16),
    )


def _hold_same(found: Prepared, given: Prepared) -> None:
    assert found.ids.to_pylist() == given.ids.to_pylist()
    for one, other in zip(found[1:], given[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def _came(people: Prepared, sizes: Sequence[int]) -> list[Prepared]:
    edges = np.cumsum([0, *sizes])
    return [people.rows(a, b) for a, b in pairwise(edges)]


@pytest.mark.parametrize("own_values", [False, True])
@pytest.mark.parametrize(
    "sizes",
    [[100], [7] * 14 + [2], [64, 36], [1, 0, 63, 0, 36], [33, 31, 36], [20, 0, 80], [0, 100]],
)
def test_it_is_cut_the_same_however_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int], own_values: bool
) -> None:
    monkeypatch.setattr(spool, "ROWS", 32)
    people = _people(100, own_values=own_values)
    kept = Spool(tmp_path, _came(people, sizes))
    batches = list(kept)
    assert [len(batch.ids) for batch in batches] == [32, 32, 32, 4]
    assert (kept.batches, kept.customers) == (4, 100)
    assert kept.customers_of(2).tolist() == np.bincount(people.population).tolist()
    _hold_same(joined(batches), people)


@pytest.mark.parametrize("own_values", [False, True])
def test_what_is_read_may_be_written(tmp_path: Path, own_values: bool) -> None:
    # else kernels that were compiled for what a wave hands over are compiled once more for it
    (found,) = Spool(tmp_path, [_people(100, own_values=own_values)])
    assert all(a.flags.writeable for a in (found.keys, found.contexts, found.left, found.values))


def test_nobody_is_no_batch(tmp_path: Path) -> None:
    kept = Spool(tmp_path, [_people(0, own_values=False)])
    assert (kept.batches, kept.customers, list(kept)) == (0, 0, [])


@pytest.mark.parametrize(("cells", "sizes"), [(1, [1] * 10), (11 * 4, [4, 4, 2]), (10**6, [10])])
def test_a_batch_is_parted_by_its_cells(cells: int, sizes: list[int]) -> None:
    people = _people(10, own_values=True)
    parts = list(people.parts(cells))
    assert [len(part.ids) for part in parts] == sizes
    _hold_same(joined(parts), people)
