"""The version of the program, and of what its bytes depend on."""

from __future__ import annotations

from importlib.metadata import version

VERSION = "0.1.0"


def versions() -> dict[str, str]:
    """Of what the bytes depend on."""
    others = {name: version(name) for name in ("numpy", "numba", "duckdb", "pyarrow")}
    return {"bandit": VERSION, **others}
