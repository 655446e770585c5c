"""What all commands share: help in full, names told, quiet, a log; nothing heavy for `--help`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from bandit.cli.app import app, main

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined] - it is a group
RUN = [
    [name, *more]
    for name, command in COMMANDS.items()
    for more in ([[inner] for inner in command.commands] if hasattr(command, "commands") else [[]])
]
"""Every command that does something, those of groups by two words."""


def ended(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    shown = capsys.readouterr()
    return int(stopped.value.code or 0), shown.out, shown.err


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_the_help_tells_each_command_in_a_whole_sentence(
    asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ended([asked], capsys)
    assert code == 0
    told = " ".join(out.split())
    for name, command in COMMANDS.items():
        first = " ".join(command.help.split("\n\n")[0].split())
        assert first.endswith(".")
        assert f"{name} {first}" in told


@pytest.mark.parametrize("words", RUN, ids=" ".join)
def test_every_command_has_what_all_share(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ended([*words, "-h"], capsys)
    assert code == 0
    for option in ("--json", "-q, --quiet", "--log-file FILE", "-h, --help"):
        assert option in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serv-batch", "x"], "there is no command 'serv-batch'; did you mean 'serve-batch'?"),
        (["exp", "x"], "there is no command 'exp'; did you mean 'explain'?"),
        (["zzz"], "there is no command 'zzz'; known here: check, clusters, customer, demo"),
        (["learn", "x", "--outcome", "y"], "--outcomes"),
        (["serve-batch", "x", "--at", "1.9.2026"], "'1.9.2026' is no time; write it as 2026-09-01"),
        (["learn", "x", "--at", "3026-09-01"], "'3026-09-01': give a time from 1900 to 2499"),
        (["serve-batch"], "CAMPAIGN"),
        (["customer", "x", "\udcff"], "is no text in UTF-8"),
        (["forget", "x", "1", "\udcff"], "is no text in UTF-8"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_wrong_usage_is_told_with_what_is_right(
    arguments: list[str], told: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ended([*arguments, "--json"] if as_json else arguments, capsys)
    assert code == 2
    assert told in " ".join(err.split())
    if as_json:
        found = json.loads(out)
        assert told in found["error"]
        assert found["exit_code"] == 2
    else:
        assert out == ""


def test_quiet_says_nothing_but_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["init", str(tmp_path / "c"), "--quiet"], capsys) == (0, "", "")
    code, out, err = ended(["init", str(tmp_path / "c"), "-q"], capsys)
    assert (code, out) == (2, "")
    assert "is not empty" in err
    code, out, err = ended(["init", str(tmp_path / "d"), "-q", "--json"], capsys)
    assert json.loads(out)["customers"] == 2000
    assert err == ""


def test_the_log_has_each_step_and_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.txt"
    ended(["init", str(tmp_path / "c"), "--log-file", str(log)], capsys)
    ended(["init", str(tmp_path / "c"), "--log-file", str(log)], capsys)
    lines = log.read_text(encoding="utf-8").splitlines()
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 init: "
    assert all(re.match(time, line) for line in lines)
    told = [line.partition(": ")[2] for line in lines]
    assert told[:3] == ["begins", "writing the example", "done"]
    assert told[3] == "begins"
    assert told[4].startswith("failed: ")
    assert "is not empty" in told[4]


def test_a_log_names_no_customer_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.txt"
    ended(["forget", str(tmp_path), "C4711", "--log-file", str(log)], capsys)
    assert "C4711" not in log.read_text(encoding="utf-8")


def test_a_log_that_cannot_be_written_stops_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = str(tmp_path / "nowhere" / "log.txt")
    code, _, err = ended(["init", str(tmp_path / "c"), "--log-file", log], capsys)
    assert code == 2
    assert f"--log-file {log}: No such file or directory; name a file" in err
    assert not (tmp_path / "c").exists()


def test_completion_knows_the_commands() -> None:
    environment = {
        "_BANDIT_COMPLETE": "complete_bash", "COMP_WORDS": "bandit serve-", "COMP_CWORD": "1",
        "PATH": "", "PYTHONPATH": ":".join(sys.path),
    }  # fmt: skip
    code = "import sys; sys.argv = ['bandit']; from bandit.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=False
    )
    assert found.stdout.split() == ["serve-batch"]


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import bandit", {"numpy", "numba", "polars", "duckdb", "pydantic", "typer", "rich"}),
        (
            "from bandit.cli.app import main\ntry: main(['--help'])\nexcept SystemExit: pass",
            {"numpy", "numba", "polars", "duckdb", "pyarrow", "pydantic"},
        ),
    ],
    ids=["import bandit", "bandit --help"],
)
def test_nothing_heavy_is_loaded_to_begin_with(code: str, heavy: set[str]) -> None:
    """What makes `bandit --help` and `import bandit` start at once; the times are in bench/."""
    told = f"{code}\nimport sys\nprint('LOADED', *sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", told], text=True, capture_output=True, check=True
    ).stdout
    assert not heavy & set(found.split("LOADED")[1].split())


def test_a_system_without_file_locks_is_refused_in_a_sentence() -> None:
    program = "import sys; sys.modules['fcntl'] = None; from bandit.cli import main; main(['-h'])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "run it in the Windows Subsystem for Linux" in done.stderr
