"""A command that dies at one of its calls to the disk, in this process: none after it is done."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import pytest

CALLS = ("mkdir", "rename", "replace", "unlink", "rmdir", "fsync")
"""What changes a folder, or promises that it has changed."""


class Killed(BaseException):
    """No handler may catch it, and none could do anything if it did: each call is refused too."""


def killed(command: Callable[[], Any], call: int) -> bool:
    """Run ``command`` and kill it before its call number ``call``; False if it ended before."""
    made = 0

    def dying(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made > call:
                raise Killed(f"call {call}, {name}")
            return real(*args, **kwargs)

        return called

    try:
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, dying(name))
            command()
    except Killed:
        gc.collect()  # open files of the dead go with their frames
        return True
    return made > call
