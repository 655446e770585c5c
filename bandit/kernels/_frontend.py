"""Two things that Numba does anew for each call that it looks at, and need be done once.

It compares its options, two dozen properties each time, with those of what it has compiled before,
and it imports and reads through registries that never change: a sixth of all compile time.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from numba.core.cpu import CPUContext
from numba.core.targetconfig import TargetConfig

# Numba's own parts are untyped.
_options: Any = TargetConfig
_context: Any = CPUContext
_equal, _load = _options.__eq__, _context.load_additional_registries
_loaded: WeakSet[Any] = WeakSet()
_hashes: dict[Any, int] = {}


def _same(one: Any, other: Any) -> Any:
    """Whether options are equal: surely where the same ones were set."""
    alike = type(one) is type(other) and one._values == other._values
    return True if alike else _equal(one, other)


def _hash(one: Any) -> int:
    """As Numba's, which depends on the names of the options alone."""
    kind = type(one)
    if kind not in _hashes:
        _hashes[kind] = hash(tuple(sorted(kind.options)))
    return _hashes[kind]


def _load_once(context: Any) -> None:
    """Read the registries of Numba's own modules; what others add comes by another way."""
    if context not in _loaded:
        _load(context)
        _loaded.add(context)


def hasten() -> None:
    """Put these in the place of Numba's."""
    _options.__eq__, _options.__hash__ = _same, _hash
    _context.load_additional_registries = _load_once
