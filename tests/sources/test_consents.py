"""Every doubtful consent is read the same way at scoring and for the lists: as a no."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.record import exports
from bandit.sources import consents, customers, database
from bandit.sources.catalogue import load_catalogue
from tests.sources import rows, small

HEADER = "customer_id,channel,granted\n"
AGREED = "".join(f"{i},{channel},true\n" for i in (1, 2, 3, 4) for channel in ("email", "sms"))
OF_ROW = [9, 1, 2, 9, 3, 4]
"""The customers of six decisions; the first and the fourth are no contacts."""
DOUBTS = {
    "another case": (AGREED + "1,EMAIL,false\n", [0, 1, 1, 1]),
    "blanks": (AGREED + '2," email ",no\n', [1, 0, 1, 1]),
    "no channel": (AGREED + "3,,false\n", [1, 1, 0, 1]),
    "a grant without a channel": ("1,,true\n2,email,true\n", [0, 1, 0, 0]),
    "unreadable": (AGREED + "4,email,perhaps\n", [1, 1, 1, 0]),
    "codes": ("1,email,1\n2,email,2\n3,email,0\n4,email,-1\n", [1, 0, 0, 0]),
    "codes with a fraction": ("1,email,1.0\n2,email,0.5\n3,email,2.0\n", [1, 0, 0, 0]),
    "a grant in another case": ("1,Email,true\n", [1, 0, 0, 0]),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_a_doubt_is_a_no(case: str, tmp_path: Path) -> None:
    text, wanted = DOUBTS[case]
    campaign = small.campaign(tmp_path, consents=HEADER + text)
    decided = tmp_path / "decisions-0000.parquet"
    batch = rows.decisions("w", 6)
    batch = batch.set_column(
        batch.schema.get_field_index("customer_id"), "customer_id", pa.array(OF_ROW)
    )
    pq.write_table(pa.Table.from_batches([batch]), decided)
    with database.connect(campaign, extra_files=[decided]) as data:
        catalogue = load_catalogue(campaign, data)
        (found,) = customers.stream(data, campaign, catalogue, at=small.AT)
        exports.write(tmp_path, campaign, data, [decided], campaign.channel)
    assert found.consent[:, 0].tolist() == [bool(w) for w in wanted]
    gone = pq.read_table(tmp_path / exports.WITHHELD)["decision_id"].to_pylist()
    assert gone == [f"w.{i}" for i in (1, 2, 4, 5) if not wanted[OF_ROW[i] - 1]]


def test_a_campaign_without_consents_has_no_bits(tmp_path: Path) -> None:
    toml = small.TOML.replace('[consents]\nsource = "consents.csv"\n', "")
    campaign = small.campaign(tmp_path, toml)
    with database.connect(campaign) as data:
        assert data.rows(consents.bits(data, campaign, "BIGINT", ["email"])) == []
