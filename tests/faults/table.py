"""The lines that the long runs wrote, as a table: `python -m tests.faults.table FILE...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TRIED = {
    "kill-serve": "SIGKILL in `serve-batch`, rerun: the same bytes",
    "kill-learn": "SIGKILL in `learn`, rerun: the same bytes",
    "disk-serve": "each call of `serve-batch` to the disk fails, alone and with all after it",
    "disk-learn": "the same of `learn`",
    "kill-rollback": "SIGKILL in `rollback`: the newest snapshot is the old or the new one",
    "kill-export": "SIGKILL in `export-customer --out`: the file is whole or not there",
    "signals": "SIGTERM, SIGHUP and SIGINT in `serve-batch`: nothing left, the rerun clean",
    "index": "`index.duckdb` flipped, cut, deleted: the same answers",
    "damage": "other files flipped or cut: refused by name",
    "pairs": "two runs at once",
    "malformed": "malformed inputs",
    "injections": "hostile expressions",
    "bombs": "Parquet, safetensors and TOML that claim or unfold to far more than they are",
    "channels": "hundreds of channels, each list as agreed",
    "replaced": "customers replaced while a wave runs",
    "moved": "the folder moved between commands",
    "opt-outs": "opt-outs between scoring and lists",
    "forget": "`forget` killed and failing; bytes of the keys left in files",
    "readers": "`forget` beside `explain` and `export-customer`",
    "order": "outcomes shuffled, late, doubled: the same posterior",
    "month": "days with a fault each",
}


def rows(lines: list[dict[str, Any]]) -> list[str]:
    """A Markdown table; a row a point and seed, in the order of the points."""
    known = list(TRIED)
    ordered = sorted(lines, key=lambda line: (known.index(line["point"]), line["seed"]))
    head = ["| tried | seed | found | date |", "|---|---|---|---|"]
    return head + [
        f"| {TRIED[one['point']]} | {one['seed']} | {said(one['found'])} | {one['date']} |"
        for one in ordered
    ]


def said(found: Any) -> str:
    """Figures in words."""
    match found:
        case dict():
            return ", ".join(
                f"{name} ({said(value)})" if isinstance(value, dict) else f"{name}: {said(value)}"
                for name, value in found.items()
                if value != {}
            )
        case [mean, error]:
            return f"{mean:.4f} ± {error:.4f}"
        case float():
            return f"{found:.2%}"
        case int():
            return f"{found:,}"
    return str(found)


def main() -> None:
    """Read the files named and print."""
    texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    machines = sorted({line["machine"] for line in lines})
    sys.stdout.write("\n".join([*rows(lines), "", f"On {'; '.join(machines)}.", ""]))


if __name__ == "__main__":
    main()
