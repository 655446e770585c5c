"""Decision ids: the kernel against its twin, and what an id may and may not hang on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.kernels.decision_ids import LETTERS
from bandit.record.decision_ids import DecisionIds
from reference import decision_ids as twin

SCOPES = [("outbound", 1), ("outbound", 2), ("home", 1)]
keys = st.one_of(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20).map(
        lambda k: pa.array(k, pa.int64())
    ),
    st.lists(st.text(max_size=30), min_size=1, max_size=20).map(lambda k: pa.array(k, pa.string())),
)


def _ids(
    customers: pa.Array, wave: str = "202645", content: str = "c", scope: int = 0
) -> list[str]:
    which = np.full(len(customers), scope, np.int32)
    return DecisionIds(wave, content).of(customers, SCOPES, which).to_pylist()


def _bytes(key: int | str) -> bytes:
    return key.encode() if isinstance(key, str) else key.to_bytes(8, "little", signed=True)


@settings(deadline=None)
@given(keys, st.integers(0, 2))
def test_the_kernel_spells_what_the_formula_says(customers: pa.Array, scope: int) -> None:
    made = DecisionIds("w", "c")
    seed = made._seed(SCOPES[scope])
    expected = [f"w.{twin.letters(_bytes(key), seed)}" for key in customers.to_pylist()]
    assert _ids(customers, "w", "c", scope) == expected


@settings(deadline=None)
@given(keys, st.data())
def test_an_id_hangs_on_its_own_row_alone(customers: pa.Array, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(customers))))
    assert _ids(customers.take(pa.array(order))) == [_ids(customers)[i] for i in order]
    begin = data.draw(st.integers(0, len(customers)))
    assert _ids(customers.slice(begin)) == _ids(customers)[begin:]


def test_ids_of_a_million_customers_and_several_slots_differ() -> None:
    customers = pa.array(np.arange(400_000))
    texts = customers.cast(pa.string())
    every = [_ids(kind, scope=s) for kind in (customers, texts) for s in range(3)]
    every += [_ids(customers, content="other")]
    flat = [i for ids in every for i in ids]
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize("wave", ["202645", "1", "1e5", "2026-11-23"])
def test_no_reader_takes_an_id_for_a_number_or_a_date(wave: str) -> None:
    for one in _ids(pa.array(range(200)), wave):
        name, _, letters = one.rpartition(".")
        assert name == wave
        assert len(letters) == LETTERS
        assert letters.isalpha()
        with pytest.raises(ValueError, match="could not convert"):
            float(one)
