"""Kernels compile where no folder can keep them, as for a service without a home."""

from __future__ import annotations

import numba
import pytest

from bandit.kernels import _compile


def test_kernels_are_kept_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _compile.COMMON["cache"] == _compile._kept()

    def without_locator(**_: object) -> object:
        def decorate(_function: object) -> None:
            raise RuntimeError("cannot cache function: no locator available")

        return decorate

    monkeypatch.setattr(numba, "njit", without_locator)
    assert not _compile._kept()
