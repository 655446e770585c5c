from __future__ import annotations

import pytest

from simulations.coverage.known_truth import BIASED, errors


@pytest.mark.long
@pytest.mark.parametrize("data", ["digits", "wine"])
def test_estimators_are_unbiased_and_doubly_robust_is_sharper(data):
    """Over 200 logs made from labels, each estimator's mean is within 3 standard errors."""
    found = errors(data, logs=200, n=400)
    far = {name: e.z for name, e in found.items() if name not in BIASED and abs(e.z) > 3.0}
    assert not far
    assert found["dr"].rmse < found["ips"].rmse
