"""What every test may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

# Several workers share the cores: a library's own threads would wait for each other, busily. Read
# when the library is loaded, which no plugin does before.
for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(library, "1")
# Hundreds of commands are started: the first leaves its bytecode to the others.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real campaigns with their provenance; they lie beside the repository, never in it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(
            "needs the real campaigns of ../shared/data (hillstrom, obd, ...) beside the repository"
        )
    return folder


def pytest_collection_finish() -> None:
    """Thousands of tests and their modules stay: to look through them for garbage is long."""
    gc.collect()
    gc.freeze()
