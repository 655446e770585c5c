"""Runs `bandit` commands in forked children, so that each starts with everything imported.

Reads one JSON line a group of commands that are to start at once, answers one line a group. Started
by `runs.Runs` with the fault shim preloaded.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import json
import os
import sys
import time
from typing import Any

import bandit.cli.app
import bandit.workflows.inspect.explain
import bandit.workflows.learn.learn
import bandit.workflows.operate.rollback
import bandit.workflows.privacy.export_customer
import bandit.workflows.privacy.forget
import bandit.workflows.serve.serve_batch


def main() -> None:
    """Serve until standard input ends."""
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_group(json.loads(line))) + "\n")
        sys.stdout.flush()


def _group(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ready, go = os.pipe()
    children = [_start(command, ready, go) for command in commands]
    os.close(ready)
    os.close(go)  # the end of the pipe is the starting shot for all of them
    started = time.monotonic()
    ended: dict[int, dict[str, Any]] = {}
    while len(ended) < len(children):
        for child, command in zip(children, commands, strict=True):
            if child in ended:
                continue
            found, status, used = os.wait4(child, os.WNOHANG)
            now = time.monotonic() - started
            if found:
                ended[child] = {
                    "code": os.waitstatus_to_exitcode(status),
                    "seconds": now,
                    "memory_kb": used.ru_maxrss,
                }
            elif command["kill_after"] is not None and now >= command["kill_after"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, command["signal"])
                command["kill_after"] = None
        time.sleep(0.0005)
    return [ended[child] for child in children]


def _start(command: dict[str, Any], ready: int, go: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.close(go)
        for number, name in ((1, "stdout"), (2, "stderr")):
            handle = os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, number)
        os.read(ready, 1)
        _arm(command["fault"])
        bandit.cli.main(command["arguments"])
        code = 0
    except SystemExit as e:
        code = int(e.code or 0)
    finally:
        atexit._run_exitfuncs()  # type: ignore[attr-defined]  # as Python does at its end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _arm(fault: dict[str, Any] | None) -> None:
    if fault is None:
        return
    shim = ctypes.CDLL(None)
    log = fault["log"]
    shim.fault_arm(
        fault["folder"].encode(),
        ctypes.c_long(fault["at"]),
        fault["mode"],
        fault["error"],
        log.encode() if log else None,
    )


if __name__ == "__main__":
    main()
    os._exit(0)  # DuckDB's leak report at exit is not about these runs
