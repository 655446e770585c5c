"""Tuples of arrays as compiled kernels hold them, at an address: one Numba type, two intrinsics.

A tuple's part that is itself a tuple is known by its address too, so that a kernel is handed one
word for a hundred arrays, and loads those that it looks at.
"""

from __future__ import annotations

import hashlib
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.core.typing.typeof import typeof_impl
from numba.extending import NativeValue, intrinsic, models, register_model, unbox

# Numba's helpers are untyped.
_building: Any = cgutils
_native: Any = NativeValue
_register: Any = register_model
_unbox: Any = unbox
_infer: Any = infer_getattr
_lower: Any = lower_getattr_generic
_tuples: Any = types.BaseTuple
_named: Any = types.BaseNamedTuple
_byte = ir.IntType(8).as_pointer()


class HeldType(types.Type):
    """Where a tuple of type ``content`` lies; ``lasting`` if nobody writes there any more.

    A name is a part of every name in LLVM's language, so it is short.
    """

    def __init__(self, content: Any, *, lasting: bool) -> None:
        self.content, self.lasting = content, lasting
        mark = hashlib.sha256(str(content).encode()).hexdigest()[:16]
        super().__init__(name=f"held({mark}{lasting:d})")

    def part(self, number: int) -> Any:
        """Type of a part: where it lies if it is a tuple."""
        kind = self.content.types[number]
        return HeldType(kind, lasting=self.lasting) if isinstance(kind, _tuples) else kind


@_register(HeldType)
class _HeldModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: HeldType) -> None:
        begin: Any = super().__init__
        begin(manager, kind, _byte)


def _address(kind: HeldType, value: Any, c: Any) -> Any:
    """Numba's value of Python's object: its address."""
    del kind
    number = c.pyapi.object_getattr_string(value, "address")
    pointer = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return _native(pointer, is_error=_building.is_not_null(c.builder, c.pyapi.err_occurred()))


_unbox(HeldType)(_address)


def register(held: type) -> None:
    """Tell Numba of the Python class, whose objects have a ``kind`` and an ``address``."""
    typeof: Any = typeof_impl
    typeof.register(held)(lambda value, _: value.kind)


def _part(context: Any, builder: Any, held: HeldType, address: Any, number: int) -> Any:
    """Part of what is held: loaded, or its address if it is a tuple."""
    place = _building.gep_inbounds(
        builder, _place(context, builder, held.content, address), 0, number
    )
    if isinstance(held.content.types[number], _tuples):
        return builder.bitcast(place, _byte)
    value = builder.load(place)
    if held.lasting:
        # So it need not be loaded again in a loop that writes elsewhere.
        value.set_metadata("invariant.load", builder.module.add_metadata([]))
    return value


def _store(context: Any, builder: Any, kind: Any, value: Any, pointer: Any) -> None:
    if not isinstance(kind, _tuples):
        builder.store(value, pointer)
        return
    for i, part in enumerate(kind.types):
        at = _building.gep_inbounds(builder, pointer, 0, i)
        _store(context, builder, part, builder.extract_value(value, i), at)


def _place(context: Any, builder: Any, content: Any, pointer: Any) -> Any:
    return builder.bitcast(pointer, context.get_value_type(content).as_pointer())


@intrinsic
def here(_typing: Any, content: Any) -> Any:
    """Write a tuple down where it is until the kernel returns."""

    def build(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        pointer = _building.alloca_once(builder, context.get_value_type(content))
        _store(context, builder, content, args[0], pointer)
        return builder.bitcast(pointer, _byte)

    return HeldType(content, lasting=False)(content), build


@intrinsic(prefer_literal=True)
def part(_typing: Any, held: Any, number: Any) -> Any:
    """The tuple's part of a number."""
    if not isinstance(number, types.IntegerLiteral):
        return None
    at = number.literal_value

    def build(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return _part(context, builder, held, args[0], at)

    return held.part(at)(held, number), build


class _Names(AttributeTemplate):
    """Parts of a named tuple by their names."""

    key = HeldType


def _named_type(_self: Any, held: HeldType, name: str) -> Any:
    if isinstance(held.content, _named) and name in held.content.fields:
        return held.part(held.content.fields.index(name))
    return None


def _named_part(context: Any, builder: Any, held: HeldType, address: Any, name: str) -> Any:
    return _part(context, builder, held, address, held.content.fields.index(name))


_lower(HeldType)(_named_part)
_names: Any = _Names
_names.generic_resolve = _named_type
_infer(_Names)
