"""Which files a kernel's machine code was made of: its own, and those of all that it imports.

Numba keeps code for as long as the kernel's own file is as it was. But the code of what a kernel
calls is in it too, and so are the constants that it names: after an update that changed only the
called one, what is kept would go on deciding as before it.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

_ABOVE = Path(__file__).resolve().parents[2]
"""The folder that the package lies in."""
_IMPORTED = re.compile(r"^[ \t]*from (bandit[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_NAME = re.compile(r"\w+")


class _Read(NamedTuple):
    """What a file holds, in short, and the files of ours that it imports."""

    digest: str
    imported: frozenset[Path]


@cache
def stamp(file: str) -> tuple[str, ...]:
    """What a source file holds, and each of ours behind it; no times, no places."""
    return tuple(_read(path).digest for path in sorted(behind(Path(file))))


def behind(file: Path) -> set[Path]:
    """A file, and all of ours that it imports, or that what it imports does."""
    found, left = {file}, [file]
    while left:
        new = _read(left.pop()).imported - found
        found |= new
        left += new
    return found


@cache
def _read(file: Path) -> _Read:
    """Once a process, as Python itself: what was loaded is what is compiled."""
    content = file.read_bytes()
    return _Read(hashlib.sha256(content).hexdigest(), frozenset(_imported(content.decode())))


def _imported(text: str) -> set[Path]:
    found = set()
    for module, names in _IMPORTED.findall(text):
        room = _ABOVE.joinpath(*module.split("."))
        for path in (room, *(room / name for name in _NAME.findall(names))):
            if f"{path.name}.py" in _listed(path.parent):
                found.add(path.with_suffix(".py"))
            elif path.name in _listed(path.parent) and "__init__.py" in _listed(path):
                found.add(path / "__init__.py")
    return found


@cache
def _listed(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
