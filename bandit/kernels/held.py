"""Tuples of arrays that a kernel is called with again and again, unpacked once.

A call from Python looks at each array that it is given, and takes out of it where it lies and how
long it is: a fifth of a microsecond an array, which for a hundred of them is more than a row takes
to decide. Here that is done once, and the kernel is given an address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from bandit.kernels._compile import PLAIN

if not PLAIN:
    from numba import typeof
    from numba._dispatcher import compute_fingerprint

    from bandit.kernels import _holding


class Held:
    """``content`` and, for compiled kernels, the ``address`` where its native form lies.

    The form is written down here: a kernel that does it is a second to compile for each kind.
    """

    __slots__ = ("address", "content", "kind", "memory")

    def __init__(self, content: tuple[Any, ...]) -> None:
        self.content = content
        if not PLAIN:
            self.kind, form = _kind_of(content)
            words: list[Any] = []
            _list_words(content, words)
            self.memory = np.empty(-(-form.size // 8), np.int64)
            form.pack_into(self.memory.data, 0, *words)
            self.address: int = self.memory.ctypes.data


def _form_of(content: object) -> str:
    """Numba's form as `struct` spells it: a tuple starts and ends at its widest part's multiple."""
    if isinstance(content, tuple):
        inside = [_form_of(each) for each in content]
        widest = max((each[-1] for each in inside), key=struct.calcsize)
        return f"0{widest}{''.join(inside)}0{widest}"
    if isinstance(content, np.ndarray):
        return f"{5 + 2 * content.ndim}q"
    return np.dtype(type(content)).char


def _list_words(content: Any, words: list[Any]) -> None:
    """Append what Numba knows of each array (nobody's memory, size, place, shape), each number."""
    for each in content:
        if isinstance(each, np.ndarray):
            at = each.__array_interface__["data"][0]
            words += (0, 0, each.size, each.itemsize, at, *each.shape, *each.strides)
        elif isinstance(each, tuple):
            _list_words(each, words)
        else:
            words.append(each)


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

_typeof: Any = None if PLAIN else typeof


def entry(kernel: Callable[..., None], *args: Any) -> Callable[..., None]:
    """What ``kernel`` is compiled to for arguments like these; called, it asks no type again.

    That takes as long as a small kernel for each tuple. Arrays of other types would be misread:
    for callers alone whose arrays are always of the same ones.
    """
    dispatcher: Any = kernel
    found: Callable[..., None] = kernel
    if not PLAIN:
        found = dispatcher.compile(tuple(_typeof(each) for each in args))
    return found


_kinds: dict[bytes, tuple[Any, struct.Struct]] = {}
if not PLAIN:
    _holding.register(Held)


def _kind_of(content: tuple[Any, ...]) -> tuple[Any, struct.Struct]:
    """Numba's type and its form, found once for each kind of tuple: Numba looks at each array."""
    mark = compute_fingerprint(content)
    kind = _kinds.get(mark)
    if kind is None:
        held = _holding.HeldType(_typeof(content), lasting=True)
        kind = _kinds[mark] = held, struct.Struct(_form_of(content))
    return kind
