"""Names as they are compared: letter case, blanks around them and what nobody sees tell nothing.

`fold` and the SQL of `folded` are one rule: format characters (zero width, direction marks) are
left out, composed and decomposed letters are one, blanks of every kind around are cut, and case is
dropped. `whole` is the same with its case, for the keys of people.
"""

from __future__ import annotations

import unicodedata

from bandit.core import sql

_BLANKS = frozenset({"Zs", "Zl", "Zp", "Cc"})
_BLANK = r"[\s\p{Z}\p{Cc}]"
_AROUND = f"^{_BLANK}+|{_BLANK}+$"


def fold(text: str) -> str:
    """A name as it is compared."""
    seen = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return _cut(unicodedata.normalize("NFC", seen)).lower()


def _cut(text: str) -> str:
    first, last = 0, len(text)
    while first < last and unicodedata.category(text[first]) in _BLANKS:
        first += 1
    while last > first and unicodedata.category(text[last - 1]) in _BLANKS:
        last -= 1
    return text[first:last]


def whole(expression: str) -> str:
    """SQL of a text without what nobody sees, its letters composed, its case kept.

    Plain text without blanks at its ends is left alone, which most of it is.
    """
    plain = (
        f"strlen({expression}) = length({expression})"
        f" AND NOT regexp_matches({expression}, {sql.text(_AROUND)})"
    )
    seen = f"nfc_normalize(regexp_replace({expression}, '\\p{{Cf}}', '', 'g'))"
    cut = f"regexp_replace({seen}, {sql.text(_AROUND)}, '', 'g')"
    return f"CASE WHEN {plain} THEN {expression} ELSE {cut} END"


def folded(expression: str) -> str:
    """SQL of a name as it is compared."""
    return f"lower({whole(expression)})"
