"""Where customers stand in the record: the rows that are about them, as masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_INTEGER = re.compile(r"-?[0-9]{1,19}")


class People(NamedTuple):
    """Some customers by the text of their keys."""

    keys: tuple[str, ...]

    def own(self, column: pa.Array) -> pa.Array:
        """Rows whose key column, whole number or text, is one of theirs."""
        if pa.types.is_integer(column.type):
            numbers = [int(k) for k in self.keys if _INTEGER.fullmatch(k)]
            fitting = [n for n in numbers if -(2**63) <= n < 2**63]
            return _isin(column, pa.array(fitting, column.type))
        return _isin(column, pa.array(self.keys, column.type))

    def mentioned(self, column: pa.Array) -> pa.Array:
        """Rows of a text column that are a key, or hold as a word a key that is no number."""
        found = self.own(column)
        words = [re.escape(k) for k in self.keys if not _INTEGER.fullmatch(k)]
        if words:
            pattern = rf"(^|[^\pL\pN])({'|'.join(words)})([^\pL\pN]|$)"
            found = pc.or_(found, filled(pc.match_substring_regex(column, pattern)))
        return found


def among(column: pa.Array, ids: Sequence[str]) -> pa.Array:
    """Rows whose text is one of ``ids``."""
    return _isin(column, pa.array(ids, column.type))


def filled(mask: pa.Array) -> pa.Array:
    """A mask in which null is no."""
    return pc.fill_null(mask, False)


def _isin(column: pa.Array, values: pa.Array) -> pa.Array:
    return filled(pc.is_in(column, value_set=values))
