"""Every failure is a message with its exit code; with --json it is one object."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.text import Text

from bandit.cli import console, signals
from bandit.cli.app import main
from bandit.cli.command import How
from bandit.core.errors import ConfigError, DataError, LockedError, UsageError
from bandit.render.terminal import tables
from bandit.results.result import Result
from tests.faults import small

FULL = Path("/dev/full")


def test_a_reader_who_has_seen_enough_is_no_defect(tmp_path: Path) -> None:
    campaign = small.write(tmp_path)
    for more in ([], ["--json"]):
        command = [sys.executable, "-m", "bandit", "check", str(campaign), *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        assert (process.wait(), errors) == (141, b"")


def test_memory_that_duckdb_lacks_is_the_users_to_give() -> None:
    error = RuntimeError("Invalid Error: Out of Memory Error: failed to pin block (381.4 MiB)")
    code, text = console._told(_fails(error))
    assert code == ConfigError.exit_code
    assert "limits.memory_mb" in text


def _fails(error: Exception) -> Exception:
    """The error as raised."""
    try:
        raise error
    except type(error) as raised:
        return raised


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("wave"), 2, "wave"),
        (ConfigError("key"), 3, "key"),
        (DataError("row 7"), 4, "row 7"),
        (LockedError("held"), 5, "held"),
        (OSError(28, "No space left on device", "/x"), 4, "/x: No space left on device; mend"),
        (PermissionError(13, "Permission denied"), 4, "Permission denied; mend"),
        (MemoryError(), 3, "memory is used up; lower limits.batch_size"),
        (KeyError("at"), 1, "a defect of ours, not yours: KeyError: 'at' (at test_console.py:"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_is_told_in_words(
    error: Exception, code: int, text: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert console.report_error(_fails(error), as_json=as_json) == code
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {text}")
    assert "Traceback" not in shown.err
    if as_json:
        assert json.loads(shown.out)["exit_code"] == code
    else:
        assert shown.out == ""


def test_what_a_terminal_would_obey_is_not_passed_on(capsys: pytest.CaptureFixture[str]) -> None:
    console.report_error(DataError("cell \x1b]0;owned\x07\x9b2J\nrow 2\t7"), as_json=False)
    assert capsys.readouterr().err == "error: cell ?]0;owned??2J\nrow 2\t7\n"


def test_a_traceback_is_there_for_who_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(console.TRACEBACK, "1")
    console.report_error(_fails(KeyError("at")), as_json=False)
    assert "Traceback" in capsys.readouterr().err


@dataclass(frozen=True)
class _Result(Result):
    number: float
    path: Path


def test_a_result_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    console.run(How(as_json=True), lambda **_: _Result(float("nan"), Path("x")))
    assert json.loads(capsys.readouterr().out) == {
        "schema": 2,
        "number": None,
        "path": "x",
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["serve-batch"], 2),
        (["serve-batch", "x", "--seed", "-1"], 2),
        (["serve-batch", "x", "--seed", str(2**63)], 2),
        (["serve-batch", "x", "--threads", "100000"], 2),
        (["serve-batch", "x", "--batch-size", "100000000000000000000"], 2),
        (["serve-batch", "x", "--at", "some day"], 2),
        (["serve-batch", "x", "--at", "0001-01-01"], 2),
        (["learn", "x", "--at", "9999-12-31"], 2),
        (["nonsense"], 2),
        (["serve-batch", "nowhere"], 3),
        (["learn", "nowhere"], 3),
        (["forget", "nowhere", "x"], 3),
        (["export-customer", "nowhere", "x"], 3),
    ],
)
def test_a_command_that_fails_prints_one_json_object(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--json"])
    assert ended.value.code == code
    shown = capsys.readouterr()
    assert json.loads(shown.out)["exit_code"] == code
    assert shown.err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("Query interrupted")])
def test_an_interrupt_is_told(
    error: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(**_: object) -> None:
        raise error

    monkeypatch.setattr("bandit.workflows.privacy.forget.forget", interrupted)
    with pytest.raises(SystemExit) as ended:
        main(["forget", "x", "y", "--json"])
    assert ended.value.code == 130
    shown = capsys.readouterr()
    assert json.loads(shown.out)["exit_code"] == 130
    assert "the next command cleans up" in shown.err


@pytest.mark.parametrize(
    ("came", "error", "code", "said"),
    [
        (True, ValueError("Error building a validator"), 143, "interrupted"),
        (False, ValueError("Error building a validator"), 1, "a defect of ours"),
        (True, OSError(28, "No space left on device"), 4, "No space left"),
    ],
)
def test_what_a_library_makes_of_an_interrupt_is_no_defect(
    came: bool,
    error: Exception,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pydantic, interrupted while it builds a model, says that the model is wrong."""

    def broken(**_: object) -> None:
        raise error

    monkeypatch.setattr("bandit.workflows.privacy.forget.forget", broken)
    monkeypatch.setattr(signals._Ending, "number", signal.SIGTERM if came else None)
    with pytest.raises(SystemExit) as ended:
        main(["forget", "x", "y"])
    assert ended.value.code == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"), [(["init", "campaign"], 141), (["check", ".", "--json"], 3)]
)
def test_a_reader_who_goes_away_is_no_defect(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "bandit", *arguments],
        stdout=write, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    os.close(write)
    assert "Traceback" not in ended.stderr
    assert ended.returncode == code


def test_a_result_that_cannot_be_printed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with FULL.open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(DataError, match="done, but its result could not be printed"):
            console.run(How(as_json=True), lambda **_: _Result(1.0, Path("x")))


def test_where_nothing_can_be_written_the_code_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    with FULL.open("w") as out, FULL.open("w") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        assert console.report_error(DataError("row 7"), as_json=True) == 4
        console.flush()


def test_closed_streams_are_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(SystemExit) as ended:
        main(["check", "nowhere"])
    sys.stdout.close()
    sys.stderr.close()
    assert ended.value.code == 3


def test_a_text_that_the_encoding_lacks_is_printed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        console.open_streams()
        console.run(How(), lambda **_: _Named("caf\udce9 ü"))
    assert (tmp_path / "out").read_text() == "caf\\udce9 \\xfc\n"


@dataclass(frozen=True)
class _Named(Result):
    name: str


@tables.register
def _(result: _Named) -> Text:
    return Text(result.name)
