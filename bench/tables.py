"""Results as Markdown."""

from __future__ import annotations

from typing import Any

from bench.keep import about

BARS = (
    ("LinUCB d=64 k=100 obs=20000", "mabwiser LinUCB", 150.0),
    ("LinUCB d=64 k=100 obs=20000", "sgemm", 0.6),
    ("LinUCB, actions only d=64 k=100 obs=20000", "mabwiser LinUCB", 150.0),
    ("LinUCB, actions only d=64 k=100 obs=20000", "sgemm", 0.6),
    ("LinUCB d=32 k=1000 obs=20000", "mabwiser LinUCB", 100.0),
    ("LinUCB d=32 k=1000 obs=2000", "mabwiser LinUCB", 100.0),
    ("LinUCB d=64 k=100 obs=200", "mabwiser LinUCB", 15.0),
    ("LinTS draw only d=64 k=100 obs=20000", "mabwiser LinTS", 300.0),
    ("LinTS with propensity d=64 k=100 obs=20000", "mabwiser LinTS", 100.0),
    ("update d=64 k=100 obs=20000", "mabwiser partial_fit", 15.0),
)
PLAIN, SIZE = "plain LinUCB", "d=64 k=100 obs=20000"
VARIANTS = ("LinUCB masked", "LinUCB masked, bits", "LinUCB valued", "LinUCB masked and valued")
VARIANT_BAR = 1.3


def line(result: dict[str, Any]) -> str:
    """One case, one line."""
    others = ", ".join(f"{name} ×{ratio:.3g}" for name, ratio in result["ours_times"].items())
    return f"{result['case']}: {result['rates']['ours'] / 1e6:.1f} M {result['unit']}; {others}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def _rates(cases: list[dict[str, Any]]) -> str:
    rows = []
    for result in cases:
        for name, rate in result["rates"].items():
            ratio = result["ours_times"].get(name)
            shown = "" if ratio is None else f"{ratio:.3g}"
            rows.append([result["case"], name, f"{rate / 1e6:.3g}", result["unit"], shown])
        rows += [
            [result["case"], missing, "not installed", "", ""] for missing in result["missing"]
        ]
    return _table(["case", "who", "millions", "unit", "ours is so many times it"], rows)


def _bars(cases: dict[str, dict[str, Any]]) -> str:
    rows = []
    for case, peer, bar in BARS:
        ratio = cases.get(case, {}).get("ours_times", {}).get(peer)
        if ratio is not None:
            rows.append([case, peer, f"{bar:g}", f"{ratio:.3g}", "yes" if ratio >= bar else "no"])
    for variant in VARIANTS:
        ratio = cases.get(f"{variant} {SIZE}", {}).get("ours_times", {}).get(PLAIN)
        if ratio is not None:
            met = "yes" if 1 / ratio <= VARIANT_BAR else "no"
            rows.append([variant, "time over plain LinUCB", "at most 1.3", f"{1 / ratio:.3g}", met])
    return _table(["case", "against", "bar", "measured", "met"], rows)


def _pairs(title: str, unit: str, found: dict[str, float]) -> str:
    return f"## {title}\n\n" + _table(
        ["what", unit], [[name, f"{value:.3g}"] for name, value in found.items()]
    )


def markdown(found: dict[str, Any]) -> str:
    """Every table, with the machine first."""
    parts = [
        "# Kernel benchmarks\n",
        f"Made by `python -m bench`. {about(found['machine'])}.\n",
        "## Bars\n\n" + _bars({result["case"]: result for result in found["cases"]}),
        "## Rates\n\nMedians of rounds in which everybody had a turn.\n\n" + _rates(found["cases"]),
    ]
    if "stages_ns" in found:
        parts.append(_pairs("Stages, d 64, k 100", "ns per customer and core", found["stages_ns"]))
        parts.append(_pairs("A million customers × 100 actions", "seconds", found["million_s"]))
        parts.append(_pairs("Compiling and starting", "seconds", found["startup"]))
    if "wave" in found:
        parts.append(_pairs("A wave from end to end", "seconds", found["wave"]))
    return "\n".join(parts)
