"""What each learner earned, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bandit.core.types import Float64
from bandit.stats.quantiles import student_t_quantile
from simulations.learners.new_offer import Met
from simulations.learners.scores import LEARNERS as SCORED
from simulations.learners.sweep import LEARNERS, Run

WORLDS = {
    "common": "offers of eight families; 3.6 % of contacts sell",
    "rare": "the same with a quarter of the sales",
    "thousand": "1,000 pairs, some 8 observations each in a random wave",
    "unshared": "what sells has nothing in common from pair to pair",
    "drifting": "tastes turn over the year; half-life 60 days",
    "scored": "of each offer a model elsewhere knows more than the columns say",
}


def spoken(scored: Sequence[Run]) -> list[str]:
    """What scores are worth, in a sentence."""
    way = {who: gains(who, scored).mean() / gains("best", scored).mean() for who in SCORED}
    noise = 1.0 - gains("hybrid, noise", scored).mean() / gains("hybrid", scored).mean()
    return [
        f"With scores the hybrid goes {way['hybrid, scores']:.0%} of the way,"
        f" {100 * (way['hybrid, scores'] - way['margin × raw score']):+.0f} points over margin × raw"
        f" score and {100 * (way['hybrid, scores'] - way['hybrid']):+.0f} over no scores; distorted"
        f" ones {100 * (way['hybrid, distorted'] - way['hybrid, scores']):+.1f}. Noise in place of"
        f" scores costs {noise:.1%} of what the hybrid gains without.",
        "",
    ]


def table(world: str, runs: Sequence[Run]) -> list[str]:
    """Lines of one world's table."""
    operators = len({run.seed for run in runs})
    return [
        f"## {world}: {WORLDS[world]}; {operators} operators",
        "",
        "| who | gain, first | more | gain, later | more | way, later |",
        "|---|---|---|---|---|---|",
        *(_row(who, runs) for who in (SCORED if world == "scored" else LEARNERS)),
        "",
    ]


HELD_BACK = {
    "new offer": (
        "## A new offer in its first wave",
        "",
        "Each of the 20 offers in turn is held back from what two random waves taught. *Cold*: its"
        " margin is known and nothing else is said of it; *described*: its family and its channels"
        " as well; *siblings*: told the truth about the other offers, which is the mean over those"
        " of its family and the mean over all, at its margin, at the weight of the two that is best"
        " over the operator's 20: what could be closed by who watched the others for ever and is"
        " told families alone; *told*: described by the truth, which is the mean over 60 other offers of its"
        " family at its margin; *known*: it was seen like the others; *without*: it is not to be"
        " had. The gap of a new offer is what a cold one costs against a known one, in brackets the"
        " 95 % interval over the operators. By error: mean squared, of what contacts with it are"
        " expected to bring; by value: EUR a customer, of those who may get it, as it is served"
        " (alpha 0.2), caps aside. The last column is that of the offer that the truth would miss"
        " most, against not having it.",
        "",
    ),
    "declared offer": (
        "## A new offer whose columns say what makes it liked",
        "",
        "The same of other operators, whose offers have three numbers in declared columns that carry"
        " all of their taste (`declared.py`); how often an offer sells, to whom by region and by"
        " which channels is its own as ever. *Told* is the mean over offers of the same numbers;"
        " *siblings* are those of its family as above, which say little here.",
        "",
    ),
}


def new_offers(part: str, met: Sequence[Met]) -> str:
    """Of every offer in turn, and of the one that the truth would miss most."""
    lines = [*HELD_BACK[part]]
    for name, curve in (("Kinds along lines", False), ("Kinds through the curve", True)):
        of = [m for m in met if m.curve == curve]
        lines += [
            f"{name}:",
            "",
            "| operator | without, EUR | cold | described | siblings | told | known | of the error |"
            " siblings | told | of the value | siblings | told | the most missed |",
            f"|{'---|' * 14}",
            *(
                _met(str(s), [m for m in of if m.seed == s])
                for s in dict.fromkeys(m.seed for m in of)
            ),
            _met("together", of),
            "",
        ]
    return "\n".join(lines)


def _met(name: str, met: Sequence[Met]) -> str:
    reach = (_without, _cold, _described, _siblings, _told, _known)
    values = [f"{_mean(met, of):.3f}" for of in reach]
    errors = [_closed(met, _of(0), _of(i), _of(4)) for i in (1, 2, 3)]
    worth = [_closed(met, _cold, to, _known) for to in (_described, _siblings, _told)]
    most = _closed([m for m in met if m.missed], _without, _described, _known)
    return f"| {name} | {' | '.join([*values, *errors, *worth, most])} |"


def _of(error: int) -> Callable[[Met], float]:
    return lambda met: met.errors[error]


def _without(met: Met) -> float:
    return met.without


def _cold(met: Met) -> float:
    return met.cold


def _described(met: Met) -> float:
    return met.described


def _siblings(met: Met) -> float:
    return met.siblings


def _told(met: Met) -> float:
    return met.told


def _known(met: Met) -> float:
    return met.known


def _mean(met: Sequence[Met], of: Callable[[Met], float]) -> float:
    """Weighed by customers."""
    weight = np.array([m.customers for m in met], np.float64)
    return float(weight @ [of(m) for m in met] / weight.sum())


def _closed(
    met: Sequence[Met],
    untold: Callable[[Met], float],
    described: Callable[[Met], float],
    known: Callable[[Met], float],
) -> str:
    """Share of the way from untold to known; with Student's interval of the ratio by operators."""
    by = [[m for m in met if m.seed == seed] for seed in dict.fromkeys(m.seed for m in met)]
    begin, there, end = (
        np.array([sum(m.customers * of(m) for m in one) for one in by])
        for of in (untold, described, known)
    )
    gap = (end - begin).sum()
    share = float((there - begin).sum() / gap)
    if len(by) == 1:
        return f"{share:.0%}"
    off = (there - begin) - share * (end - begin)
    reach = student_t_quantile(0.975, len(by) - 1) * len(by) ** 0.5 * off.std(ddof=1) / abs(gap)
    return f"{share:.0%} ({share - reach:.0%} to {share + reach:.0%})"


def gains(who: str, runs: Sequence[Run]) -> Float64:
    """EUR a customer over rules, float64[operators, waves]."""
    by = {(run.seed, run.who): run.value for run in runs}
    return np.array([by[seed, who] - by[seed, "rules"] for seed, name in by if name == who])


def _row(who: str, runs: Sequence[Run]) -> str:
    own, base, best = (gains(name, runs) for name in (who, "disjoint", "best"))
    first, later = (own[:, 0], base[:, 0]), (own.mean(axis=1), base.mean(axis=1))
    way = own.mean() / best.mean()
    return (
        f"| {who} | {first[0].mean():.3f} | {_more(*first)} | {later[0].mean():.3f} |"
        f" {_more(*later)} | {way:.0%} |"
    )


def _more(own: Float64, base: Float64) -> str:
    """Gain beyond the disjoint learner's, with Student's interval of the paired difference.

    A share of what that gains, where there is something to share.
    """
    more = own - base
    reach = np.inf
    if len(more) > 1:
        reach = student_t_quantile(0.975, len(more) - 1) * more.std(ddof=1) / len(more) ** 0.5
    middle, low, high = more.mean(), more.mean() - reach, more.mean() + reach
    if base.mean() <= 0.0:
        return f"{middle:+.3f} EUR ({low:+.3f} to {high:+.3f})"
    middle, low, high = (number / base.mean() for number in (middle, low, high))
    return f"{middle:+.0%} ({low:+.0%} to {high:+.0%})"
