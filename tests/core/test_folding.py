from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.core import sql
from bandit.core.folding import fold, folded

ALIKE = [
    "email", "Email", " EMAIL ", "e\u200bmail", "email\u00a0", "\ufeffemail", "email\t",
    "\u2003email", "em\u00adail", "\u200femail", "email\r\n",
]  # fmt: skip

CONNECTION = duckdb.connect()


@pytest.mark.parametrize("name", ALIKE)
def test_spellings_of_one_name_are_one(name: str) -> None:
    assert fold(name) == "email"


def test_composed_and_decomposed_letters_are_one() -> None:
    assert fold("Zu\u0308rich") == fold("z\u00fcrich")


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12))
def test_sql_folds_what_is_printed_alike(text: str) -> None:
    """Both are one rule; where Unicode knows several small letters, neither meets a plain name."""
    ((found,),) = CONNECTION.execute(f"SELECT {folded(sql.text(text))}").fetchall()
    assert found == fold(text) or not fold(text).isascii()
