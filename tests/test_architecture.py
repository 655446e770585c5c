"""docs/architecture.md names every room by its own first line, and the layers as they are held.

`python -m tests.test_architecture` writes the part of the page that is made from the code.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

HOME = Path(__file__).parents[1]
PAGE = HOME / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: made from the code -->", "<!-- rooms: end -->"


def first_line(module: Path) -> str:
    """What a module says of itself."""
    told = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    return told.split("\n\n")[0].replace("\n", " ")


def layers() -> list[list[str]]:
    """The layers of pyproject.toml, from the top; rooms of one layer do not meet."""
    config = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = config["tool"]["importlinter"]["contracts"]
    return [[r.strip().removeprefix("bandit.") for r in line.split("|")]
            for line in contract["layers"]]  # fmt: skip


def rooms() -> Iterator[tuple[str, Path]]:
    """Every package below `bandit`, and the modules that are rooms of their own."""
    for name in (name for layer in layers() for name in layer):
        top = HOME / "bandit" / name
        if top.with_suffix(".py").is_file():
            yield f"{name}.py", top.with_suffix(".py")
            continue
        for package in sorted(p.parent for p in top.rglob("__init__.py")):
            yield f"{package.relative_to(HOME / 'bandit').as_posix()}/", package


def made() -> str:
    """The part of the page."""
    lines = ["Imports point down only, and rooms of one line never import one another:", "", "```"]
    lines += [" | ".join(layer) for layer in layers()]
    lines += ["```", "", "| room | holds |", "|---|---|"]
    for name, place in rooms():
        told = first_line(place if place.is_file() else place / "__init__.py")
        lines.append(f"| `{name}` | {told} |")
    return "\n".join(lines)


def test_every_room_has_a_layer_and_says_what_it_is() -> None:
    tops = {p.parent.name for p in (HOME / "bandit").glob("*/__init__.py")}
    assert tops <= {name for layer in layers() for name in layer}
    for name, place in rooms():
        told = first_line(place if place.is_file() else place / "__init__.py")
        assert told.endswith("."), name
        assert "|" not in told, name


def test_the_page_is_what_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    told = page.partition(BEGIN)[2].partition(END)[0].strip()
    assert told == made(), "run `python -m tests.test_architecture` and look at what changed"


def test_every_module_says_what_it_is() -> None:
    silent = [str(p) for p in (HOME / "bandit").rglob("*.py") if not first_line(p)]
    assert [s for s in silent if not s.endswith("__main__.py")] == []


def imports(module: Path, known: Mapping[str, Path]) -> set[str]:
    """Every module that one imports: inside functions and for a type checker too."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            named = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in known else str(node.module) for name in named}
    return found & known.keys()


def test_no_module_leads_back_to_itself() -> None:
    """Not by an import inside a function or for a type checker either."""
    known = {
        ".".join(p.relative_to(HOME).with_suffix("").parts).removesuffix(".__init__"): p
        for p in (HOME / "bandit").rglob("*.py")
    }
    graph = {name: imports(module, known) - {name} for name, module in known.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(known)  # else: CycleError


LIVE = ("service", "workflows/live")
"""Rooms that begin with the extra `service`, and say so where it is not there."""


def test_what_runs_without_an_extra_begins_with_the_dependencies_alone() -> None:
    """What an extra brings is imported where it is used."""
    config = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
    given = {re.split("[^a-z_]", name)[0] for name in config["project"]["dependencies"]}
    given |= {"bandit", "llvmlite", *sys.stdlib_module_names}  # llvmlite is Numba's
    more = set()
    for module in (HOME / "bandit").rglob("*.py"):
        place = module.relative_to(HOME / "bandit").as_posix()
        if not place.startswith(LIVE):
            body = ast.parse(module.read_text(encoding="utf-8")).body
            names = [n.name for node in body if isinstance(node, ast.Import) for n in node.names]
            names += [str(n.module) for n in body if isinstance(n, ast.ImportFrom)]
            more |= {(place, name) for name in names if name.split(".")[0] not in given}
    assert more == set()


if __name__ == "__main__":
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text(f"{head}{BEGIN}\n{made()}\n{END}{tail}", encoding="utf-8")
