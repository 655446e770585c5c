"""Ten thousand refusals in thirty spellings, through a wave and its lists: nobody is mailed."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.sources import small
from tests.spellings import ANSWERS, CHANNELS, EXACT, SPELLINGS

KEYS = {
    "text": lambda i: f"K\u00fcnde-{i}" if i % 2 else f"ab{i}",
    "integer": lambda i: i,
}
TOML = """
[customers]
source = "customers.parquet"
[features]
numeric = ["x"]
[consents]
source = "consents.parquet"
[limits]
reject_share = 1.0
[policy]
holdout = 0.0
exploration = 1.0
[[offer]]
name = "a"
[[channel]]
name = "email"
[[channel]]
name = "sms"
"""


@pytest.mark.parametrize("kind", KEYS)
def test_nobody_who_refused_in_any_spelling_is_contacted(tmp_path: Path, kind: str) -> None:
    people = 12_000
    refusing = 10_000
    keys = [KEYS[kind](i) for i in range(people)]
    grants = [(str(k), channel, "true") for k in keys for channel in ("email", "sms")]
    spellings = SPELLINGS[kind]
    refusals = [
        (spellings[i % len(spellings)](k), CHANNELS[i % 30], ANSWERS[i % len(ANSWERS)])
        for i, k in enumerate(keys[:refusing])
    ]
    pq.write_table(
        pa.table({"customer_id": keys, "x": [i % 97 / 97 for i in range(people)]}),
        tmp_path / "customers.parquet",
    )
    columns = zip(*grants, *refusals, strict=True)
    names = ("customer_id", "channel", "granted")
    table = {n: pa.array(list(c), pa.string()) for n, c in zip(names, columns, strict=True)}
    pq.write_table(pa.table(table), tmp_path / "consents.parquet")
    (tmp_path / "campaign.toml").write_text(TOML, encoding="utf-8")
    summary = serve_batch(tmp_path, wave="w", at=campaigns.MONDAY)
    mailed = _listed(tmp_path, "email")
    assert not mailed & {str(k) for k in keys[:refusing]}
    # A refusal of e-mail alone leaves the other channel, and who refused nothing is contacted.
    assert mailed & {str(k) for k in keys[refusing:]}
    texted = _listed(tmp_path, "sms")
    exact = {str(k) for i, k in enumerate(keys[:refusing]) if i % 30 < EXACT}
    assert texted & exact
    assert not texted & {str(k) for k in keys[:refusing]} - exact
    assert any("counts for all channels" in note for note in summary.notes)


def _listed(folder: Path, channel: str) -> set[str]:
    with (folder / "exports" / "w" / f"{channel}.csv").open(encoding="utf-8", newline="") as file:
        return {row["customer_id"] for row in csv.DictReader(file)}


def test_refusals_that_match_nobody_are_told(tmp_path: Path) -> None:
    consents = small.CONSENTS + "77,email,false\n,email,false\n"
    small.write(tmp_path, small.TOML + "[limits]\nreject_share = 0.5\n", consents=consents)
    notes = serve_batch(tmp_path, wave="w", at=campaigns.MONDAY, dry_run=True).notes
    shown = f"{tmp_path}/consents.csv"
    assert f"{shown}: 1 of 7 rows are of people who are not among the customers" in notes
    assert f"{shown}: 2 refusals match no customer as written" in notes
