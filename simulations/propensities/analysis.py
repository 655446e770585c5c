"""The result in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from simulations.propensities.sweep import Agreement, Judged, Modelled, Weights


def models(found: Sequence[Modelled]) -> str:
    """Lines of Markdown, a row a model."""
    lines = [
        "| model | pairs | redraws, within the 99.9 % interval | under binding caps | a cap passed |"
        " mean weight | from 1 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, loose, tight, weights in found:
        sigma = (weights.mean - 1.0) / weights.standard_error
        lines.append(
            f"| {name} | {loose.pairs:,} | {loose.redraws:,}, {loose.inside:.2%} |"
            f" {tight.redraws:,}, {tight.inside:.2%} | {tight.passed} |"
            f" {weights.mean:.4f} ± {weights.standard_error:.4f} | {sigma:+.2f} s.e. |"
        )
    return "\n".join(lines) + "\n\n"


def _agreement(loose: Agreement, tight: Agreement, weights: Weights) -> list[str]:
    """Lines of Markdown on frequencies and mean weight."""
    lines = ["| wave | redraws | (customer, action) pairs | within the 99.9 % interval | thinned | a cap passed |"]  # fmt: skip
    lines.append("|---|---|---|---|---|---|")
    for name, a in (("no caps", loose), ("binding caps", tight)):
        lines.append(
            f"| {name} | {a.redraws:,} | {a.pairs:,} | {a.inside:.3%} | {a.thinned:.1%} of redraws |"
            f" {a.passed} |"
        )
    sigma = (weights.mean - 1.0) / weights.standard_error
    return [
        *lines,
        "",
        f"Mean weight onto uniform over {weights.waves} draws of the constrained wave:"
        f" {weights.mean:.4f} ± {weights.standard_error:.4f} ({sigma:+.2f} standard errors from 1).",
    ]


def report(loose: Agreement, tight: Agreement, weights: Weights, judged: Sequence[Judged]) -> str:
    """Markdown."""
    lines = _agreement(loose, tight, weights)
    lines.append("")
    lines.append("A constrained policy judged from logs of the free one:")
    lines.append("")
    lines.append(
        "| estimator | logs | true value | mean error | 95 % intervals that hold the truth |"
    )
    lines.append("|---|---|---|---|---|")
    lines += [
        f"| {j.name} | {j.logs} | {j.truth:.4f} | {j.bias:+.4f} ± {j.standard_error:.4f} | {j.inside} |"
        for j in judged
    ]
    return "\n".join(lines) + "\n"
