"""What a command leaves out, where its process ends with it."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from pathlib import Path


class Short:
    """``own``: this process runs one command and nothing after it; ``code``: how that ended."""

    own = False
    code: int | None = None


SHORT = Short()


def lean(campaign: Path) -> None:
    """Load neither pandas nor, where there is little to reckon, the compiler."""
    if not SHORT.own:
        return
    keep_all()
    from bandit.core.compiling import COMPILING
    from bandit.workflows.inspect.light import is_light

    _no_pandas()
    COMPILING.left_out = is_light(campaign)


def keep_all() -> None:
    """Search for no garbage: modules are loaded, and what is loaded stays."""
    if SHORT.own:
        gc.disable()


def clean_up() -> None:
    """Search for it again, now that the commands are loaded: small ones do without."""
    if SHORT.own:
        gc.enable()


def brief() -> None:
    """End the process as it stands, once all that is registered after this has been cleaned up.

    Else Python takes itself apart object by object, for a sixth of a small command's time, and
    libraries with threads of their own are taken apart under these.
    """
    if SHORT.own:
        atexit.register(_leave)


def _leave() -> None:
    if SHORT.code is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(SHORT.code)


def swift() -> None:
    """As `spare`, and until it serves no garbage is searched for."""
    keep_all()
    spare()


def spare() -> None:
    """Load the compiler, but neither pandas nor SciPy.

    Numba looks for SciPy's BLAS when the first kernel is read, and no kernel of ours asks for it.
    """
    if not SHORT.own:
        return
    _no_pandas()
    with _without("scipy"):
        from bandit.kernels import _numba

        _numba.prepare()


def _no_pandas() -> None:
    """Have Arrow look for pandas in vain.

    It does so the first time that it is handed a list, and takes half a second for it where it is
    installed; once it has looked in vain it does not look again.
    """
    with _without("pandas"):
        import pyarrow as pa

        pa.array([])


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Say of a package that it is not there."""
    without = _Without(package)
    sys.meta_path.insert(0, without)
    try:
        yield
    finally:
        sys.meta_path.remove(without)


class _Without:
    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Find nothing of the package."""
        if name == self._package or name.startswith(f"{self._package}."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None
