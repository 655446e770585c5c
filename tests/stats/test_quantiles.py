from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bandit.stats.quantiles import chi_square_tail, student_t_quantile, student_t_tail


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 20, 101])
def test_chi_squares_tail_is_scipys(freedom):
    for x in (0.0, 0.3, 2.0, freedom, 3.0 * freedom, 200.0):
        assert chi_square_tail(x, freedom) == pytest.approx(stats.chi2.sf(x, freedom), rel=1e-9)


@pytest.mark.parametrize("freedom", [1.0, 2.5, 30.0, 999.0, 40_000.0])
def test_students_tail_and_quantile_are_scipys(freedom):
    for t in (-3.0, 0.0, 0.7, 2.0, 8.0):
        theirs = 2.0 * stats.t.sf(abs(t), freedom)
        assert student_t_tail(t, freedom) == pytest.approx(theirs, rel=1e-9)
    for p in (0.01, 0.5, 0.9, 0.975, 0.9999):
        theirs = stats.t.ppf(p, freedom)
        assert student_t_quantile(p, freedom) == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    assert np.isfinite(student_t_tail(40.0, freedom))
