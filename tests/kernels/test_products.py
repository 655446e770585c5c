"""Products in register tiles, beside NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.kernels import simd
from bandit.kernels._compile import entered
from bandit.kernels.simd import plain, product

_multiply_into = entered(product.multiply_into)
_multiply_row_into = entered(product.multiply_row_into)
_multiply_some_into = entered(product.multiply_some_into)


@pytest.mark.parametrize("k", [3, 8, 9, 16, 24, 70, 100])
@pytest.mark.parametrize("d", [1, 7, 64])
def test_columns_that_fill_up_need_not_be_written(k: int, d: int) -> None:
    rng = np.random.default_rng(k + d)
    matrix = rng.normal(size=(k, d))
    width = product.padded(k, simd.LANES)
    panels = np.zeros(width * d, np.float32)
    product.pack_columns_into(matrix, panels)
    x = rng.normal(size=(12, d)).astype(np.float32)
    out = np.full((12, width), 7.0, np.float32)
    _multiply_into(x, 0, 12, d, panels, out, k)
    np.testing.assert_allclose(out[:, :k], x @ matrix.T.astype(np.float32), rtol=1e-5, atol=1e-5)
    assert np.isin(out[:, k:], (0.0, 7.0)).all()


def test_half_a_tile_is_the_first_half_of_a_tile() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(6, 5)), rng.normal(size=(5, 16))
    x, w = x.astype(np.float32), w.astype(np.float32)
    whole, half = np.zeros((6, 16), np.float32), np.zeros((6, 16), np.float32)
    plain.tile_6x1(x, 0, 5, w, 0, 5, whole, 0, 16)
    plain.tile_6x1_half(x, 0, 5, w, 0, 5, half, 0, 16)
    np.testing.assert_allclose(half[:, :8], whole[:, :8], rtol=1e-6)
    assert not half[:, 8:].any()


@pytest.mark.parametrize("vectors", range(1, 9))
def test_a_row_alone_has_the_sums_of_a_block(vectors: int) -> None:
    rng, d = np.random.default_rng(vectors), 21
    width = vectors * simd.LANES
    panels = np.zeros(width * d, np.float32)
    product.pack_columns_into(rng.normal(size=(width, d)), panels)
    x = rng.normal(size=(6, d)).astype(np.float32)
    out, alone = np.empty((6, width), np.float32), np.empty(width, np.float32)
    _multiply_into(x, 0, 6, d, panels, out, width)
    _multiply_row_into(x, 2 * d, d, panels, alone)
    assert alone.tobytes() == out[2].tobytes()


@pytest.mark.parametrize("vectors", [1, 2, 5, 11])
@pytest.mark.parametrize("more", [False, True])
def test_panels_that_are_needed_have_the_sums_of_all(vectors: int, more: bool) -> None:
    rng, d, rows = np.random.default_rng(vectors), 21, 13
    width = vectors * simd.LANES
    panels = np.zeros(width * d, np.float32)
    product.pack_columns_into(rng.normal(size=(width, d)), panels)
    x = rng.normal(size=(18, d)).astype(np.float32)
    whole, out = np.empty((18, width), np.float32), np.full((rows, width), 7.0, np.float32)
    _multiply_into(x, 0, 18, d, panels, whole, width)
    some = product.empty_some(rows, width)
    needs = rng.random((rows, -(-width // product.PANEL))) < 0.4
    some.needs[:] = needs.reshape(-1)
    _multiply_some_into(x, 0, rows, d, panels, some, more, out)
    expected = whole[:rows] + np.float32(7.0) if more else whole[:rows]
    needed = np.repeat(needs, product.PANEL, axis=1)[:, :width]
    assert out.tobytes() == np.where(needed, expected, np.float32(7.0)).tobytes()


def test_packed_columns_are_unpacked() -> None:
    matrix = np.random.default_rng(0).normal(size=(80, 9)).astype(np.float32)
    panels, back = np.zeros(matrix.size, np.float32), np.empty_like(matrix)
    product.pack_columns_into(matrix, panels)
    product.unpack_columns_into(panels, back)
    assert back.tobytes() == matrix.tobytes()
