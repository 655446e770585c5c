"""Tuples of arrays that a kernel is called with again and again, unpacked once.

A call from Python looks at each array that it is given, and takes out of it where it lies and how
long it is: a fifth of a microsecond an array, which for a hundred of them is more than a row takes
to decide. Here that is done once, and the kernel is given an address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from bandit.core.types import Array
from bandit.kernels._compile import PLAIN, serial

if not PLAIN:
    from numba import typeof
    from numba._dispatcher import compute_fingerprint

    from bandit.kernels import _holding


class Held:
    """``content`` and, for compiled kernels, the ``address`` where its native form lies."""

    __slots__ = ("address", "content", "kind", "memory")

    def __init__(self, content: tuple[Any, ...]) -> None:
        self.content = content
        if not PLAIN:
            self.kind = _kind_of(content)
            self.memory = np.empty(_size(content), np.int64)
            self.address: int = self.memory.ctypes.data
            _put_into(content, self.address)


def _size(content: object) -> int:
    """Words that Numba's form takes, at most."""
    if isinstance(content, tuple):
        return 1 + sum(_size(each) for each in content)
    return 5 + 2 * content.ndim if isinstance(content, np.ndarray) else 2


def _of_content(held: Held, number: int) -> Any:
    return held.content[number]


def _itself(content: Any) -> Any:
    return content


_in_kernel: Any = _of_content if PLAIN else _holding.part
part: Callable[[Held, int], Any] = _in_kernel
"""``part(held, 3)`` in a kernel is part 3; the number must be written there. A named tuple's parts
are had by their names, of it and of any named tuple in it: only what is looked at is loaded."""

Content = TypeVar("Content", bound=tuple[Any, ...])
_in_place: Any = _itself if PLAIN else _holding.here
here: Callable[[Content], Content] = _in_place
"""``here(each)`` in a kernel holds a named tuple that it was given, for the kernels that it calls:
they are handed one word instead of the tuple, and know its parts by their names alone."""

_put: Any = None if PLAIN else _holding.put
_typeof: Any = None if PLAIN else typeof
_kinds: dict[bytes, Any] = {}
if not PLAIN:
    _holding.register(Held)


def _kind_of(content: tuple[Any, ...]) -> Any:
    """Numba's type, found once for each kind of tuple: Numba looks at each array."""
    mark = compute_fingerprint(content)
    kind = _kinds.get(mark)
    if kind is None:
        kind = _kinds[mark] = _holding.HeldType(_typeof(content), lasting=True)
    return kind


@serial
def _put_into(content: tuple[Array, ...], address: int) -> None:
    """Write Numba's form of ``content`` down."""
    _put(content, address)
