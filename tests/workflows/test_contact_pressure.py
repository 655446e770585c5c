"""Contact pressure over waves in any order of their times: nobody gets more than is allowed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.workflows.inspect.explain import explain
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY
from tests.faults.people import lists

DAY = dt.timedelta(days=1)
ONE_A_WEEK = "slots = 1\nmax_contacts = 1\nper_days = 7\nquiet_days = 7"


def _made(folder: Path, wave: str) -> list[int]:
    """Customers whom the wave contacts: the outbound rows of its lists."""
    listed = lists(folder, wave)
    rows = campaigns.decisions(folder, wave).filter(pl.col("placement") == "outbound")
    return rows.filter(pl.col("decision_id").is_in(list(listed)))["customer_id"].to_list()


@pytest.mark.long
@given(
    days=st.lists(st.sampled_from([0.0, 0.0, 0.5, -1.0, 3.0, 20.0]), min_size=2, max_size=4),
)
@settings(max_examples=4, deadline=None, derandomize=True)
def test_no_order_of_waves_contacts_anybody_twice_in_a_window(days: list[float]) -> None:
    with TemporaryDirectory() as scratch:
        folder = campaigns.write(Path(scratch), customers=60, pressure=ONE_A_WEEK)
        contacted: dict[str, tuple[dt.datetime, set[int]]] = {}
        for number, day in enumerate(days):
            at = MONDAY + day * DAY
            serve_batch(folder, wave=f"w{number}", at=at)
            made = set(_made(folder, f"w{number}"))
            for before, others in contacted.values():
                if before > at - 7 * DAY:  # a later one too: it has been made
                    assert not made & others
            contacted[f"w{number}"] = (at, made)


def test_two_waves_of_one_day_share_the_contacts(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, pressure=ONE_A_WEEK)
    serve_batch(folder, wave="a", at=MONDAY)
    serve_batch(folder, wave="b", at=MONDAY)
    both = Counter(_made(folder, "a") + _made(folder, "b"))
    assert both
    assert max(both.values()) == 1


def test_what_was_withheld_is_no_contact(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, pressure=ONE_A_WEEK)
    first = serve_batch(folder, wave="a", at=MONDAY, progress=campaigns.OptingOut(folder))
    assert first.withheld > 0
    assert not _made(folder, "a")
    campaigns.consent(folder, "true", granted=True)
    second = serve_batch(folder, wave="b", at=MONDAY)
    # Shares are drawn anew, so a few decide otherwise.
    assert second.contacted >= 0.95 * first.contacted


def test_a_wave_is_explained_by_what_it_saw(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path, pressure=ONE_A_WEEK)
    serve_batch(folder, wave="a", at=MONDAY)
    serve_batch(folder, wave="b", at=MONDAY)
    customer = _made(folder, "a")[0]
    found = explain(folder, customer=str(customer), wave="a")
    assert not [note for note in found.notes if "another eligible set" in note]
