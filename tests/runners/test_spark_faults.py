"""What stands in Spark's way is told before anything is done, with its remedy."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from bandit.core import errors
from bandit.core.errors import ConfigError, UsageError
from bandit.runners import engine, spark_faults
from bandit.runners.spark_faults import explained, hold_installed, hold_reachable, hold_same
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns


def _java(folder: Path, version: str) -> Path:
    """A `java` that says it is of this version."""
    (folder / "bin").mkdir(parents=True)
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    java.chmod(0o755)
    return folder


@pytest.fixture
def with_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_faults, "find_spec", lambda _: True)


def test_without_pyspark_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_faults, "find_spec", lambda _: None)
    folder = campaigns.write(tmp_path / "campaign")
    with pytest.raises(UsageError, match=r"pip install 'offer-bandit\[spark\]'") as told:
        serve_batch(folder, engine="spark")
    assert told.value.exit_code == 2


@pytest.mark.usefixtures("with_pyspark")
def test_without_java_what_to_install_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no java is on the PATH: install Java 17"):
        hold_installed()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(UsageError, match=r"JAVA_HOME = .* has no bin/java: install Java 17"):
        hold_installed()


@pytest.mark.usefixtures("with_pyspark")
@pytest.mark.parametrize(
    ("version", "fits"), [("17.0.15", True), ("21", True), ("11.0.2", False), ("1.8.0_292", False)]
)
def test_a_java_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, fits: bool
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "home", version)))
    if fits:
        hold_installed()
        return
    with pytest.raises(UsageError, match=rf"is Java {version.split('.', maxsplit=1)[0]}, too old"):
        hold_installed()


@pytest.mark.parametrize(
    "master",
    [
        "local",
        "local[2]",
        "local[*]",
        "local[2,4]",
        "local-cluster[2,1,2048]",
        "yarn",
        "k8s://https://h:6443",
    ],
)
def test_masters_of_spark_are_taken(master: str) -> None:
    hold_reachable(master)


@pytest.mark.parametrize("master", ["flink", "local[", "spark://", "spark://host", "head:7077", ""])
def test_what_is_no_master_is_told(master: str) -> None:
    with pytest.raises(UsageError, match="is no master of Spark's: write"):
        hold_reachable(master)


def test_a_master_that_does_not_answer_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConfigError, match=f"no Spark master answers at spark://127.0.0.1:{port}"):
        hold_reachable(f"spark://127.0.0.1:{port}")


@pytest.mark.usefixtures("with_pyspark")
def test_spark_connect_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="sc://host:15002: Spark Connect"):
        hold_reachable("sc://host:15002")
    monkeypatch.setenv("SPARK_REMOTE", "sc://host")
    with pytest.raises(UsageError, match="SPARK_REMOTE = sc://host: Spark Connect"):
        hold_installed()


def test_a_session_that_runs_elsewhere_is_told() -> None:
    hold_same("yarn", None)
    hold_same("yarn", "yarn")
    with pytest.raises(UsageError, match=r"at yarn, and local\[2\] is asked for: stop it"):
        hold_same("yarn", "local[2]")


@pytest.mark.parametrize("asked", ["flink", "local=2", "spark=", "local[2]"])
def test_an_engine_that_is_none_is_told(tmp_path: Path, asked: str) -> None:
    folder = campaigns.write(tmp_path / "campaign")
    with pytest.raises(UsageError, match="write local, spark or spark=MASTER"):
        serve_batch(folder, engine=asked)


@pytest.mark.usefixtures("with_pyspark")
def test_the_campaigns_engine_is_taken_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bandit.config import campaign_file

    monkeypatch.setenv("JAVA_HOME", str(_java(tmp_path / "home", "17")))
    more = '[engine]\nkind = "spark"\nmaster = "flink"'
    campaign = campaign_file.load(campaigns.write(tmp_path / "campaign", more=more))
    with pytest.raises(UsageError, match="'flink' is no master"):
        engine.cluster(campaign, None)
    assert engine.cluster(campaign, "local") is None
    assert engine.cluster(campaign, "spark=local[2]") is not None


def test_options_that_load_code_are_not_for_a_campaign(tmp_path: Path) -> None:
    more = '[engine]\noptions = { "spark.jars" = "x.jar" }'
    folder = campaigns.write(tmp_path / "campaign", more=more)
    with pytest.raises(ConfigError, match=r"spark\.jars"):
        serve_batch(folder)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.9 than that in"
            " driver: 3.12, PySpark cannot run with different minor versions.",
            "executors run Python 3.9, this machine 3.12",
        ),
        ("ModuleNotFoundError: No module named 'bandit.runners'", "lack the Python package bandit"),
        ('java.io.IOException: Cannot run program "python9": error=2', "cannot start Python"),
        (
            "Job aborted due to stage failure: Task 3 failed 4 times: Python worker exited"
            " unexpectedly (crashed)",
            "Spark gave up: Job aborted .*memoryOverhead",
        ),
        ("Could not parse Master URL: 'x'", "does not take this master"),
        ("Job aborted: numpy._core._exceptions._ArrayMemoryError: 3 GiB", "memoryOverhead"),
        (
            "OSError: [Errno 28] No space left on device: '/shared/x'",
            "could not read or write: .Errno 28. No space left on device: '/shared/x'; nothing was",
        ),
        ("[JAVA_GATEWAY_EXITED] Java gateway process exited", "Java did not start, or ended"),
        ("Job 3 cancelled because SparkContext was shut down", "ended from outside: Job 3"),
    ],
)
def test_what_spark_says_is_told_with_a_remedy(said: str, told: str) -> None:
    found = explained(RuntimeError(f"An error occurred.\n{said}\n\tat java.lang.Thread"))
    assert found is not None
    with pytest.raises(type(found), match=told):
        raise found
    assert found.exit_code in {2, 3, 4}


def test_a_defect_of_ours_stays_one() -> None:
    assert explained(RuntimeError("KeyError: 'action'")) is None


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (
            "[TABLE_OR_VIEW_NOT_FOUND] The table or view `a`.`b` cannot be found. See.\n'Plan",
            errors.ConfigError,
            r"table 'a\.b' of Spark's: \[TABLE_OR_VIEW_NOT_FOUND\].*; mend the name",
        ),
        (
            "[USER_RAISED_EXCEPTION] '(x < 0)' is not true! SQLSTATE: P0001",
            errors.DataError,
            r"'a\.b' of Spark's cannot be read: \[USER_RAISED_EXCEPTION\] .* SQLSTATE: P0001; noth",
        ),
        (
            "An exception was thrown from the Python worker:\nTraceback (most recent call last):\n"
            '  File "x.py", line 1, in f\nZeroDivisionError: division by zero\n',
            errors.DataError,
            r"cannot be read: An exception .*\(ZeroDivisionError: division by zero\); nothing",
        ),
        (
            "An error occurred while calling o7.parquet.\n: java.lang.IllegalStateException: no",
            errors.DataError,
            r"cannot be read: : java.lang.IllegalStateException: no; nothing was published",
        ),
        (
            "An error occurred while calling o7.parquet.\n: x: Cannot call methods on a stopped"
            " SparkContext",
            errors.ConfigError,
            "the Spark application was ended from outside",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_named(
    said: str, kind: type[errors.BanditError], told: str
) -> None:
    found = spark_faults.of_table("a.b", RuntimeError(said))
    assert type(found) is kind
    assert re.search(told, str(found))
    assert "\n" not in str(found)
