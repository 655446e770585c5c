"""Commands run in processes of their own, killed or failing where a test wants them to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
COMPILERS = ("cc", "gcc", "clang")


class Mode(IntEnum):
    """What happens at the chosen call; the numbers are the shim's."""

    COUNT = 0
    FAIL_ONCE = 1
    FAIL_FROM = 2
    KILL_BEFORE = 3
    KILL_AFTER = 4


@dataclass(frozen=True)
class Fault:
    """The ``at``-th call that changes a file below ``folder``; ``log`` gets the calls' names."""

    folder: Path
    at: int = -1
    mode: Mode = Mode.COUNT
    error: int = 0
    log: Path | None = None


@dataclass(frozen=True)
class Command:
    """Arguments of `bandit`, and what befalls it."""

    arguments: tuple[str, ...]
    kill_after: float | None = None
    signal: int = signal.SIGKILL
    fault: Fault | None = None


@dataclass(frozen=True)
class Result:
    """How a command ended; the code of a killed one is negative."""

    code: int
    seconds: float
    memory_kb: int
    stdout: str
    stderr: str


class Runs:
    """A server process that forks a child a command; a context manager."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.temporary = scratch / "temporary"
        self.temporary.mkdir()
        environment = {
            **os.environ,
            "LD_PRELOAD": str(shim(scratch)),
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.temporary),
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in (self._server.stdin, self._server.stdout):
            assert stream is not None
            stream.close()
        self._server.wait()

    def bandit(self, *arguments: str | Path, **fate: object) -> Result:
        """Run one command."""
        command = Command(tuple(map(str, arguments)), **fate)  # type: ignore[arg-type]  # of mixed types
        return self.together(command)[0]

    def together(self, *commands: Command) -> list[Result]:
        """Start several at the same moment and wait for all."""
        asked = []
        for number, command in enumerate(commands):
            fault = command.fault
            asked.append({
                "arguments": command.arguments,
                "kill_after": command.kill_after,
                "signal": int(command.signal),
                "fault": fault and {
                    "folder": str(fault.folder), "at": fault.at, "mode": int(fault.mode),
                    "error": fault.error, "log": str(fault.log) if fault.log else None,
                },
                "stdout": str(self._scratch / f"stdout-{number}"),
                "stderr": str(self._scratch / f"stderr-{number}"),
            })  # fmt: skip
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        answers = json.loads(self._server.stdout.readline())
        return [
            Result(**answer, stdout=Path(one["stdout"]).read_text(errors="replace"),
                   stderr=Path(one["stderr"]).read_text(errors="replace"))
            for answer, one in zip(answers, asked, strict=True)
        ]  # fmt: skip


def compiler() -> str | None:
    """A C compiler, if there is one; the shim is built with it."""
    return next((c for c in COMPILERS if shutil.which(c)), None)


def shim(scratch: Path) -> Path:
    """The fault shim, built."""
    built = scratch / "shim.so"
    if not built.exists():
        found = compiler()
        assert found is not None
        source = Path(__file__).with_name("shim.c")
        command = [found, "-O2", "-shared", "-fPIC", "-o", str(built), str(source), "-ldl"]
        subprocess.run(command, check=True)
    return built
