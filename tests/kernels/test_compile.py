"""Kernels compile where no folder can keep them; those without a way in from Python say so."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from bandit.kernels import _compile, _numba
from bandit.kernels.linear import cholesky


def test_kernels_are_kept_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _compile.COMMON["cache"] == _numba.kept()

    def without_locator(**_: object) -> object:
        def decorate(_function: object) -> None:
            raise RuntimeError("cannot cache function: no locator available")

        return decorate

    monkeypatch.setattr(numba, "njit", without_locator)
    assert not _numba.kept()


def test_a_kernel_that_only_kernels_call_refuses_python() -> None:
    with pytest.raises(TypeError):
        cholesky._one_norm(np.eye(2))


def test_a_linked_kernel_counts_in_its_caller() -> None:
    inverse = np.tril(np.arange(1.0, 10.0).reshape(1, 3, 3))
    out = np.empty_like(inverse)
    cholesky.covariances_into(0, 1, inverse, out)
    np.testing.assert_allclose(out[0], inverse[0].T @ inverse[0])
