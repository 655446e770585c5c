"""`bandit.Campaign` does what the commands do; frames stand for files and are never written to."""

from __future__ import annotations

import datetime as dt
import gc
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import bandit
from bandit.core.errors import DataError, UsageError
from bandit.record import journal
from bandit.results.serve import WaveSummary
from bandit.workflows.start.init import init
from tests import campaigns
from tests.campaigns import MONDAY, bytes_of

AFTER = MONDAY + dt.timedelta(days=60)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that has served and learned."""
    folder = campaigns.write(tmp_path_factory.mktemp("notebook") / "campaign")
    campaign = bandit.Campaign(folder)
    campaign.serve(wave="w1", at=MONDAY)
    first = campaigns.decisions(folder, "w1").row(0, named=True)
    event = {
        "event_id": "e1", "decision_id": first["decision_id"], "event": "sale", "reward": 3.0,
        "occurred_at": f"{MONDAY:%Y-%m-%d} 12:00:00+00",
    }  # fmt: skip
    outcomes = pl.read_csv(campaigns.outcomes(folder / "o.csv", [event]))
    campaign.learn(outcomes, at=AFTER)
    return folder


def test_every_command_is_a_method(done: Path) -> None:
    campaign = bandit.Campaign(str(done))
    assert repr(campaign) == f"Campaign({str(done)!r})"
    assert campaign.check(at=MONDAY).customers == 300
    assert campaign.explain(10).wave == "w1"
    assert campaign.report(at=AFTER).wave == "w1"
    assert campaign.export_customer(10).decisions
    assert campaign.what_if("sms.capacity", 10, 20, points=2, at=AFTER).points[1].most == 20
    assert campaign.serve(at=AFTER, dry_run=True, settings=["sms.capacity=5"]).dry_run
    found = campaign.status(at=AFTER)
    assert [w.name for w in found.waves] == ["w1"]
    assert [run.command for run in found.runs] == ["serve-batch", "learn"]


def test_rollback_and_forget_change_the_record(tmp_path: Path) -> None:
    campaign = bandit.Campaign(campaigns.write(tmp_path / "campaign"))
    campaign.serve(wave="w1", at=MONDAY)
    assert campaign.rollback("000000").snapshot == "000001"
    assert campaign.forget(10).decisions > 0
    assert [e.command for e in journal.read(campaign.path).entries] == [
        "serve-batch", "rollback", "forget",
    ]  # fmt: skip


def _table(folder: Path, name: str) -> pl.DataFrame:
    with duckdb.connect(str(folder / "customers.duckdb"), read_only=True) as con:
        return con.table(name).pl()


@pytest.mark.parametrize(
    "kind",
    [
        lambda frame: frame,
        lambda frame: frame.to_arrow(),
        pa.RecordBatchReader.from_stream,
        lambda frame: duckdb.from_arrow(frame.to_arrow()),
    ],
    ids=["polars", "arrow", "stream", "duckdb"],
)
def test_a_frame_in_place_of_a_file_gives_the_same_wave(tmp_path: Path, kind) -> None:
    files = campaigns.write(tmp_path / "files")
    frames = campaigns.write(tmp_path / "frames")
    frame, consents = (_table(frames, name) for name in ("customers", "consents"))
    (frames / "customers.duckdb").unlink()
    before = frame.clone()
    bandit.Campaign(files).serve(wave="w1", at=MONDAY)
    campaign = bandit.Campaign(frames, customers=kind(frame), consents=consents)
    campaign.serve(wave="w1", at=MONDAY)
    campaign.check(at=MONDAY)
    mine, theirs = (campaigns.decisions(f, "w1") for f in (frames, files))
    assert mine.equals(theirs)
    assert frame.equals(before)


def test_what_is_kept_of_a_frame_goes_with_the_object(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    campaign = bandit.Campaign(folder, customers=_table(folder, "customers"))
    kept = campaign._folder
    assert kept.stat().st_mode & 0o077 == 0
    del campaign
    gc.collect()
    assert not kept.exists()


def test_frames_stand_for_this_object_alone(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    few = _table(folder, "customers").head(20)
    theirs = _table(folder, "consents").join(few, on="customer_id", how="semi")
    assert bandit.Campaign(folder, customers=few, consents=theirs).check(at=MONDAY).customers == 20
    assert bandit.Campaign(folder).check(at=MONDAY).customers == 300


@pytest.mark.parametrize(
    ("sources", "error", "told"),
    [
        ({"customer": pl.DataFrame()}, UsageError, "did you mean 'customers'"),
        ({"log": pl.DataFrame()}, UsageError, r"campaign.toml has no \[log\]; add it"),
        (
            {"customers": 7},
            DataError,
            "customers: a frame is Polars.*this is int; make one of it",
        ),
    ],
)
def test_what_cannot_stand_for_a_source_is_told(
    tmp_path: Path, sources: dict[str, object], error: type[Exception], told: str
) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    before = bytes_of(folder)
    with pytest.raises(error, match=told):
        bandit.Campaign(folder, **sources)
    assert bytes_of(folder) == before


def test_a_result_shows_itself_and_is_tables(done: Path) -> None:
    campaign = bandit.Campaign(done)
    told = campaign.explain(10)
    tables = told.to_polars()
    assert tables["slots"].height == len(told.slots)
    assert tables["slots.contenders"].height == sum(len(s.contenders) for s in told.slots)
    assert tables["slots.contenders"]["position"].unique().sort().to_list() == list(
        range(len(told.slots))
    )
    assert tables["result"].row(0, named=True)["wave"] == "w1"
    export = campaign.export_customer(10).to_polars()
    assert export["decisions"]["customer_id"].to_list() == [10] * export["decisions"].height


def test_html_escapes_what_the_user_named() -> None:
    evil = "<script>alert('a & b')</script>"
    counted = {evil: 3}
    wave = WaveSummary(
        wave=evil, at="", snapshot=evil, customers=3, rejected=0, decisions=3, contacted=3,
        contacts=counted, shown=counted, offers=counted, at_peace=counted, groups=counted,
        expected_value=1.0, expected_no_contact=0.0, withheld=0, unit=evil, dry_run=False,
        lists={}, notes=[evil] * 60,
    )  # fmt: skip
    page = wave._repr_html_()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 3 + 5 + 50
    assert "and 10 rows more" in page


@pytest.mark.long
def test_the_page_about_notebooks_runs_as_it_is_written(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "notebooks.md").read_text(encoding="utf-8")
    first = page.partition("```python\n")[2].partition("```")[0]
    init(folder=tmp_path / "my-campaign")
    ended = subprocess.run(
        [sys.executable, "-c", first], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "of 2000" in ended.stdout
    methods = {name for name in vars(bandit.Campaign) if not name.startswith("_")}
    assert methods == set(re.findall(r"`(\w+)\(", page)) - {"to_polars"}
