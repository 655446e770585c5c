"""Where customers stand in the record: the rows that are about them, as masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_WIDTHLESS = "[\u200b-\u200d\u2060\ufeff]"
"""What shows nothing, and tells no key from another."""


class People(NamedTuple):
    """Some customers by the text of their keys.

    Blanks around a key, widthless characters and the way an accent is composed tell nobody apart;
    where ``whole``, keys are whole numbers, and zeros in front or a fraction of 0 do not either.
    ``elsewhere`` are their ids of other kinds, as rejects have them: "loyalty L17".
    """

    keys: tuple[str, ...]
    whole: bool = False
    elsewhere: tuple[str, ...] = ()

    def own(self, column: pa.Array) -> pa.Array:
        """Rows whose key column, whole number or text, is one of theirs in any spelling."""
        if pa.types.is_integer(column.type):
            fitting = [n for n in self.numbers if -(2**63) <= n < 2**63]
            return _isin(column, pa.array(fitting, column.type))
        text = spelled(column)
        found = _isin(text, pa.array(spelled_keys(self.keys), text.type))
        if self.whole and self.numbers:
            either = "|".join(f"{'-' if n < 0 else '[+]?'}0*{abs(n)}" for n in self.numbers)
            whole = pc.match_substring_regex(text, rf"^({either})([.]0*)?$")
            found = pc.or_(found, filled(whole))
        return found

    def mentioned(self, column: pa.Array) -> pa.Array:
        """Rows of a text column that are a key, or hold as a word a key that is no number."""
        found = pc.or_(self.own(column), among(column, self.elsewhere))
        words = [re.escape(k) for k in spelled_keys(self.keys) if not _INTEGER.fullmatch(k)]
        if words:
            pattern = rf"(^|[^\pL\pN])({'|'.join(words)})([^\pL\pN]|$)"
            found = pc.or_(found, filled(pc.match_substring_regex(spelled(column), pattern)))
        return found

    @property
    def numbers(self) -> list[int]:
        """The keys that are whole numbers."""
        return [int(k) for k in spelled_keys(self.keys) if _INTEGER.fullmatch(k)]


def spelled(column: pa.Array) -> pa.Array:
    """A text column's keys in one spelling."""
    shown = pc.replace_substring_regex(column.cast(pa.string()), _WIDTHLESS, "")
    return pc.utf8_trim_whitespace(pc.utf8_normalize(shown, form="NFC"))


@lru_cache(maxsize=16)
def spelled_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys in that spelling; a file of theirs after another asks for the same ones."""
    return tuple(spelled(pa.array(keys, pa.string())).to_pylist())


def among(column: pa.Array, ids: Sequence[str]) -> pa.Array:
    """Rows whose text is one of ``ids``."""
    return _isin(column, pa.array(ids, column.type))


def filled(mask: pa.Array) -> pa.Array:
    """A mask in which null is no."""
    return pc.fill_null(mask, False)


def _isin(column: pa.Array, values: pa.Array) -> pa.Array:
    return filled(pc.is_in(column, value_set=values))
