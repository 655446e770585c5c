"""Whatever stands in the user's files, the answer is a result or an error of the user's, soon."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bandit.core.errors import BanditError
from tests.sources import malformed


@pytest.fixture(scope="module", params=["toml", "csv", "parquet", "duckdb"])
def campaign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    folder: Path = tmp_path_factory.mktemp(request.param)
    return folder, malformed.files(folder, request.param)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(malformed.EDITS, st.integers(0, 2))
def test_broken_files_end_in_a_result_or_an_error_of_the_user_s(campaign, edits, which) -> None:
    folder, content = campaign
    name = list(content)[which % len(content)]
    names = sorted(p.name for p in folder.iterdir())
    (folder / name).write_bytes(malformed.broken(content[name], edits))
    started = time.monotonic()
    try:
        with contextlib.suppress(BanditError):
            malformed.read_all(folder)
    finally:
        (folder / name).write_bytes(content[name])
    assert time.monotonic() - started < 30
    assert sorted(p.name for p in folder.iterdir()) == names


def test_unbroken_files_come_through(campaign) -> None:
    assert malformed.read_all(campaign[0]) == 4
