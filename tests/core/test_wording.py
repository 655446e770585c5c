"""Figures in words: as many digits as an interval is worth."""

from __future__ import annotations

import pytest

from bandit.core.wording import Span, counted, interval_text, number


@pytest.mark.parametrize(
    ("span", "signed", "text"),
    [
        ((1.2345, 1.1, 1.4), False, "1.23 (1.10 to 1.40)"),
        ((0.00455, 0.0031, 0.0062), True, "+0.0046 (+0.0031 to +0.0062)"),
        ((12345.6, 12000.0, 12800.0), False, "12,346 (12,000 to 12,800)"),
        ((0.0, 0.0, 0.0), False, "0"),
        ((float("nan"),) * 3, True, "–"),
    ],
)
def test_interval_text(span, signed, text):
    assert interval_text(Span(*span), signed=signed) == text


def test_no_interval_at_all():
    assert interval_text(None) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (21739.13, "21,739"), (2.174, "2.174"), (-0.00012346, "-0.0001235"), (3.0, "3")],
)
def test_numbers_have_four_digits_and_no_powers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (1, ("wave",), "1 wave"),
        (0, ("wave",), "0 waves"),
        (12_000, ("row is", "rows are"), "12,000 rows are"),
        (1, ("delivery", "deliveries"), "1 delivery"),
        (1.0, ("day",), "1 day"),
        (1.5, ("day",), "1.5 days"),
    ],
)
def test_one_of_something_is_no_several(count, words, text):
    assert counted(count, *words) == text
