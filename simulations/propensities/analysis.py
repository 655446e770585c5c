"""The result in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from simulations.propensities.sweep import Agreement, Judged, Weights


def report(loose: Agreement, tight: Agreement, weights: Weights, judged: Sequence[Judged]) -> str:
    """Markdown."""
    lines = ["| wave | redraws | (customer, action) pairs | within the 99.9 % interval | thinned | a cap passed |"]  # fmt: skip
    lines.append("|---|---|---|---|---|---|")
    for name, a in (("no caps", loose), ("binding caps", tight)):
        lines.append(
            f"| {name} | {a.redraws:,} | {a.pairs:,} | {a.inside:.3%} | {a.thinned:.1%} of redraws |"
            f" {a.passed} |"
        )
    sigma = (weights.mean - 1.0) / weights.standard_error
    lines.append("")
    lines.append(
        f"Mean weight onto uniform over {weights.waves} draws of the constrained wave:"
        f" {weights.mean:.4f} ± {weights.standard_error:.4f} ({sigma:+.2f} standard errors from 1)."
    )
    lines.append("")
    lines.append("| estimator | constrained policy's true value | from a log of the free policy | 95 % interval | holds it |")  # fmt: skip
    lines.append("|---|---|---|---|---|")
    for j in judged:
        holds = "yes" if j.lower <= j.truth <= j.upper else "no"
        lines.append(
            f"| {j.name} | {j.truth:.4f} | {j.value:.4f} | {j.lower:.4f} to {j.upper:.4f} | {holds} |"
        )
    return "\n".join(lines) + "\n"
