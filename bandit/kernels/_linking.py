"""Kernels that only kernels call are compiled where they are called, and nowhere else.

Left to itself, Numba makes machine code of every function, then optimises the same function again
within each that calls it, and within each that calls that one. Here a function that Python never
calls goes as far as LLVM's language, and what calls it does the rest, once.
"""

from __future__ import annotations

import ctypes
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import IRLegalization

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


class Linking(CompilerBase):
    """Numba's pipeline for functions that are linked into others."""

    def define_pipelines(self) -> list[Any]:
        """As the default but for the library."""
        passes = _builder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_LinkOnly, IRLegalization)
        passes.finalize()
        return [passes]
