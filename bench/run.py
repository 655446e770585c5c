"""Run the table of cases and write what came out, with the machine and the versions."""

from __future__ import annotations

import dataclasses
from typing import Any

from bench import profile, startup, tables
from bench.cases import CASES
from bench.keep import keep
from bench.machine import describe
from bench.measure import measure


def run(rounds: int, only: str, *, quick: bool, wave: bool) -> None:
    """Measure, print, and write ``results/kernels.md`` and ``.json`` unless a part was run."""
    found: dict[str, Any] = {"machine": describe(), "cases": []}
    for case in CASES:
        if only and only not in case.name:
            continue
        small = dataclasses.replace(case, rows=max(1000, case.rows // 10)) if quick else case
        result = measure(small, 1 if quick else rounds)
        found["cases"].append(result)
        print(tables.line(result), flush=True)
    if not only:
        found["stages_ns"] = profile.stages()
        found["million_s"] = profile.whole(100_000 if quick else 1_000_000)
        found["startup"] = startup.startup()
    if wave and not only:
        from bench.wave import wave as whole_wave

        found["wave"] = whole_wave(20_000 if quick else 200_000)
    text = tables.markdown(found)
    if only or quick:
        print(text)
    else:
        keep("kernels", found, text)
