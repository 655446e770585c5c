from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.experiments import Arms, compare, conclude


def data(seed, n=300):
    rng = np.random.default_rng(seed)
    return (
        rng.gamma(1.0, 1.0, n),
        rng.random(n) < 0.4,
        rng.normal(size=n),
        rng.integers(1, 4, n).astype(float),
        np.sort(rng.integers(0, 60, n)),
    )


def slow(y, treated, x, s, cluster):
    """Means at the common covariate and their variance, unit by unit from the formula."""
    units = sorted(set(cluster.tolist()))
    totals = {
        arm: [
            [
                np.sum(column[(cluster == g) & (treated == arm)])
                for column in (np.ones_like(y), s, y, x)
            ]
            for g in units
        ]
        for arm in (True, False)
    }
    kept = {arm: [t for t in totals[arm] if t[0] > 0] for arm in totals}

    def slopes(rows):
        m = sum(t[2] for t in rows) / sum(t[1] for t in rows)
        c = sum(t[3] for t in rows) / sum(t[0] for t in rows)
        psi_y = [(t[2] - m * t[1]) / sum(u[1] for u in rows) for t in rows]
        psi_x = [(t[3] - c * t[0]) / sum(u[0] for u in rows) for t in rows]
        return m, c, psi_y, psi_x

    _, centre, psi_y, psi_x = slopes(kept[True] + kept[False])
    theta = np.dot(psi_y, psi_x) / np.dot(psi_x, psi_x)
    effect, variance, psi = 0.0, 0.0, {}
    for arm, sign in ((True, 1.0), (False, -1.0)):
        m, c, psi_y, psi_x = slopes(kept[arm])
        effect += sign * (m - theta * (c - centre))
        moved = [a - theta * b for a, b in zip(psi_y, psi_x, strict=True)]
        variance += sum(v * v for v in moved)
        here = iter(moved)
        psi[arm] = [next(here) if t[0] > 0 else 0.0 for t in totals[arm]]
    # households stand in both arms here
    u = len(units)
    return effect, u / (u - 1) * (variance - 2.0 * np.dot(psi[True], psi[False]))


@pytest.mark.parametrize("seed", range(5))
def test_sums_equal_the_formula_unit_by_unit(seed):
    y, treated, x, s, cluster = data(seed)
    found = Arms.of(y, treated, covariate=x, sizes=s, clusters=cluster).contrast()
    effect, variance = slow(y, treated, x, s, cluster)
    assert found.treated - found.control == pytest.approx(effect, rel=1e-10)
    assert found.variance == pytest.approx(variance, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 59), lin=st.booleans(), far=st.booleans())
def test_parts_equal_the_whole_also_far_from_zero(seed, cut, lin, far):
    y, treated, x, s, cluster = data(seed)
    y = y + (1e6 if far else 0.0)
    options = {"covariate": x, "sizes": s, "clusters": cluster}
    adjustment = "lin" if lin else "cuped"
    whole = compare(y, treated, adjustment=adjustment, **options)
    first = cluster < cut
    parts = [
        Arms.of(y[rows], treated[rows], **{k: v[rows] for k, v in options.items()})
        for rows in (first, ~first)
        if rows.any()
    ]
    merged = parts[0].merge(parts[-1]) if len(parts) == 2 else parts[0]
    again = conclude(merged, adjustment=adjustment)
    assert dataclasses.astuple(again) == pytest.approx(dataclasses.astuple(whole), rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_relabelling_and_order_change_nothing(seed):
    y, treated, x, _, cluster = data(seed)
    one = compare(y, treated, covariate=x, clusters=cluster)
    order = np.random.default_rng(seed).permutation(len(y))
    names = np.array([f"household {g}" for g in cluster])
    two = compare(y[order], treated[order], covariate=x[order], clusters=names[order])
    assert dataclasses.astuple(two) == pytest.approx(dataclasses.astuple(one), rel=1e-9)
    turned = compare(y, ~treated, covariate=x, clusters=cluster)
    assert turned.effect == pytest.approx(-one.effect, rel=1e-9)
    assert turned.p_value == pytest.approx(one.p_value, rel=1e-9)
