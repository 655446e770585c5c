from __future__ import annotations

import datetime as dt
import hashlib
import json
from io import StringIO
from pathlib import Path

import duckdb
import pytest

from bandit.cli import main
from bandit.core.errors import BanditError, ConfigError, DataError
from bandit.render.terminal import show
from bandit.results.start import CheckResult
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests import campaigns
from tests.campaigns import MONDAY
from tests.sources import small
from tests.sources.small import AT

HISTORY = "customer_id,channel,offer,contacted_at\n1,email,shoes,2026-11-20\n"


def _check(folder: Path, toml: str = small.TOML, **files: str) -> CheckResult:
    return check(small.write(folder, toml, **({"history": HISTORY} | files)), at=AT)


def _fails(
    folder: Path, kind: type[BanditError], toml: str = small.TOML, **files: str
) -> list[str]:
    with pytest.raises(kind) as caught:
        _check(folder, toml, **files)
    return str(caught.value).splitlines()


def test_a_good_campaign(tmp_path: Path) -> None:
    result = _check(tmp_path)
    assert (result.customers, result.refused, result.offers, result.channels) == (4, 0, 2, 3)
    assert result.features[:3] == ("intercept", "age", "spend")
    assert result.warnings == ()
    text = StringIO()
    show(result, text)
    assert "no faults" in text.getvalue()


def test_it_writes_nothing(tmp_path: Path) -> None:
    def state() -> dict[str, str]:
        return {
            str(p): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in tmp_path.rglob("*")
            if p.is_file()
        }

    small.write(tmp_path, history=HISTORY)
    before = state()
    check(tmp_path, at=AT)
    assert state() == before


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    toml = (
        small.TOML.replace('"age", "spend"', '"age", "spent", "const"')
        .replace('eligible = "age >= 30"', 'eligible = "agee >= 30"')
        .replace('channels = ["email"]', 'channels = ["emial"]\nvalue = "city"')
        .replace('source = "consents.csv"', 'source = "consent.csv"')
        .replace('source = "history.csv"', 'source = "history.csv"\noffer = "ofer"')
    )
    found = _fails(tmp_path, ConfigError, toml)
    assert found == [
        f"[consents] source = 'consent.csv': {tmp_path}/consent.csv does not exist; mend the path,"
        " which starts at the folder of campaign.toml",
        "offer 'hats' names an unknown channel 'emial'; did you mean 'email'?",
        f"{tmp_path}/history.csv has no column 'ofer'; did you mean 'offer'?",
        "offer 'shoes', eligible: 'agee >= 30': unknown column 'agee'; did you mean 'age'?",
        "offer 'hats', value: 'city' gives VARCHAR, not a number",
        f"{tmp_path}/customers.csv has no column 'spent'; did you mean 'spend'?",
        f"{tmp_path}/customers.csv has no column 'const'; known here: age, city, customer_id,"
        " joined, member, spend",
    ]


def test_a_constant_column_is_named(tmp_path: Path) -> None:
    text = small.CUSTOMERS.replace("true", "false")
    assert _fails(tmp_path, DataError, customers=text) == [
        "feature column 'member' is constant (0.0); leave it out"
    ]


def test_too_many_bad_rows_refuse(tmp_path: Path) -> None:
    text = small.CUSTOMERS + "4,66,nan,Zug,2024-02-29,false\n5,66,nan,Zug,2024-02-29,false\n"
    consents = small.CONSENTS + ",email,true\n99,email,true\n"
    found = _fails(tmp_path, DataError, customers=text, consents=consents)
    name = f"{tmp_path}/customers.csv"
    twice = "the key stands more than once; all its rows are out, keep one"
    assert found == [
        f"{tmp_path}/consents.csv: 1 of 7 rows refused, for example customer_id = '': no customer;"
        " write the key as the customers' source does; more than limits.reject_share = 0.01 allows:"
        " mend them or raise it",
        f"{name}, customer 4: customer_id = '4': {twice}",
        f"{name}, customer 5: spend = 'nan': is not finite; mend or empty the cell",
        "3 of 6 customers are refused, more than limits.reject_share = 0.01 allows; mend them or"
        " raise it",
    ]


def test_what_is_odd_is_a_warning(tmp_path: Path) -> None:
    toml = small.TOML + (
        '[[channel]]\nname = "fax"\n[[channel]]\nname = "post"\n'
        '[[offer]]\nname = "old"\nends = 2026-11-22\n[[offer]]\nname = "new"\nstarts = 2026-11-24\n'
        '[[offer]]\nname = "none"\neligible = "age > 100"\nchannels = ["email"]\n'
        '[[offer]]\nname = "deaf"\neligible = "age = 41"\nchannels = ["email", "sms"]\n'
        "[limits]\nreject_share = 0.5\n"
    )
    consents = small.CONSENTS + "1,post,true\n3,e-mail,true\n99,email,true\n"
    text = small.CUSTOMERS + "5,,,,,\n5,,,,,\n"
    warnings = _check(tmp_path, toml, consents=consents, customers=text).warnings
    assert warnings == (
        f"{tmp_path}/consents.csv: 1 of 8 rows are of people who are not among the customers",
        f"{tmp_path}/customers.csv: 2 of 6 customers refused: the key stands more than once; all"
        " its rows are out, keep one",
        "offer 'old' ended on 2026-11-22; it is not served",
        "offer 'new' starts on 2026-11-24; it is not served before",
        "offer 'none': no customer is eligible (age > 100)",
        "offer 'deaf': no eligible customer agrees to any of its channels",
        "channel 'fax': no customer has agreed to it; no row of [consents] grants 'fax'",
        f"{tmp_path}/consents.csv: 1 row is for channel 'e-mail', which the campaign does not"
        " have; did you mean 'email'?",
    )


def test_the_wave_of_another_day_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = small.TOML + '[[offer]]\nname = "new"\nstarts = 2026-11-24\n'
    folder = str(small.write(tmp_path, toml, history=HISTORY))
    told = "offer 'new' starts on 2026-11-24; it is not served before"
    for day, warns in (("2026-11-23", True), ("2026-11-24", False)):
        with pytest.raises(SystemExit) as ended:
            main(["check", folder, "--at", day, "--json"])
        assert not ended.value.code
        assert (told in json.loads(capsys.readouterr().out)["warnings"]) == warns


def test_channels_that_no_offer_uses_or_nobody_agreed_to(tmp_path: Path) -> None:
    toml = small.TOML.replace('[consents]\nsource = "consents.csv"\n', "").replace(
        'name = "shoes"', 'name = "shoes"\nchannels = ["email", "shop"]'
    )
    warnings = _check(tmp_path, toml).warnings
    missing = "there is no [consents]; add it, or set consent = false if none is needed"
    assert f"channel 'email': no customer has agreed to it; {missing}" in warnings
    assert "channel 'sms': no offer uses it" in warnings


LOG = '[log]\nsource = "log.csv"\naction = "segment"\nreward = "spent"\nchannel = "mail"\n'


def test_the_log_is_checked_too(tmp_path: Path) -> None:
    assert _fails(tmp_path, ConfigError, small.TOML + LOG, log="segment,spend\na,1\n") == [
        f"{tmp_path}/log.csv has no column 'spent'; did you mean 'spend'?",
        "[log] channel = 'mail' is no channel; did you mean 'email'?",
    ]


def test_no_customers(tmp_path: Path) -> None:
    empty = small.CUSTOMERS.splitlines()[0] + "\n"
    assert _fails(tmp_path, DataError, customers=empty) == [
        f"{tmp_path}/customers.csv has no rows; is it the right table?"
    ]


def test_check_and_the_wave_tell_alike_what_a_column_has_become(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "c", customers=200)
    serve_batch(folder, at=MONDAY)
    with duckdb.connect(str(folder / "customers.duckdb")) as data:
        data.execute("UPDATE customers SET spend = spend * 100, region = NULL")
    later = MONDAY + dt.timedelta(days=7)
    told = [note for note in check(folder, at=later).warnings if note.startswith("column")]
    assert ["'spend'" in told[0], "'region' is empty for everybody" in told[1]] == [True, True]
    notes = serve_batch(folder, at=later).notes
    assert [note for note in notes if note.startswith("column")] == told
