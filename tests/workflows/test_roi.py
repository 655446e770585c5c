"""What `roi` says where little is known, and what margin means."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bandit.core.errors import DataError, UsageError
from bandit.workflows.inspect import contact_gains
from bandit.workflows.inspect.roi import roi
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.campaigns import MONDAY

WEEK = dt.timedelta(days=7)


def _served(folder: Path, *, holdout: str = "0.1") -> Path:
    campaigns.write(folder, customers=200)
    config = folder / "campaign.toml"
    config.write_text(config.read_text().replace("holdout = 0.1", f"holdout = {holdout}"))
    serve_batch(folder, wave="w1", at=MONDAY)
    return folder


def _heard(folder: Path) -> Path:
    rows = campaigns.decisions(folder, "w1").filter(slot=1)
    told = [
        {"event_id": d, "decision_id": d, "reward": 4.0, "occurred_at": "2026-11-03T12:00:00"}
        for d in rows["decision_id"].to_list()[::3]
    ]
    learn(folder, outcomes=campaigns.outcomes(folder / "told.csv", told), at=MONDAY + WEEK)
    return folder


def test_a_campaign_without_a_wave_and_a_wave_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no wave yet"):
        roi(campaigns.write(tmp_path / "new", customers=20))
    folder = _served(tmp_path / "campaign")
    with pytest.raises(UsageError, match="has no wave 'w2'; it has w1"):
        roi(folder, waves=["w2"])
    for margin in (0.0, 1.5):
        with pytest.raises(UsageError, match="margin must lie in"):
            roi(folder, margin=margin)


def test_a_campaign_beside_it_is_another(tmp_path: Path) -> None:
    folder = _served(tmp_path / "campaign")
    other = folder / "spring.toml"
    other.write_text((folder / "campaign.toml").read_text().replace('"test"', '"spring"'))
    serve_batch(other, wave="s1", at=MONDAY)
    at = MONDAY + 2 * WEEK
    assert roi(_heard(folder), at=at).waves == ["w1"]
    assert roi(other, at=at).waves == ["s1"]
    with pytest.raises(UsageError, match=r"wave 's1' is of .*spring\.toml"):
        roi(folder, waves=["s1"])


def test_a_wave_of_which_nothing_was_heard_has_no_return(tmp_path: Path) -> None:
    found = roi(_served(tmp_path / "campaign"), at=MONDAY + dt.timedelta(days=1))
    assert (found.total, found.by_wave, found.offers, found.waves) == (None, [], [], [])
    assert "no wave's window has closed" in "\n".join(found.notes)


def test_without_a_holdout_no_total_is_made_up(tmp_path: Path) -> None:
    found = roi(_heard(_served(tmp_path / "campaign", holdout="0.0")), at=MONDAY + WEEK)
    assert found.total is None
    assert {g.over for g in found.groups} == {"rules"}
    assert "nobody was held out" in "\n".join(found.notes)


def test_a_margin_takes_its_share_of_value_and_leaves_costs(tmp_path: Path) -> None:
    folder = _heard(_served(tmp_path / "campaign"))
    whole, part = (roi(folder, margin=m, at=MONDAY + WEEK).total for m in (1.0, 0.4))
    assert whole is not None
    assert part is not None
    assert whole.value is not None
    assert part.value is not None
    assert part.net is not None
    assert part.cost == whole.cost > 0.0
    assert part.value.value == pytest.approx(0.4 * whole.value.value)
    assert part.net.value == pytest.approx(0.4 * whole.value.value - whole.cost)
    assert part.attributed == pytest.approx(0.4 * whole.attributed)


def test_segments_are_the_whole_in_parts(tmp_path: Path) -> None:
    folder = _heard(_served(tmp_path / "campaign"))
    with pytest.raises(UsageError, match="'regio' is no feature of the waves; did you mean"):
        roi(folder, by="regio")
    for column in ("region", "owner", "age"):
        found = roi(folder, by=column, at=MONDAY + WEEK)
        assert found.total is not None
        assert sum(one.contacts for one in found.segments) == found.total.contacts
        assert sum(one.people for one in found.segments) == found.total.people
        attributed = sum(one.attributed for one in found.segments)
        assert attributed == pytest.approx(found.total.attributed)
    frame = campaigns.people(200)
    north = next(
        one for one in roi(folder, by="region", at=MONDAY + WEEK).segments if one.of == "north"
    )
    rows = campaigns.decisions(folder, "w1").filter(slot=1, placement="outbound")
    mine = rows.filter(
        rows["customer_id"].is_in(frame.filter(region="north")["customer_id"].implode())
    )
    assert north.people == mine.filter(mine["group"] != "holdout").height


def test_a_single_offer_says_too_little(tmp_path: Path) -> None:
    """Fewer than 30 contacts: the count stands, the increment does not."""
    found = roi(_heard(_served(tmp_path / "campaign")), at=MONDAY + WEEK)
    few = [one for one in (*found.offers, *found.channels) if one.contacts < 30]
    assert few
    assert all(one.value is None and one.roi is None for one in few)


def test_probabilities_derived_again_are_those_of_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules, a learner that has learned, an inbound list: each chance of no contact to a millionth.

    A value that hangs on the customer is not in the record for what was not taken: told.
    """
    monkeypatch.setattr(contact_gains, "OFF", 2e-6)
    for number, value in enumerate(('"1 + spend / 100"', "2.0")):
        folder = campaigns.write(tmp_path / f"campaign{number}", customers=200)
        config = folder / "campaign.toml"
        config.write_text(config.read_text().replace('"1 + spend / 100"', value))
        serve_batch(folder, wave="w1", at=MONDAY)
        _heard(folder)
        serve_batch(folder, wave="w2", at=MONDAY + WEEK)
        found = roi(folder, at=MONDAY + 2 * WEEK)
        told = [note for note in found.notes if "derived again" in note]
        assert bool(told) == (number == 0)
