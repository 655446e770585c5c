"""The version of the program, and of what its bytes depend on."""

from __future__ import annotations

VERSION = "0.1.0"


def versions() -> dict[str, str]:
    """Of what the bytes depend on."""
    from importlib.metadata import version  # noqa: PLC0415 - a mail library comes with it

    others = {name: version(name) for name in ("numpy", "numba", "duckdb", "pyarrow")}
    return {"bandit": VERSION, **others}
