from __future__ import annotations

import numpy as np
import pytest

from bandit import ope
from bandit.core.errors import ConfigError, DataError
from bandit.ope.diagnostics import weigh, weigh_moments
from bandit.ope.recipes import KINDS

N, T = 4000, 2
PARAMETERS = {"switch_dr": 1.5, "dros": 3.0, "sg_ips": 0.2, "sg_dr": 0.4, "ips": 2.0}
RECIPES = tuple(ope.Recipe(name, PARAMETERS.get(name)) for name in KINDS)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(8)
    return {
        "rewards": (rng.random(N) < 0.3).astype(float),
        "weights": rng.exponential(size=(N, T)),
        "q_logged": rng.random(N),
        "q_target": rng.random((N, T)),
        "clusters": rng.integers(0, 900, N),
    }


def seen(rows, start=0, stop=N, **options):
    part = {name: column[start:stop] for name, column in rows.items()}
    empty = ope.Moments.start(["a", "b"], RECIPES, **{"tick_rows": 50, **options})
    return empty.add(**part)


def in_memory(rows, recipe, column, **options):
    estimator = getattr(ope, recipe.name)
    r, w = rows["rewards"], rows["weights"][:, column]
    q, qt = rows["q_logged"], rows["q_target"][:, column]
    strength = () if recipe.parameter is None else (recipe.parameter,)
    if recipe.name == "dm":
        return estimator(qt, **options)
    if recipe.name in {"ips", "snips", "mips"}:
        return estimator(r, w, clip=recipe.strength, **options)
    if recipe.name == "sg_ips":
        return estimator(r, w, *strength, **options)
    return estimator(r, w, q, qt, *strength, **options)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.label)
def test_stream_and_memory_agree(rows, recipe):
    moments = seen(rows)
    for column, target in enumerate("ab"):
        streamed = moments.estimate(target, recipe)
        whole = in_memory(rows, recipe, column, interval="student_t", clusters=rows["clusters"])
        for name in ("value", "effective_sample_size", "mean_weight", "max_weight"):
            if recipe.name != "dm" or name == "value":
                assert getattr(streamed, name) == pytest.approx(getattr(whole, name), rel=1e-10)
        assert streamed.clipped_share == pytest.approx(whole.clipped_share)
        # about 600 of 1,024 groups hold the 900 clusters: the error is known to 1/√1200 = 3 %
        assert streamed.standard_error == pytest.approx(whole.standard_error, rel=4 * 0.03)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.label)
@pytest.mark.parametrize("method", ["betting", "adaptive"])
def test_ticks_of_one_row_give_the_sequences_of_memory(rows, recipe, method):
    streamed = seen(rows, tick_rows=1).estimate("b", recipe, interval=method)
    whole = in_memory(rows, recipe, 1, interval=method, reward_range=(0.0, 1.0))
    assert (streamed.lower, streamed.upper) == pytest.approx(
        (whole.lower, whole.upper), abs=1e-9, nan_ok=recipe.name == "dm"
    )


def test_lift_over_the_logging_policy_agrees_with_memory(rows):
    recipe = ope.Recipe("ips", 2.0)
    options = {"interval": "betting", "confidence": 0.9}
    streamed = seen(rows, tick_rows=1).lift("a", recipe, **options)
    weights = rows["weights"][:, 0]
    whole = ope.lift(recipe, rows["rewards"], weights, reward_range=(0.0, 1.0), **options)
    assert streamed.value == pytest.approx(whole.value)
    assert streamed.lower == pytest.approx(whole.lower, abs=1e-9)
    assert streamed.upper == pytest.approx(whole.upper, abs=1e-9)


@pytest.mark.parametrize("at", [1, 700, 3999])
def test_parts_merge_to_the_whole(rows, at):
    options = {"interval": "bootstrap", "seed": 3}
    whole = seen(rows)
    merged = seen(rows, 0, at).merge(seen(rows, at))
    in_blocks = ope.Moments.start(["a", "b"], RECIPES, tick_rows=50)
    for start, stop in ((0, at), (at, N)):
        in_blocks = in_blocks.add(**{name: column[start:stop] for name, column in rows.items()})
    for recipe in RECIPES:
        expected = whole.lift("a", recipe, "b", **options)
        for other in (merged, in_blocks):
            found = other.lift("a", recipe, "b", **options)
            assert vars(found) == pytest.approx(vars(expected), rel=1e-9, abs=1e-12, nan_ok=True)


def test_threads_change_nothing(rows):
    import numba

    before = numba.get_num_threads()
    expected = seen(rows).groups.parts
    numba.set_num_threads(1)
    try:
        assert np.array_equal(seen(rows).groups.parts, expected)
    finally:
        numba.set_num_threads(before)


def test_paired_difference_knows_what_is_shared(rows):
    """A target against itself is exactly nothing; the errors of the two alone would not say so."""
    same = {**rows, "weights": rows["weights"][:, [0, 0]], "q_target": rows["q_target"][:, [0, 0]]}
    found = seen(same).lift("a", ope.Recipe("dr"), "b")
    assert found.value == 0.0
    assert found.standard_error == 0.0


def test_diagnostics_of_a_stream(rows):
    streamed = weigh_moments(seen(rows), "a")
    whole = weigh(rows["weights"][:, 0], clusters=rows["clusters"])
    assert streamed.effective_sample_size == pytest.approx(whole.effective_sample_size)
    assert streamed.mean_weight == pytest.approx(whole.mean_weight)
    assert streamed.mean_weight_error == pytest.approx(whole.mean_weight_error, rel=4 * 0.03)


def test_bad_blocks_are_named():
    start = ope.Moments.start(["a"], [ope.Recipe("ips")])
    with pytest.raises(DataError, match="row 1 of target 'a' has nan"):
        start.add([0.0, 1.0], [[1.0], [np.nan]])
    with pytest.raises(DataError, match=r"reward_range \[0.0, 1.0\], row 0 has 3.0"):
        start.add([3.0], [[1.0]])
    with pytest.raises(DataError, match=r"must have shape \(2, 1\)"):
        start.add([0.0, 1.0], [1.0, 1.0])
    with pytest.raises(DataError, match="number the customers first"):
        start.add([0.0], [[1.0]], clusters=["x"])
    with pytest.raises(DataError, match="need an outcome model"):
        ope.Moments.start(["a"], [ope.Recipe("dr")]).add([0.0], [[1.0]])
    with pytest.raises(ConfigError, match="was not summed"):
        start.estimate("b", ope.Recipe("ips"))
    with pytest.raises(ConfigError, match="merge only with the same"):
        start.merge(ope.Moments.start(["a"], [ope.Recipe("snips")]))
    with pytest.raises(ConfigError, match="unknown estimator 'best'"):
        ope.Recipe("best")
    with pytest.raises(ConfigError, match="needs its threshold"):
        ope.Recipe("switch_dr")
