"""Kernels compile where no folder can keep them; those without a way in from Python say so."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import numba
import numpy as np
import pytest
from numba.core.compiler import DefaultPassBuilder, Flags
from numba.core.errors import NumbaError, TypingError

from bandit.kernels import _compile, _linking, _numba
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


def _collected(*, right: bool) -> list[bool]:
    """Whether Python collects garbage while a kernel is compiled, and afterwards."""
    seen = []

    class Watch(numba.core.event.Listener):
        def on_start(self, event: object) -> None:
            del event
            seen.append(gc.isenabled())

        def on_end(self, event: object) -> None:
            pass

    @_numba.njit(cache=False)
    def kernel(x: float) -> object:
        return x + 1.0 if right else x.nothing  # type: ignore[attr-defined]

    watch = Watch()
    numba.core.event.register("numba:run_pass", watch)
    try:
        kernel(1.0)
    except TypingError:
        assert not right
    finally:
        numba.core.event.unregister("numba:run_pass", watch)
    assert len(seen) > 5
    return [any(seen), gc.isenabled()]


@pytest.mark.parametrize("right", [True, False])
def test_no_garbage_is_looked_for_while_a_kernel_is_compiled(right: bool) -> None:
    assert gc.isenabled()
    assert _collected(right=right) == [False, True]
    gc.disable()
    try:
        assert _collected(right=right) == [False, False]
    finally:
        gc.enable()


def test_an_interrupt_as_a_kernel_ends_leaves_the_collector_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_numba.Kept, "give_up", interrupted)
    kept = _numba.Kept.__new__(_numba.Kept)
    ended = SimpleNamespace(
        data={"dispatcher": SimpleNamespace(_cache=kept)}, _exc_details=(ValueError,)
    )
    told = _numba._Told()
    told.on_start(ended)
    assert not gc.isenabled()
    with pytest.raises(KeyboardInterrupt):
        told.on_end(ended)
    assert gc.isenabled()


def test_options_compare_as_those_of_numba() -> None:
    dispatcher = _numba.njit(cache=False, error_model="numpy")(lambda: None)
    flags = Flags()
    flags.error_model = "numpy"
    ours, same = (dispatcher._compiler._customize_flags(flags) for _ in range(2))
    assert ours == same == flags == ours
    assert hash(ours) == hash(same) == hash(flags)
    assert type(ours.copy()) is type(ours)
    other = ours.copy()
    other.fastmath = True
    assert other != ours
    assert ours != other
    assert other != flags


def test_passes_that_kernels_are_spared_are_there_to_be_left_out() -> None:
    state = SimpleNamespace(flags=Flags(), func_ir=None)
    state.flags.enable_ssa = True
    found = [each for each, _ in DefaultPassBuilder.define_nopython_pipeline(state).passes]
    assert set(_linking._ABSENT) < set(found)
    for pipeline, more in ((_linking.Plain, 0), (_linking.PlainLinking, 1)):
        compiler = pipeline.__new__(pipeline)
        compiler.state = state
        (kept,) = compiler.define_pipelines()
        assert len(kept.passes) == len(found) - len(_linking._ABSENT) + more


def test_a_function_within_a_kernel_is_refused() -> None:
    def outer(x: float) -> float:
        def inner(y: float) -> float:
            return y + x

        return inner(x)

    with pytest.raises(NumbaError):
        _numba.njit(**{**_compile.BARE, "cache": False})(outer)(1.0)
    assert _numba.njit(cache=False)(outer)(1.0) == 2.0
