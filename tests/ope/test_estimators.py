from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit import ope
from bandit.core.errors import ConfigError, DataError
from reference import ope_estimators as slow

N = 60


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(3)
    w = rng.exponential(size=N) * (rng.random(N) < 0.8)
    return rng.normal(size=N), w, rng.normal(size=N), rng.normal(size=N)


# name: estimator, oracle, the columns that both take (r, w, q, t), options
CASES = {
    "ips": (ope.ips, slow.ips, "rw", {}),
    "ips clipped": (ope.ips, slow.ips, "rw", {"clip": 1.5}),
    "snips": (ope.snips, slow.snips, "rw", {}),
    "replay": (ope.replay, slow.replay, "rm", {}),
    "dm": (ope.dm, slow.dm, "t", {}),
    "dr": (ope.dr, slow.dr, "rwqt", {}),
    "dr clipped": (ope.dr, slow.dr, "rwqt", {"clip": 0.7}),
    "sndr": (ope.sndr, slow.sndr, "rwqt", {}),
    "switch_dr": (ope.switch_dr, slow.switch_dr, "rwqt", {"threshold": 1.0}),
    "dros": (ope.dros, slow.dros, "rwqt", {"shrinkage": 2.0}),
    "sg_ips": (ope.sg_ips, slow.sg_ips, "rw", {"shrinkage": 0.3}),
    "sg_dr": (ope.sg_dr, slow.sg_dr, "rwqt", {"shrinkage": 0.3}),
    "mips": (ope.mips, slow.ips, "rw", {}),
}


def case(name, rows):
    r, w, q, t = rows
    fast, reference, wanted, options = CASES[name]
    columns = {"r": r, "w": w, "q": q, "t": t, "m": w > 1.0}
    return fast, reference, [columns[c] for c in wanted], options


@pytest.mark.parametrize("name", CASES)
def test_value_is_the_formula(name, rows):
    fast, reference, columns, options = case(name, rows)
    expected = reference(*columns, **options)
    assert fast(*columns, **options).value == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if name != "dm"])
def test_interval_holds_the_value(name, rows):
    fast, _, columns, options = case(name, rows)
    found = fast(*columns, **options)
    assert found.lower <= found.value <= found.upper
    assert found.standard_error > 0.0
    assert found.n == N


@pytest.mark.parametrize("method", ["bootstrap", "student_t", "betting"])
def test_a_model_alone_has_no_interval(method, rows):
    found = ope.dm(rows[3], interval=method)
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)
    lift = ope.lift(ope.Recipe("dm"), rows[0], rows[1], q_logged=rows[2], q_target=rows[3])
    assert math.isnan(lift.lower)


def test_effective_rewards_count_customers_that_bought():
    w, r = np.ones(N), np.zeros(N)
    r[:6] = 2.0
    assert ope.ips(r, w).effective_rewards == pytest.approx(6.0)
    pairs = np.arange(N) // 2
    assert ope.ips(r, w, clusters=pairs).effective_rewards == pytest.approx(3.0)


def test_weights_are_described(rows):
    r, w, _, _ = rows
    found = ope.ips(r, w, clip=1.5)
    assert found.effective_sample_size == pytest.approx(sum(w) ** 2 / sum(w**2))
    assert found.mean_weight == pytest.approx(w.mean())
    assert found.max_weight == w.max()
    assert found.clipped_share == pytest.approx(np.mean(w > 1.5))


def test_self_normalised_error_is_the_delta_method_on_clusters(rows):
    r, w, _, _ = rows
    clusters = np.arange(N) // 4
    found = ope.snips(r, w, clusters=clusters, interval="student_t")
    expected = slow.cluster_standard_error(w * r, w, clusters.tolist())
    assert found.standard_error == pytest.approx(expected, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-50.0, 50.0))
def test_snips_moves_with_the_reward(seed, shift):
    rng = np.random.default_rng(seed)
    r, w = rng.normal(size=20), rng.exponential(size=20)
    before = ope.snips(r, w, interval="student_t")
    after = ope.snips(r + shift, w, interval="student_t")
    assert after.value == pytest.approx(before.value + shift, abs=1e-9)
    assert after.standard_error == pytest.approx(before.standard_error, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_order_of_rows_and_names_of_clusters_mean_nothing(seed):
    rng = np.random.default_rng(seed)
    r, w, c = rng.normal(size=30), rng.exponential(size=30), rng.integers(0, 8, size=30)
    order = rng.permutation(30)
    one = ope.snips(r, w, clusters=c, interval="student_t")
    other = ope.snips(
        r[order], w[order], clusters=np.char.add("c", c[order].astype(str)), interval="student_t"
    )
    assert other.value == pytest.approx(one.value)
    assert other.standard_error == pytest.approx(one.standard_error)


def test_clusters_of_one_row_change_nothing(rows):
    r, w, _, _ = rows
    assert ope.ips(r, w, clusters=np.arange(N)) == ope.ips(r, w)


def test_a_constant_control_variate_makes_dr_of_constant_rewards_exact():
    w = np.random.default_rng(1).exponential(size=50)
    ones = np.ones(50)
    found = ope.dr(ones, w, ones, ones)
    assert found.value == 1.0
    assert found.standard_error == 0.0


def test_embedding_weights_pool_alike_actions():
    target = np.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.5]])
    logging = np.array([[0.1, 0.4, 0.5], [0.2, 0.2, 0.6]])
    found = ope.embedding_weights(target, logging, np.array(["a", "a", "b"]), np.array([0, 2]))
    assert found == pytest.approx([1.0 / 0.5, 0.5 / 0.6])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: ope.ips([1.0, math.nan], [1, 1]), DataError, "row 1 has nan"),
        (
            lambda: ope.ips([1.0, 2.0], [1, -1]),
            DataError,
            "weights must be .* at least 0, row 1",
        ),
        (lambda: ope.ips([1.0, 2.0], [1.0]), DataError, "weights has 1 rows, the log has 2"),
        (lambda: ope.ips([1.0], [1.0]), DataError, "at least 2 independent rows"),
        (lambda: ope.ips([], []), DataError, "empty"),
        (lambda: ope.snips([1.0, 2.0], [0, 0]), DataError, "every weight is 0"),
        (lambda: ope.replay([1.0, 2.0], [False, False]), DataError, "no logged action matches"),
        (lambda: ope.ips([1, 2], [1, 1], clusters=["a", "a"]), DataError, "this log has 1"),
        (lambda: ope.ips([1, 2], [1, 1], clip=0.0), ConfigError, "clip must lie in"),
        (lambda: ope.sg_ips([1, 2], [1, 1], 1.5), ConfigError, "shrinkage must lie in"),
        (
            lambda: ope.ips([1, 2], [1, 1], interval="magic"),
            ConfigError,
            "unknown interval 'magic'",
        ),
        (lambda: ope.ips([1, 2], [1, 1], confidence=95), ConfigError, "confidence must lie"),
        (
            lambda: ope.ips([1, 2], [1, 1], interval="betting", reward_range=(0, 1)),
            ConfigError,
            "reward_range must hold all rewards",
        ),
    ],
)
def test_bad_input_has_its_sentence(call, error, says):
    with pytest.raises(error, match=says):
        call()
