"""Limits named for one run: short and in full, and the nearest one told."""

from __future__ import annotations

import pytest

from bandit.config import campaign_file
from bandit.core.errors import UsageError
from bandit.sources import database
from bandit.sources.catalogue import Catalogue, load_catalogue
from bandit.workflows.serve import overrides
from bandit.workflows.serve.overrides import Setting
from tests import campaigns

GROUP = """slots = 2
[[group_cap]]
name = "net"
offers = ["fibre", "cable"]
capacity = 60
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Catalogue]:
    folder = campaigns.write(tmp_path_factory.mktemp("limits") / "campaign", pressure=GROUP)
    campaign = campaign_file.load(folder)
    with database.connect(campaign) as data:
        return campaign, load_catalogue(campaign, data)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("sms.capacity", "channels.sms.capacity"),
        ("channels.sms.capacity", "channels.sms.capacity"),
        ("cable.budget", "offers.cable.budget"),
        ("fibre.min_contacts", "offers.fibre.min_contacts"),
        ("net.capacity", "group_cap.net.capacity"),
        ("max_contacts", "limits.max_contacts"),
        ("limits.max_contacts", "limits.max_contacts"),
        ("sms.cost", "channels.sms.cost"),
        ("cable.cost", "offers.cable.cost"),
    ],
)
def test_a_limit_has_a_short_and_a_full_name(known, short: str, full: str) -> None:
    campaign, catalogue = known
    assert overrides.resolve(campaign, catalogue, "--set", short) == full
    changed = overrides.apply(campaign, catalogue, [overrides.parse(f"{short}=12")])
    assert overrides.current(*changed, full) == 12
    assert overrides.current(campaign, catalogue, full) != 12
    if not short.endswith("cost"):
        assert overrides.resolve(campaign, catalogue, "--limit", short) == full


def test_a_cost_is_no_limit(known) -> None:
    with pytest.raises(UsageError, match=r"--limit 'sms\.cost' is no limit of this campaign"):
        overrides.resolve(*known, "--limit", "sms.cost")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sms.capacitee=3", "did you mean 'sms.capacity'"),
        ("channels.smss.capacity=3", "did you mean 'channels.sms.capacity'"),
        ("sms", "names no limit and its size; write it as email.capacity=400000"),
        ("=3", "names no limit and its size"),
        ("sms.capacity=many", "'many' is no number"),
        ("sms.capacity=-1", "sms.capacity = -1: Input should be greater than or equal to 0"),
        ("sms.capacity=nan", "capacity = nan"),
    ],
)
def test_what_is_wrong_is_told(known, text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        overrides.apply(*known, [overrides.parse(text)])
    assert told in str(error.value)


def test_a_name_that_may_be_two_is_asked_for_in_full(known) -> None:
    campaign, catalogue = known
    twin = campaign.group_cap[0].model_copy(update={"name": "sms"})
    both = campaign.model_copy(update={"group_cap": (twin,)})
    with pytest.raises(UsageError, match=r"channels\.sms\.capacity or group_cap\.sms\.capacity"):
        overrides.apply(both, catalogue, [Setting("sms.capacity", 1.0)])
