"""Coverage-guided inputs for the parsers: `python -m tests.faults.fuzz -max_total_time=600`.

By hand: it needs atheris (`pip install atheris`), which nothing else does. The first byte of an
input says which parser gets the rest; the arguments are libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["bandit", "sqlglot", "tomllib"]):
    import duckdb

    from bandit.config import campaign_file
    from bandit.core.errors import BanditError
    from bandit.features.spec import FeatureSpec
    from bandit.models.posterior_file import load_posterior
    from bandit.record import manifest
    from bandit.sources import csv_source, sources
    from bandit.sources.expressions import check_expression

COLUMNS = {"age": "BIGINT", "spend": "DOUBLE", "city": "VARCHAR", "joined": "DATE"}
SCRATCH = Path(tempfile.mkdtemp(prefix="fuzz-"))


def _file(name: str, content: bytes) -> Path:
    path = SCRATCH / name
    path.write_bytes(content)
    return path


def _csv(content: bytes) -> None:
    text = csv_source.read([_file("rows.csv", content)])
    with duckdb.connect(":memory:") as connection:
        csv_source.hold_whole(connection, [SCRATCH], f"SELECT count(*) FROM ({text.tolerant}) t")


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


PARSERS: tuple[Callable[[bytes], object], ...] = (
    lambda content: campaign_file.load(_file("campaign.toml", content)),
    lambda content: check_expression(_text(content), COLUMNS),
    lambda content: sources.query("customers", _text(content), alias="a", own="b"),
    lambda content: FeatureSpec.from_json(_text(content)),
    lambda content: manifest.read(_file(manifest.NAME, content).parent),
    lambda content: load_posterior(_file("posterior.safetensors", content)),
    _csv,
)


def one(content: bytes) -> None:
    """An answer, or an error that is the user's to mend."""
    if not content:
        return
    try:
        PARSERS[content[0] % len(PARSERS)](content[1:])
    except BanditError as error:
        if error.exit_code not in {3, 4}:
            raise


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
