"""docs/json.md says of every field what it is: the page and the dataclasses are the same."""

from __future__ import annotations

import dataclasses
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from bandit import results
from bandit.results.result import SCHEMA, Result

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def kinds() -> dict[str, type]:
    """Every dataclass of the room, by its name."""
    found: dict[str, type] = {}
    for module in iter_modules(results.__path__, "bandit.results."):
        for name, kind in vars(import_module(module.name)).items():
            mine = dataclasses.is_dataclass(kind) and kind.__module__ == module.name
            if mine and kind is not Result:
                assert name not in found, f"two results are called {name}"
                found[name] = kind
    return found


def sections() -> dict[str, str]:
    """The page by its headings."""
    parts = re.split(r"^## (\w+).*$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_result_has_its_section_and_no_other() -> None:
    assert sections().keys() == kinds().keys()


@pytest.mark.parametrize("name", sorted(kinds()))
def test_every_field_is_documented_with_its_type(name: str) -> None:
    told = {field: kind.replace("\\|", "|") for field, kind, _ in ROW.findall(sections()[name])}
    assert told == {f.name: f.type for f in dataclasses.fields(kinds()[name])}


def test_the_version_is_told() -> None:
    assert f"The first field is `schema`, today {SCHEMA}:" in PAGE
