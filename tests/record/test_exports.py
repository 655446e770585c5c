from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.config.campaign import Campaign
from bandit.record import exports, lists
from bandit.record.exports import Lists
from bandit.sources import database
from tests.sources import rows, small

HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "\uff1d1", "\uff0b1",
    "\x00=1", "=cmd|' /C calc'!A0",
]  # fmt: skip
TOML = small.TOML.replace("[features]", '[exports]\nformat = "csv"\n[features]')


def _write(folder: Path, campaign: Campaign, keys: list[str], **more: Path) -> Lists:
    """Decisions of three kinds, one a customer, exported by the consents of the moment."""
    part = folder / "decisions-0000.parquet"
    batch = rows.decisions("w", len(keys))
    batch = batch.set_column(
        batch.schema.get_field_index("customer_id"), "customer_id", pa.array(keys)
    )
    pq.write_table(pa.Table.from_batches([batch]), part)
    target = folder / "lists"
    target.mkdir(exist_ok=True)
    files = [part, *more.values()]
    with database.connect(campaign, roles=("customers", "consents"), extra_files=files) as data:
        return exports.write(target, campaign, data, [part], campaign.channel, **more)


def _campaign(folder: Path, keys: list[str], granted: str, toml: str = TOML) -> Campaign:
    quoted = ['"' + k.replace('"', '""') + '"' for k in keys]
    customers = "customer_id,age,spend,city,joined,member\n" + "".join(
        f"{k},30,1.5,Bern,2020-01-01,true\n" for k in quoted
    )
    consents = "customer_id,channel,granted\n" + "".join(f"{k},email,{granted}\n" for k in quoted)
    return small.campaign(folder, toml, customers=customers, consents=consents)


def _listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "lists" / "email.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_list_holds_the_contacts_of_its_channel(tmp_path: Path) -> None:
    keys = [rows.key(i) for i in range(6)]
    found = _write(tmp_path, _campaign(tmp_path, keys, "true"), keys)
    assert found == Lists({"email": 4, "sms": 0, "shop": 0}, 0)
    assert [r["customer_id"] for r in _listed(tmp_path)] == [keys[i] for i in (1, 2, 4, 5)]
    assert _listed(tmp_path)[0]["offer"] == "shoes"


def test_who_has_not_agreed_is_withheld(tmp_path: Path) -> None:
    keys = [rows.key(i) for i in range(6)]
    found = _write(tmp_path, _campaign(tmp_path, keys, "false"), keys)
    assert found == Lists({"email": 0, "sms": 0, "shop": 0}, 4)
    gone = pq.read_table(tmp_path / "lists" / exports.WITHHELD)["decision_id"].to_pylist()
    assert gone == ["w.1", "w.2", "w.4", "w.5"]


def test_what_was_withheld_before_stays_so(tmp_path: Path) -> None:
    keys = [rows.key(i) for i in range(6)]
    before = tmp_path / "before.parquet"
    pq.write_table(pa.table({"decision_id": ["w.4"]}), before)
    found = _write(tmp_path, _campaign(tmp_path, keys, "true"), keys, withheld=before)
    assert found == Lists({"email": 3, "sms": 0, "shop": 0}, 1)
    assert "w.4" not in {r["decision_id"] for r in _listed(tmp_path)}


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    keys = [rows.key(0), *HOSTILE]
    usable = [k for k in keys if "\x00" not in k and "\r" not in k]
    campaign = _campaign(tmp_path, usable, "true")
    _write(tmp_path, campaign, usable)
    found = [r["customer_id"] for r in _listed(tmp_path)]
    assert len(found) == sum(i % 3 > 0 for i in range(len(usable)))
    assert all(cell.startswith(("'", "c-")) for cell in found), found


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    batch = pa.record_batch({"t": pa.array([text, "a=1", "é", None]), "n": pa.array([-1, 2, 3, 4])})
    inert = exports.inert(batch)
    assert inert["t"].to_pylist() == ["'" + text, "a=1", "é", None]
    assert inert["n"].to_pylist() == [-1, 2, 3, 4]


@pytest.mark.parametrize("text", HOSTILE)
def test_it_is_quoted_behind_texts_that_are_harmless(text: str) -> None:
    whole = pa.array([text, "", None, "a", "9", "_", text, "Z"])
    assert exports.inert(pa.record_batch({"t": whole}))["t"].to_pylist()[6] == "'" + text
    part = pa.record_batch({"t": whole.slice(2, 4)})
    assert exports.inert(part)["t"].to_pylist() == [None, "a", "9", "_"]
    none = pa.record_batch({"t": pa.nulls(3, pa.string())})
    assert exports.inert(none).equals(none)


def test_a_parquet_list_is_as_it_is(tmp_path: Path) -> None:
    keys = ["=1", "=2", "=3"]
    campaign = _campaign(tmp_path, keys, "true", TOML.replace('"csv"', '"parquet"'))
    _write(tmp_path, campaign, keys)
    assert (
        pq.read_table(tmp_path / "lists" / "email.parquet")["customer_id"].to_pylist() == keys[1:]
    )


def test_a_list_is_shortened_without_touching_the_rest(tmp_path: Path) -> None:
    source, target = tmp_path / "email.csv", tmp_path / "short.csv"
    head, tail = '"customer_id","decision_id"\n', '"d","w.3"\n'
    source.write_text(f'{head}"a\nb","w.1"\n"c""","w.2"\n{tail}', encoding="utf-8", newline="")
    assert lists.without(source, target, {"w.1", "w.2"}) == 2
    assert target.read_text(encoding="utf-8") == head + tail
