"""Tuples of arrays as compiled kernels hold them, at an address: one Numba type, two intrinsics."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.typeof import typeof_impl
from numba.extending import NativeValue, intrinsic, models, register_model, unbox

# Numba's helpers are untyped.
_building: Any = cgutils
_native: Any = NativeValue
_register: Any = register_model
_unbox: Any = unbox
_tuples: Any = types.BaseTuple


class HeldType(types.Type):
    """Where a tuple of type ``content`` lies."""

    def __init__(self, content: Any) -> None:
        self.content = content
        super().__init__(name=f"held({content})")


@_register(HeldType)
class _HeldModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: HeldType) -> None:
        begin: Any = super().__init__
        begin(manager, kind, ir.IntType(8).as_pointer())


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


def _loaded(context: Any, builder: Any, kind: Any, pointer: Any) -> Any:
    """A value; tuples part by part, since no processor loads them whole."""
    if not isinstance(kind, _tuples):
        return builder.load(pointer)
    parts = [
        _loaded(context, builder, part, _building.gep_inbounds(builder, pointer, 0, i))
        for i, part in enumerate(kind.types)
    ]
    return context.make_tuple(builder, kind, parts)


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
def put(_typing: Any, content: Any, address: Any) -> Any:
    """Write a tuple down at an address."""

    def build(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[1], ir.IntType(8).as_pointer())
        _store(context, builder, content, args[0], _place(context, builder, content, pointer))
        return context.get_dummy_value()

    return types.void(content, types.intp), build


@intrinsic(prefer_literal=True)
def part(_typing: Any, held: Any, number: Any) -> Any:
    """The tuple's part of a number."""
    if not isinstance(number, types.IntegerLiteral):
        return None
    at = number.literal_value
    kind = held.content.types[at]

    def build(context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        pointer = _place(context, builder, held.content, args[0])
        return _loaded(context, builder, kind, _building.gep_inbounds(builder, pointer, 0, at))

    return kind(held, number), build
