"""Pages of the manual as programs: commands that are run, and what the page says they print.

A fenced block of the kind `console` is run: a line `$ command` (with `\\` at its end it goes on in
the next line) and below it the output as printed. `...` stands for any text, alone on a line for
any lines. The blocks of a page run one after another in one fresh folder, in which the folders
`examples` and `simulations` of the repository lie.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FENCE = "```"
KIND = "console"
SECONDS = 900
HILLSTROM = ROOT.parent / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
"""The real campaign that pages run."""
COMPILING = "compiling kernels for this machine"
"""What only the first run on a machine says."""


class Command(NamedTuple):
    """A command of a page: its text, the lines it should print, and where those stand."""

    text: str
    expected: list[str]
    first: int
    last: int


def pages() -> list[Path]:
    """Every page with commands that are run."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found += sorted((ROOT / "examples").rglob("*.md"))
    return [page for page in found if f"\n{FENCE}{KIND}\n" in page.read_text(encoding="utf-8")]


def commands(page: Path) -> list[Command]:
    """The commands of a page in their order."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Command] = []
    for start, end in _fenced(lines):
        at = start
        while at < end:
            if not lines[at].startswith("$ "):
                raise AssertionError(f"{page.name}:{at + 1}: a {KIND} block starts with '$ '")
            text = lines[at][2:]
            while text.endswith("\\"):
                at += 1
                text = text[:-1] + lines[at].removeprefix("> ")
            at += 1
            first = at
            while at < end and not lines[at].startswith("$ "):
                at += 1
            found.append(Command(text, lines[first:at], first, at))
    return found


def _fenced(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = None
    for number, line in enumerate(lines):
        if start is None and line == FENCE + KIND:
            start = number + 1
        elif start is not None and line == FENCE:
            yield start, number
            start = None


def run(text: str, folder: Path) -> list[str]:
    """The lines that a command prints, errors among them; the folder's own path is not shown."""
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
        encoding="utf-8",
    )
    shown = done.stdout.replace(f"{folder}/", "").replace(str(folder), ".")
    lines = (line.rstrip() for line in shown.splitlines())
    return [line for line in lines if not line.startswith(COMPILING)]


def prepare(folder: Path) -> Path:
    """A fresh folder with what the pages may name."""
    for name in ("examples", "simulations"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    if HILLSTROM.exists():
        shutil.copy(HILLSTROM, folder / "examples" / "hillstrom")
    return folder


def lacks_data(text: str) -> bool:
    """Whether a command needs the real campaign, which is not beside the repository."""
    return "examples/hillstrom" in text and not HILLSTROM.exists()


def agrees(expected: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether what was printed is what the page says."""
    parts = [
        r"(?:.*\n)*?"
        if line.strip() == "..."
        else re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"\n"
        for line in expected
    ]
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in printed)) is not None


def updated(page: Path, folder: Path) -> str:
    """The page with what its commands print now; where it agreed already, as it stands."""
    lines = page.read_text(encoding="utf-8").splitlines()
    fresh = [(c, run(c.text, folder)) for c in commands(page)]
    for command, printed in reversed(fresh):
        if not agrees(command.expected, printed):
            lines[command.first : command.last] = printed
    return "\n".join(lines) + "\n"
