"""Kernels compile where no folder can keep them; those without a way in from Python say so."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.compiler import Flags
from numba.core.registry import cpu_target
from numba.core.targetconfig import TargetConfig

from bandit.kernels import _compile, _frontend, _numba
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


def test_options_are_equal_as_numba_says() -> None:
    plain, same, other, told = Flags(), Flags(), Flags(), Flags()
    same.nrt = plain.nrt = True
    other.nrt = False
    told.nrt, told.forceinline = True, plain.forceinline
    for one in (plain, same, other, told):
        assert hash(one) == hash(tuple(sorted(one.values())))
        for each in (plain, same, other, told):
            assert (one == each) == (one.values() == each.values()) == _frontend._equal(one, each)
    assert TargetConfig.__eq__ is _frontend._same


def test_numbas_registries_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    context = cpu_target.target_context
    context.load_additional_registries()
    monkeypatch.setattr(_frontend, "_load", pytest.fail)
    context.load_additional_registries()
