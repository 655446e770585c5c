"""Decision ids from their formula, in whole numbers of Python."""

from __future__ import annotations

WORD = (1 << 64) - 1


def mix(word: int) -> int:
    """SplitMix64's finaliser."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & WORD
    return word ^ (word >> 31)


def letters(key: bytes, seed: tuple[int, int]) -> str:
    """a ← mix(a ⊕ w), b ← mix(b + w) over the words of ``key``; then the length; then spelt."""
    a, b = seed
    for at in range(0, len(key), 8):
        word = int.from_bytes(key[at : at + 8], "little")
        a, b = mix(a ^ word), mix(b + word & WORD)
    a = mix(a ^ len(key))
    b = mix(a + b & WORD)
    digits = f"{a:016x}{b:016x}"[:20]
    return "".join(chr(97 + int(d, 16)) for d in digits)
