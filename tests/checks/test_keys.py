from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from bandit.checks.keys import customer_keys
from bandit.core.errors import DataError


def test_text_is_hashed_as_the_campaign_hashes_it():
    names = ["", "abc", "Müller", "0042", "x" * 1000, "客户"]
    theirs = duckdb.execute(
        "SELECT md5_number_lower(name) AS h FROM (SELECT unnest($1::VARCHAR[]) AS name)", [names]
    ).fetchnumpy()["h"]
    for given in (names, np.array(names), np.array(names, object), pa.array(names)):
        assert np.array_equal(customer_keys(given), theirs)


def test_whole_numbers_stay_as_they_are():
    assert customer_keys([1, 2]).tolist() == [1, 2]
    assert customer_keys(np.array([-1])).tolist() == [2**64 - 1]
    assert customer_keys(np.array([-1, 5], object)).tolist() == [2**64 - 1, 5]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([1.0], "they are float64; a key that became a floating-point number has lost digits"),
        ([[1]], "one key a row"),
        (np.array(["a", None], object), "row 1 has None"),
        (np.array([True, False]), "they are bool"),
    ],
)
def test_what_is_no_key_is_refused(keys, message):
    with pytest.raises(DataError, match=message):
        customer_keys(keys)
    with pytest.raises(DataError, match=r"of shape \(3,\)"):
        customer_keys([1, 2], 3)
