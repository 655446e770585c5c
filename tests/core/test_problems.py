"""What a sentence on an unknown name ends with."""

from __future__ import annotations

import pytest

from bandit.core.errors import DataError
from bandit.core.problems import Problems, nearest, newest

WEEKS = [f"2026-{week:02}" for week in range(1, 31)]


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("nope", [], "; it has none yet"),
        ("nope", ["w1", "w2"], "; it has w1, w2"),
        ("w3", ["w1", "w2"], "; it has w1, w2"),
        ("nope", WEEKS, "; the newest of 30: 2026-26, 2026-27, 2026-28, 2026-29, 2026-30"),
        ("2026_04", WEEKS, "2026-30; most like it: 2026-04"),
    ],
)
def test_what_grows_with_time_is_named_by_its_newest(name, known, told):
    assert newest(name, known).endswith(told)


def test_others_are_named_by_the_nearest_or_all():
    assert nearest("Emial", ["email", "sms"]) == "; did you mean 'email'?"
    assert nearest("x", ["email", "sms"]) == "; known here: email, sms"


def test_one_fault_more_is_one():
    problems = Problems()
    problems.data.extend(f"fault {i}" for i in range(51))
    with pytest.raises(DataError, match=r"and 1 fault more$"):
        problems.stop()
