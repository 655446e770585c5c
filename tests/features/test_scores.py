"""Columns of [[score]]: fitted, stored, encoded, refused where they may know what came after."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pytest

from bandit.config.deciding import Features
from bandit.config.score import Score
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.features import FeatureSpec, encode, fit
from bandit.features.score_layout import layout

AT = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
ROWS = """
SELECT range::DOUBLE AS age, (range * 7919 % 1000) / 1000.0::DOUBLE AS s,
 CASE WHEN range % 10 > 0 THEN (range * 104729 % 1000)::DOUBLE END AS t, 1.0::DOUBLE AS same,
 NULL::DOUBLE AS never,
 TIMESTAMP '2026-11-23' - to_days(range::INTEGER % 9) AS known, TIMESTAMP '2026-12-01' AS late,
 CASE WHEN range % 4 = 0 THEN TIMESTAMP '2026-11-23 00:00:01' WHEN range % 4 = 1 THEN NULL
  ELSE TIMESTAMP '2026-11-22' END AS partly
FROM range(1000)
"""
SCORES = (Score(column="s", offer="tv", known_at="known"), Score(column="t", offers=("tv", "net")))
FEATURES = Features(numeric=("age",))


def _fit(scores=SCORES, rows=ROWS) -> FeatureSpec:
    with duckdb.connect(":memory:") as connection:
        return fit(FEATURES, connection.sql(rows), AT, scores)


def _encoded(spec, rows=ROWS):
    with duckdb.connect(":memory:") as connection:
        table = connection.sql(rows).to_arrow_table().combine_chunks()
    return encode(spec, table.to_batches()[0], AT)


def test_a_spec_with_scores_is_read_back_as_it_was_written() -> None:
    spec = _fit()
    assert spec.names == (
        "intercept", "age", "s:low", "s:high", "t:low", "t:high", "t=(missing)",
    )  # fmt: skip
    assert FeatureSpec.from_json(spec.to_json()) == spec
    with pytest.raises(DataError, match="damaged"):
        FeatureSpec.from_json(spec.to_json().replace('"cuts":[', '"cuts":[9,'))


def test_ranks_stand_where_scores_were_and_a_missing_one_says_nothing() -> None:
    found = _encoded(_fit())
    assert not found.faults
    contexts = found.contexts.astype(float)
    np.testing.assert_allclose(contexts[:, 2:4].mean(axis=0), 0.0, atol=1e-2)
    np.testing.assert_allclose(contexts[:, 2:4].var(axis=0), 1.0, atol=5e-2)
    missing = np.arange(1000) % 10 == 0
    np.testing.assert_array_equal(contexts[:, 6], missing)
    np.testing.assert_array_equal(contexts[missing, 4:6], 0.0)


def test_a_monotone_distortion_gives_the_same_contexts() -> None:
    warped = ROWS.replace("(range * 7919 % 1000) / 1000.0", "exp((range * 7919 % 1000) / 90.0) - 5")
    one, other = _encoded(_fit()), _encoded(_fit(rows=warped), warped)
    np.testing.assert_array_equal(one.contexts, other.contexts)


def test_a_score_from_after_the_wave_or_of_no_time_is_refused_by_row() -> None:
    spec = _fit((Score(column="s", offer="tv", known_at="partly"),))
    found = _encoded(spec)
    rows = np.arange(1000) % 4
    assert [fault.row for fault in found.faults] == np.flatnonzero(rows <= 1).tolist()
    assert {fault.column for fault in found.faults} == {"partly"}
    assert "after the wave began (2026-11-23T00:00:00+00:00)" in found.faults[0].reason
    # Nor do they take part in the ranks.
    known = _fit(
        (Score(column="s", offer="tv"),), f"SELECT * FROM ({ROWS}) WHERE partly < '2026-11-23'"
    )
    assert spec.columns[-1].cuts == known.columns[-1].cuts


def test_a_score_that_is_no_number_is_refused() -> None:
    bad = f"SELECT * REPLACE (CASE WHEN age = 3 THEN 'NaN'::DOUBLE ELSE s END AS s) FROM ({ROWS})"
    found = _encoded(_fit(), bad)
    assert [(f.row, f.column) for f in found.faults] == [(3, "s")]


@pytest.mark.parametrize(
    ("column", "known_at", "said"),
    [
        ("same", None, "says the same of everybody"),
        ("never", None, "has no value at all"),
        ("s", "late", "no score is known to be computed before the wave began"),
    ],
)
def test_scores_that_cannot_be_ranked_are_named(column, known_at, said) -> None:
    with pytest.raises(DataError, match=said):
        _fit((Score(column=column, offer="tv", known_at=known_at),))


def test_only_an_offers_own_actions_have_slots_for_its_scores() -> None:
    space = ActionSpace.of_pairs([("net", "sms"), ("tv", "sms"), ("tv", "mail"), ("old", "sms")])
    found = layout(_fit(), space)
    assert found is not None
    assert found.places.tolist() == [
        [0, 1, -1, -1, -1, -1, -1, -1],
        [0, 1, 4, 5, 6, -1, -1, -1],
        [0, 1, 2, 3, -1, 4, 5, 6],
        [0, 1, 2, 3, -1, 4, 5, 6],
        [0, 1, -1, -1, -1, -1, -1, -1],
    ]
    assert found.rising.tolist() == [False, False, True, True, False, True, True, False]
    assert layout(_fit(()), space) is None
