"""Configurations far from the usual: many channels, tables as deep as a reader can be led."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.faults import people


def test_three_hundred_channels_have_their_lists_and_their_consents(tmp_path: Path) -> None:
    """Consents lie sixty to an integer: the channels used are the first and the last."""
    folder = campaigns.write(tmp_path, customers=60, pressure="slots = 1")
    config = folder / "campaign.toml"
    text = config.read_text()
    more = "".join(f'[[channel]]\nname = "extra{i}"\ncost = 0.0\n' for i in range(297))
    text = text.replace('[[offer]]\nname = "fibre"\n', f'{more}[[offer]]\nname = "fibre"\n', 1)
    text = text.replace('name = "fibre"\n', 'name = "fibre"\nchannels = ["extra296"]\n', 1)
    text = text.replace('name = "cable"\n', 'name = "cable"\nchannels = ["email"]\n', 1)
    config.write_text(text)
    with duckdb.connect(folder / "customers.duckdb") as connection:
        connection.execute(
            "INSERT INTO consents SELECT customer_id, 'extra296', customer_id % 2 = 0"
            " FROM customers"
        )
    summary = serve_batch(folder, wave="w", at=campaigns.MONDAY)
    assert len(list((folder / "exports" / "w").glob("*.csv"))) == 300
    decided = campaigns.decisions(folder, "w").filter(action=0).height
    listed = people.lists(folder, "w")
    assert len(listed) + summary.withheld + decided == summary.decisions
    told = campaigns.decisions(folder, "w").filter(channel="extra296")["customer_id"]
    assert told.len() > 0
    assert (told % 2 == 0).all()


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "[" + "a." * 3_000 + "b]", "a" * 10**6])
def test_a_table_as_deep_as_a_well_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"campaign\.toml"):
        campaign_file.load(tmp_path)
