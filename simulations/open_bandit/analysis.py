"""Published figures, estimators against the on-policy truth, and verdicts, as Markdown."""

from __future__ import annotations

from pathlib import Path

from bandit import ope
from simulations.open_bandit.environment import bts_to_uniform, random_to_bts
from simulations.open_bandit.sweep import Gate, Row


def published(folder: Path) -> list[tuple[str, float, float, float]]:
    """Name, ours, published, and the tolerance that its printed digits leave."""
    forward, back = random_to_bts(folder, "all"), bts_to_uniform(folder, "all")
    ips = ope.ips(forward.log.rewards, forward.weights).value
    r, w = back.log.rewards, back.weights
    plain, normalised = ope.ips(r, w), ope.snips(r, w)
    limits = {m: ope.lower_bound(w * r, m) for m in ("hoeffding", "bernstein", "student_t")}
    women = bts_to_uniform(folder, "women")
    tiny = ope.ips(women.log.rewards, women.weights)
    return [
        ("random/all -> BernoulliTS, IPS", ips, 0.004553, 5e-7),
        ("... relative to the log's mean", ips / forward.log.rewards.mean(), 1.198126, 5e-7),
        ("bts/all -> uniform, IPS", plain.value, 0.0023596395, 5e-11),
        ("... SNIPS", normalised.value, 0.0023337139, 5e-11),
        ("... mean weight", plain.mean_weight, 1.0111092, 5e-8),
        ("... effective sample size", plain.effective_sample_size, 340.378, 5e-4),
        ("... Hoeffding, 95 %", limits["hoeffding"], -0.0929576, 5e-8),
        ("... empirical Bernstein, 95 %", limits["bernstein"], -0.0067104749, 5e-11),
        ("... Student t, 95 %", limits["student_t"], 0.0009268030, 5e-11),
        ("bts/women -> uniform, effective sample size", tiny.effective_sample_size, 2.1, 5e-2),
        ("... largest weight", tiny.max_weight, 21739.0, 0.5),
    ]


def header(*names: str) -> list[str]:
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def report(folder: Path, rows: list[Row], gates: list[Gate]) -> str:
    lines = [
        "## Published figures",
        "",
        "| figure | here | published | agrees |",
        "|---|---|---|---|",
    ]
    for name, ours, theirs, tolerance in published(folder):
        lines.append(
            f"| {name} | {ours:.12g} | {theirs:.10g} | {abs(ours - theirs) <= tolerance} |"
        )
    lines += ["", "## Estimators against the policy's own log", ""]
    lines += ["Click rates in units of 0.001; z = (estimate - truth) / joint standard error.", ""]
    lines += header("question", "estimator", "value", "95 % interval", "ESS", "truth", "z")
    for question, recipe, e, truth, error in rows:
        joint = (e.standard_error**2 + error**2) ** 0.5
        lines.append(
            f"| {question} | {recipe} | {1e3 * e.value:.3f} | {1e3 * e.lower:.3f} to "
            f"{1e3 * e.upper:.3f} | {e.effective_sample_size:.1f} | {1e3 * truth:.3f} | "
            f"{(e.value - truth) / joint:+.2f} |"
        )
    lines += [
        "",
        "## What the gate says",
        "",
        "| question | ESS | mean weight | verdict |",
        "|---|---|---|---|",
    ]
    for question, ess, mean, verdict in gates:
        lines.append(
            f"| {question} | {ess:.1f} | {mean:.3f} | **{verdict.decision}**: {verdict.reason} |"
        )
    return "\n".join(lines) + "\n"
