"""One offer in several depths: what is made of the declaration, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core.errors import ConfigError
from tests import campaigns

TV = """
[[offer]]
name = "tv"
priority = 4
channels = ["email"]
[offer.discount]
price = 30.0
unit_cost = 18.0
redemption_cost = 0.5
depths = [0.0, 0.1, 0.125, 0.3]
"""


def _load(folder: Path, more: str = TV) -> Campaign:
    return campaign_file.load(campaigns.write(folder, more=more))


def test_each_depth_is_an_offer_with_its_margin(tmp_path: Path) -> None:
    campaign = _load(tmp_path)
    offers = {offer.name: offer for offer in campaign.offer}
    assert [name for name in offers if name.startswith("tv")] == [
        "tv-0", "tv-10", "tv-12.5", "tv-30",
    ]  # fmt: skip
    assert [offers[f"tv-{d}"].value for d in ("0", "10", "12.5", "30")] == [12.0, 8.5, 7.75, 2.5]
    tv = offers["tv-10"]
    assert (tv.family, tv.priority, tv.channels) == ("tv", 4, ("email",))
    assert tv.features == {"depths_of": "tv", "depth": 0.1}
    assert offers["fibre"].features == {"depth": 0.0}
    assert offers["fibre"].family == "net"
    assert campaign.model.columns == ("depths_of", "depth")


def test_what_names_the_offer_means_all_of_its_depths(tmp_path: Path) -> None:
    campaign = _load(
        tmp_path,
        TV + '[[group_cap]]\nname = "dear"\noffers = ["tv", "music"]\ncapacity = 9\n'
        '[[score]]\ncolumn = "wish"\noffer = "tv"\n'
        '[[trigger]]\nname = "basket"\nevent = "left"\noffers = ["tv"]\n',
    )
    every = ("tv-0", "tv-10", "tv-12.5", "tv-30")
    assert campaign.group_cap[0].offers == (*every, "music")
    assert campaign.score[0].of == every
    assert campaign.trigger[0].offers == every


def test_without_depths_nothing_changes(tmp_path: Path) -> None:
    campaign = _load(tmp_path, "")
    assert all(not offer.features for offer in campaign.offer)
    assert "deep" not in campaign.pressure.model_dump(mode="json")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("unit_cost = 18.0", "unit_cost = 22.0", "tv.*at depth 0.3 a sale brings -1.50"),
        ("[0.0, 0.1, 0.125, 0.3]", "[0.1]", "two or more"),
        ("[0.0, 0.1, 0.125, 0.3]", "[0.1, 0.0]", "deeper than the one before"),
        ("[0.0, 0.1, 0.125, 0.3]", "[0.1, 0.10001]", "a tenth of a percent"),
        ("[0.0, 0.1, 0.125, 0.3]", "[0.1, 1.0]", "discount.depths.1: .*less than 1"),
        ('name = "tv"\n', "", "discount. has no name; add it"),
        ("[0.0, 0.1, 0.125, 0.3]", '"0.1"', "discount.depths: .*a list"),
        ("price = 30.0", "prize = 30.0", "discount.pri[zc]e"),
        ("priority = 4", "value = 3.0", "has a value and a discount"),
        ("[offer.discount]", "[offer.discounts]", "unknown key .*discounts"),
        ('name = "tv"', 'name = "t v"', "a name is up to 100"),
        ("", "\n[pressure.deep]\ndepth = 0.5\ndays = 9.0\n", "no offer has a discount so deep"),
    ],
)
def test_what_cannot_be_is_refused_by_offer(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = TV + new if not old else TV.replace(old, new)
    if "[pressure.deep]" in new:
        campaigns.write(tmp_path, pressure="deep = { depth = 0.5, days = 9.0 }", more=TV)
    else:
        campaigns.write(tmp_path, more=text)
    with pytest.raises(ConfigError, match=said):
        campaign_file.load(tmp_path)
