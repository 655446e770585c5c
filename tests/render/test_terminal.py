"""What stands in the user's data is shown as it is: no markup, no emoji, no escape is obeyed."""

from __future__ import annotations

from io import StringIO

import pytest

from bandit.render.cluster_tables import mean_text
from bandit.render.terminal import show, tables
from bandit.results.privacy import Forgotten
from bandit.results.result import Result
from bandit.results.serve import Price, WaveSummary

EVIL = "A[/b]3 [bold]x[/bold] [red] :smile: \x1b]0;owned\x07"
SHOWN = "A[/b]3 [bold]x[/bold] [red] :smile: ?]0;owned?"


def _wave() -> WaveSummary:
    counted = {EVIL: 3}
    return WaveSummary(
        wave=EVIL, at="", snapshot=EVIL, customers=3, rejected=0, decisions=3, contacted=3,
        contacts=counted, shown=counted, offers=counted, at_peace=counted, groups=counted,
        expected_value=1.0, expected_no_contact=0.0, withheld=0, unit=EVIL, dry_run=False,
        lists={}, limits=[Price(EVIL, 1.0, 0.0, 0.5, 1.0)], primal_value=1.0, dual_value=1.0,
        gap=0.0, notes=[EVIL],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("result", "times"),
    [(Forgotten([EVIL], 1, 0, 0, 0, ["w"], [], [EVIL]), 2), (_wave(), 12)],
    ids=["forget", "wave"],
)
def test_texts_are_shown_and_not_obeyed(result: Result, times: int) -> None:
    text = StringIO()
    show(result, text, width=400)
    assert text.getvalue().count(SHOWN) == times
    assert "\x1b" not in text.getvalue()


def test_a_result_without_tables_is_a_defect() -> None:
    with pytest.raises(TypeError, match="no tables for a Result"):
        tables(Result())


def test_means_of_clusters_have_no_digits_of_rounding() -> None:
    assert [mean_text(m, 3.2) for m in (-6.5e-10, 3.2, -0.0, 0.12345)] == ["0", "3.2", "0", "0.123"]
    assert [mean_text(m, 54_321.9) for m in (54_321.9, 12.3)] == ["54,322", "12"]
    assert mean_text(0.0, 0.0) == "0"
