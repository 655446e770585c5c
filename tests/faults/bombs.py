"""Files that claim far more than they are: refused in a sentence, in bounded memory."""

from __future__ import annotations

import json
import re
import resource
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save

from bandit.core.errors import DataError
from bandit.models.posterior_file import load_posterior
from tests.faults import small
from tests.faults.runs import Result, Runs

MOST_MEMORY_KB = 1_500_000
"""Above what a command of this campaign takes by itself lies the memory_mb of its limits."""
ROWS = 123_457
CLAIMED = 2**40


def bombs(runs: Runs, scratch: Path) -> dict[str, object]:
    """Each bomb in the place of the customers, or where a posterior is read: how commands end."""
    codes: Counter[int] = Counter()
    memory = 0
    for name, write in PARQUETS.items():
        folder = _from_parquet(scratch / name)
        write(folder / "customers.parquet")
        result = runs.bandit("serve-batch", folder, "--at", small.AT.isoformat()[:19])
        hold_said(name, result)
        assert not list((folder / "waves").glob("[!.]*")), name
        codes[result.code] += 1
        memory = max(memory, result.memory_kb)
    for name, text in TOMLS.items():
        folder = small.write(scratch / name, toml=text)
        result = runs.bandit("check", folder)
        hold_said(name, result)
        codes[result.code] += 1
        memory = max(memory, result.memory_kb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for content in TENSORS.values():
        path = scratch / "bomb.safetensors"
        path.write_bytes(content())
        with pytest.raises(DataError, match=re.escape(str(path))) as error:
            load_posterior(path)
        codes[error.value.exit_code] += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    tried = len(PARQUETS) + len(TOMLS) + len(TENSORS)
    assert sum(codes.values()) == tried, codes
    assert max(memory, grown) < MOST_MEMORY_KB, f"{memory:,} kB, {grown:,} kB"
    return {"bombs": tried, "codes": dict(codes), "most memory, MB": memory // 1024}


def hold_said(what: str, result: Result) -> None:
    """A message of ours, with an exit code that says whose fault it is."""
    assert result.code in {3, 4}, f"{what}: ended with {result.code}: {result.stderr[-500:]}"
    assert result.stderr.startswith("error: "), f"{what}: {result.stderr[-500:]}"
    assert "Traceback" not in result.stderr, f"{what}: {result.stderr[-500:]}"


def _from_parquet(folder: Path) -> Path:
    toml = small.TOML.replace('source = "customers.csv"', 'source = "customers.parquet"')
    return small.write(folder, toml=f"{toml}\n[limits]\nmemory_mb = 400\n")


def _customers(count: int) -> pa.Table:
    return pa.table({
        "customer_id": [small.key(i) for i in range(count)],
        "age": np.arange(count) % 70 + 18,
        "spend": np.ones(count),
        "member": np.zeros(count, np.bool_),
        "city": ["Bern"] * count,
        "joined": ["2020-01-01"] * count,
    })  # fmt: skip


def _claiming(path: Path) -> None:
    """A footer in which every count of rows says 2^40."""
    pq.write_table(_customers(ROWS), path, row_group_size=ROWS, use_dictionary=False)
    content = path.read_bytes()
    size = struct.unpack("<I", content[-8:-4])[0]
    body, footer = content[: -8 - size], content[-8 - size : -8]
    forged = footer.replace(_varint(2 * ROWS), _varint(2 * CLAIMED))
    assert forged != footer
    path.write_bytes(body + forged + struct.pack("<I", len(forged)) + b"PAR1")


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _packed(path: Path) -> None:
    """A column whose cells unfold to 2 GB; a customer has no city of ten megabytes."""
    count = 200
    table = _customers(count).set_column(4, "city", pa.array(["x" * 10_000_000] * count))
    pq.write_table(table, path, compression="ZSTD", use_dictionary=False, row_group_size=10)


def _no_end(path: Path) -> None:
    """A length of the footer that goes beyond the file."""
    pq.write_table(_customers(100), path)
    path.write_bytes(path.read_bytes()[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1")


def _long_header() -> bytes:
    return struct.pack("<Q", 2**34) + b"{}"


def _far_offsets() -> bytes:
    about = {"gram": {"dtype": "F64", "shape": [2**20, 2**10, 8], "data_offsets": [0, 2**36]}}
    header = json.dumps(about).encode()
    return struct.pack("<Q", len(header)) + header


def _deep_header() -> bytes:
    header = b'{"a":' + b"[" * 100_000
    return struct.pack("<Q", len(header)) + header


def _large_shape() -> bytes:
    """Whole by its own account, with more actions than its other arrays have."""
    return save({"gram": np.zeros((1, 1, 1)), "shift": np.zeros((2**16, 1))})


PARQUETS = {"2^40 rows": _claiming, "unfolds": _packed, "no footer": _no_end}
TENSORS = {
    "header of 16 GB": _long_header,
    "tensor of 64 GB": _far_offsets,
    "deep header": _deep_header,
    "shapes that disagree": _large_shape,
}
TOMLS = {
    "nested lists": f"a = {'[' * 100_000}",
    "nested tables": f"a = {'{a = ' * 100_000}",
    "a long dotted key": f"{'.'.join(['a'] * 50_000)} = 1",
    "a long dotted table": f"[{'.'.join(['a'] * 50_000)}]",
}
