"""Decision ids: 80 bits of a customer's key under a wave's seed, spelt in letters.

A key is mixed with two words of the seed, word by word of its bytes:

    a ← mix(a ⊕ w),  b ← mix(b + w),

and at last a ← mix(a ⊕ length), b ← mix(a + b), with SplitMix64's finaliser as mix. All of a and 16
bits of b make the id, four bits a letter from a to p: no reader takes letters for a number. A whole
number is one word, so two of them never share an id of one seed; of 10 million texts two do with
probability 4e-11.
"""

from __future__ import annotations

import numpy as np

from bandit.core.types import Int32, Int64, UInt8, UInt64
from bandit.kernels._compile import inline, serial
from bandit.kernels.keyed_random import mix

LETTERS = 20
"""Length of an id."""

_A = np.uint8(97)
_NIBBLE = np.uint64(15)
_WORD_BYTES = 8


@inline
def _spell(a: np.uint64, b: np.uint64, row: int, start: int, out: UInt8) -> None:
    for j in range(16):
        out[row, start + j] = _A + np.uint8((a >> np.uint64(60 - 4 * j)) & _NIBBLE)
    for j in range(4):
        out[row, start + 16 + j] = _A + np.uint8((b >> np.uint64(60 - 4 * j)) & _NIBBLE)


@serial
def whole_number_ids_into(
    first: int, last: int, keys: UInt64, seeds: UInt64, which: Int32, start: int, out: UInt8
) -> None:
    """Rows first to last of ``out`` uint8[n, start + 20] from ``keys`` uint64[n].

    ``seeds`` uint64[s, 2]; ``which`` int32[n] says under which of them a row is.
    """
    length = np.uint64(_WORD_BYTES)
    for i in range(first, last):
        word = keys[i]
        a = mix(seeds[which[i], 0] ^ word)
        b = mix(seeds[which[i], 1] + word)
        a = mix(a ^ length)
        _spell(a, mix(a + b), i, start, out)


@serial
def text_ids_into(
    first: int, last: int, text: UInt8, offsets: Int64, seeds: UInt64, which: Int32, start: int,
    out: UInt8,
) -> None:  # fmt: skip
    """Like `whole_number_ids_into`: row i has the bytes ``text[offsets[i]:offsets[i + 1]]``.

    Words are little-endian, the last one filled up with zeros.
    """
    for i in range(first, last):
        a, b = seeds[which[i], 0], seeds[which[i], 1]
        begin, end = offsets[i], offsets[i + 1]
        for at in range(begin, end, _WORD_BYTES):
            word = np.uint64(0)
            for j in range(min(_WORD_BYTES, end - at)):
                word |= np.uint64(text[at + j]) << np.uint64(8 * j)
            a = mix(a ^ word)
            b = mix(b + word)
        a = mix(a ^ np.uint64(end - begin))
        _spell(a, mix(a + b), i, start, out)
