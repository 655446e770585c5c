"""docs/sources.md names the functions that exist, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from bandit.sources.expressions import AGE_DAYS, FUNCTIONS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sources.md"


def test_the_list_of_functions_is_the_documented_one() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").split("## Expressions")[1]
    (line,) = [part for part in text.splitlines() if part.startswith("- `abs ")]
    named = set(re.findall(r"[a-z_]+(?=[ (`])", re.sub(r"\(.*?\)", "(", line)))
    assert named == {*FUNCTIONS, "if"} - {"today"}
    assert f"`{AGE_DAYS}(column)`" in text
    assert "`today()`" in text
