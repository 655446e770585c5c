"""The interior point in a kernel finds what its twin in NumPy's algebra does."""

from __future__ import annotations

import numpy as np
import pytest

from bandit.allocation import master
from bandit.kernels.allocation.interior import interior
from reference.master import interior as twin


def _programme(rng, cuts, axes, *, scale=1.0):
    factor = rng.normal(size=(axes, axes))
    metric = factor @ factor.T / axes + 0.1 * np.eye(axes)
    errors, slopes = -rng.random(cuts), scale * rng.normal(size=(cuts, axes))
    errors[0] = 0.0
    return errors, slopes, metric, -5.0 * rng.random(axes), 5.0 * rng.random(axes)


@pytest.mark.parametrize("cuts", [1, 2, 7, 30])
@pytest.mark.parametrize("axes", [1, 3, 12, 45])
def test_equals_the_twin(cuts, axes):
    rng = np.random.default_rng(cuts + 100 * axes)
    for _ in range(10):
        given = _programme(rng, cuts, axes)
        for found, expected in zip(interior(*given), twin(*given), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("hostile", ["the same cut twice", "nearly", "flat", "steep", "narrow"])
def test_hostile_programmes(hostile):
    rng = np.random.default_rng(4)
    for _ in range(10):
        errors, slopes, metric, low, high = _programme(rng, 6, 5)
        if hostile == "the same cut twice":
            errors[1], slopes[1] = errors[0], slopes[0]
        elif hostile == "nearly":
            slopes[1] = slopes[0] * (1.0 + 1e-12)
        elif hostile == "flat":
            slopes[:] = 0.0
        elif hostile == "steep":
            slopes[1:] *= 1e3
        else:
            low, high = low * 1e-9, high * 1e-9
        found, expected = interior(errors, slopes, metric, low, high), twin(
            errors, slopes, metric, low, high
        )  # fmt: skip

        def worth(d, cut=(errors, slopes, metric)):
            return (cut[0] + cut[1] @ d).max() + 0.5 * d @ cut[2] @ d

        # Weights of equal cuts, and d where the programme is flat in it, may differ.
        best = worth(expected[0])
        assert worth(found[0]) <= best + 1e-8 * max(1.0, abs(best))
        assert ((found[0] >= low) & (found[0] <= high)).all()
        assert found[1].sum() == pytest.approx(expected[1].sum(), abs=1e-6)


def test_a_proposal_keeps_its_bounds_and_falls():
    rng = np.random.default_rng(1)
    for _ in range(20):
        errors, slopes, metric, low, high = _programme(rng, 8, 6, scale=1e3)
        proposal = master.propose(errors, slopes, 1e4 * metric, low, high)
        assert ((proposal.step >= low) & (proposal.step <= high)).all()
        assert proposal.model <= errors.max() + 1e-9
