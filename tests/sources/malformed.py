"""Inputs broken at random, and the whole way that a wave reads them."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from bandit.config import campaign_file
from bandit.features import encode, fit
from bandit.sources import customers, database, unusable_rows
from bandit.sources.catalogue import load_catalogue
from tests.sources import small

HARD_WORDS = [
    b'"', b",", b"\n", b"\r\n", b";", b"'", b"\x00", b"nan", b"inf", b"1e999", b"-", b"2020-99-99",
    b"99999999999999999999", b"\xff\xfe", b"true", b'""', b"=1+1", b"[", b"]", b"{", b"}", b"\\",
    "Zürich".encode(), "Zürich".encode("latin-1"), b"[[offer]]", b"name", b"..", b"/", b"#",
]  # fmt: skip

EDITS = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "delete", "insert", "word", "repeat", "truncate"]),
        st.floats(0, 1, exclude_max=True),
        st.binary(min_size=1, max_size=8),
        st.sampled_from(HARD_WORDS),
    ),
    min_size=1,
    max_size=6,
)


def broken(content: bytes, edits: list[tuple[str, float, bytes, bytes]]) -> bytes:
    """`content` after the edits."""
    data = bytearray(content)
    for what, where, random, word in edits:
        at = int(where * len(data))
        if what == "overwrite":
            data[at : at + len(random)] = random
        elif what == "delete":
            del data[at : at + 4 * len(random)]
        elif what == "insert":
            data[at:at] = random
        elif what == "word":
            data[at:at] = word
        elif what == "repeat":
            data[at:at] = data[at : at + 40]
        else:
            del data[at:]
    return bytes(data)


def files(folder: Path, kind: str) -> dict[str, bytes]:
    """Write a small campaign over files of a kind; the files that may be broken."""
    toml = small.TOML
    names = ["customers", "consents", "history"]
    small.write(folder)
    if kind == "toml":
        return {"campaign.toml": toml.encode()}
    if kind == "csv":
        return {f"{n}.csv": (folder / f"{n}.csv").read_bytes() for n in names}
    if kind == "duckdb":
        statements = [f"CREATE TABLE {n} AS FROM '{folder}/{n}.csv'" for n in names]
        small.duckdb_file(folder / "u.duckdb", *statements)
        for n in names:
            toml = toml.replace(f'"{n}.csv"', f'"u.duckdb"\ntable = "{n}"')
    else:
        for n in names:
            small.duckdb_file(
                folder / "scratch.duckdb",
                f"COPY (FROM '{folder}/{n}.csv') TO '{folder}/{n}.parquet' (FORMAT parquet)",
            )
            toml = toml.replace(f'"{n}.csv"', f'"{n}.parquet"')
    (folder / "campaign.toml").write_text(toml)
    found = ["u.duckdb"] if kind == "duckdb" else [f"{n}.parquet" for n in names]
    return {name: (folder / name).read_bytes() for name in found}


def read_all(folder: Path) -> int:
    """Everything that a wave reads of the user's; customers that came through."""
    campaign = campaign_file.load(folder)
    with database.connect(campaign, threads=1) as data:
        catalogue = load_catalogue(campaign, data)
        spec = fit(campaign.features, customers.feature_relation(data, campaign), small.AT)
        rows = 0
        for batch in customers.stream(data, campaign, catalogue, at=small.AT, batch_size=3):
            encode(spec, batch.columns, small.AT)
            rows += len(batch.ids)
        for _ in unusable_rows.stream(data, campaign):
            pass
    return rows
