"""Kernels that only kernels call are compiled where they are called, and nowhere else.

Left to itself, Numba makes machine code of every function, then optimises the same function again
within each that calls it, and within each that calls that one. Here a function that Python never
calls goes as far as LLVM's language, and what calls it does the rest, once.

Kernels that make no arrays are spared what Numba looks for in every function and none of them has.
"""

from __future__ import annotations

import ctypes
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import IRLegalization, NopythonRewrites
from numba.core.untyped_passes import (
    FindLiterallyCalls,
    InlineClosureLikes,
    InlineInlinables,
    LiteralUnroll,
    MakeFunctionToJitFunction,
)

_REFUSAL = ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value
"""What Python calls if it calls such a function after all: a TypeError."""

# Numba's own parts are untyped.
_register: Any = register_pass
_builder: Any = DefaultPassBuilder


class _Nowhere:
    """Where the names of a function that has no address would be told to the linker."""

    def set_env(self, *_: Any) -> None:
        """Tell nobody."""


class _Linked(JITCodeLibrary):
    """Code to be linked into that of its callers."""

    @property
    def codegen(self) -> Any:
        """Where get_executable leaves the function's environment."""
        return _Nowhere()

    def get_pointer_to_function(self, name: str) -> Any:
        """Address of what Python may call."""
        del name
        return _REFUSAL

    def _optimize_final_module(self) -> None:
        """Leave that to the callers."""

    def _finalize_final_module(self) -> None:
        """Give the linker nothing."""
        library: Any = self
        library._finalize_dynamic_globals()
        self._finalized = True


@_register(mutates_CFG=False, analysis_only=True)
class _LinkOnly(AnalysisPass):
    """Choose the library that the lowering pass fills."""

    _name = "bandit_link_only"

    def __init__(self) -> None:
        begin: Any = super().__init__
        begin()

    def run_pass(self, state: Any) -> bool:
        """Replace it."""
        library: Any = _Linked
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


_ABSENT = (
    InlineClosureLikes,
    MakeFunctionToJitFunction,
    InlineInlinables,
    FindLiterallyCalls,
    LiteralUnroll,
    NopythonRewrites,
)
"""What rewrites functions within a function, `inline="always"`, literals as such and arithmetic of
whole arrays: each looks through all of a function, a sixteenth of what compiling takes."""


class Plain(CompilerBase):
    """Numba's pipeline for functions that make no arrays, without what these have no use for."""

    def define_pipelines(self) -> list[Any]:
        """As the default but for what is absent."""
        return [self._finished(_builder.define_nopython_pipeline(self.state))]

    def _finished(self, passes: Any) -> Any:
        passes.passes = [each for each in passes.passes if each[0] not in _ABSENT]
        passes.finalize()
        return passes


class Linking(CompilerBase):
    """Numba's pipeline for functions that are linked into others."""

    def define_pipelines(self) -> list[Any]:
        """As the default but for the library."""
        passes = _builder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LinkOnly, IRLegalization)
        passes.finalize()
        return [passes]


class PlainLinking(Plain):
    """`Plain` for functions that are linked into others."""

    def _finished(self, passes: Any) -> Any:
        passes.add_pass_after(_LinkOnly, IRLegalization)
        return super()._finished(passes)
