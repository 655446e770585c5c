"""What a small command leaves out, where its process ends with it."""

from __future__ import annotations

import gc
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path


class Short:
    """``own``: this process runs one command and nothing after it."""

    own = False


SHORT = Short()


def lean(campaign: Path) -> None:
    """Load neither pandas nor, where there is little to reckon, the compiler.

    Arrow looks for pandas the first time that it is handed a list, and takes half a second for it
    where it is installed; once it has looked in vain it does not look again. What is loaded stays,
    so that nothing need be searched for garbage.
    """
    if not SHORT.own:
        return
    gc.disable()
    from bandit.core.compiling import COMPILING
    from bandit.workflows.inspect.light import is_light

    sys.meta_path.insert(0, _WithoutPandas())
    try:
        import pyarrow as pa

        pa.array([])
    finally:
        sys.meta_path.pop(0)
    COMPILING.left_out = is_light(campaign)


class _WithoutPandas:
    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Say of pandas that it is not there."""
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None
