"""The version of the program, and of what its bytes depend on."""

from __future__ import annotations

from functools import cache

VERSION = "0.1.0"


def versions() -> dict[str, str]:
    """Of what the bytes depend on."""
    return {"bandit": VERSION, **_others()}


@cache
def _others() -> dict[str, str]:
    from importlib.metadata import version  # noqa: PLC0415 - a mail library comes with it

    return {name: version(name) for name in ("numpy", "numba", "duckdb", "pyarrow")}
