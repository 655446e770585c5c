"""What stands in Spark's way, in a sentence with its remedy."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from bandit.core.errors import BanditError, ConfigError, DataError, UsageError

EXTRA = "pip install 'offer-bandit[spark]'"
OLDEST_JAVA = 17
_JAVA = f"Java {OLDEST_JAVA} or later (for one: apt install openjdk-{OLDEST_JAVA}-jre-headless)"
_CONNECT = (
    "Spark Connect is not supported: name a classic master, or run where"
    " a classic session runs (see docs/spark.md)"
)
_MASTER = re.compile(
    r"local(\[(\d+|\*)(,\d+)?\])?|local-cluster\[\d+,\d+,\d+\]|spark://[^,/]+:\d+(,[^,/]+:\d+)*"
    r"|yarn|k8s://.+"
)
_SECONDS = 10.0
_CALLED = re.compile(r"An error occurred while calling|Traceback \(most|\s*$")
"""Lines of Spark's that say nothing of what went wrong."""


def hold_installed() -> None:
    """UsageError where pyspark or a Java that it runs on is missing."""
    if find_spec("pyspark") is None:
        raise UsageError(f"--engine spark needs pyspark, which is not installed: {EXTRA}")
    remote = os.environ.get("SPARK_REMOTE")
    if remote:
        raise UsageError(f"SPARK_REMOTE = {remote}: {_CONNECT}")
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java" if not home else str(Path(home) / "bin" / "java"))
    if java is None:
        where = f"JAVA_HOME = {home} has no bin/java" if home else "no java is on the PATH"
        raise UsageError(f"--engine spark needs Java, and {where}: install {_JAVA}")
    version = _java_version(java)
    if version is not None and version < OLDEST_JAVA:
        raise UsageError(f"{java} is Java {version}, too old for this Spark: install {_JAVA}")


def _java_version(java: str) -> int | None:
    """Its first number; None where it says nothing known."""
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on the PATH
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found[1]) if found else None


def hold_reachable(master: str) -> None:
    """UsageError for what is no master of Spark's, or where none answers."""
    if master.startswith("sc://"):
        raise UsageError(f"{master}: {_CONNECT}")
    if not _MASTER.fullmatch(master):
        raise UsageError(
            f"{master!r} is no master of Spark's: write local[2], spark://host:7077, yarn or"
            " k8s://https://host:port"
        )
    if not master.startswith("spark://"):
        return
    addresses = [a.rsplit(":", 1) for a in master.removeprefix("spark://").split(",")]
    refused = [why for host, port in addresses if (why := _silent(host, int(port))) is not None]
    if len(refused) == len(addresses):
        raise ConfigError(
            f"no Spark master answers at {master} ({refused[0]}): start it, or name another"
        )


def hold_same(running: str, asked: str | None) -> None:
    """UsageError where this process has a Spark session elsewhere: it can have one alone."""
    if asked is not None and asked != running:
        raise UsageError(
            f"a Spark session runs here already, at {running}, and {asked} is asked for: stop it,"
            " or leave the master out to take it"
        )


def _silent(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), timeout=_SECONDS).close()
    except (OSError, OverflowError) as e:
        return getattr(e, "strerror", None) or str(e)
    return None


def explained(error: BaseException) -> BanditError | None:
    """What a user can mend of what Spark says; None for anything else."""
    text = str(error)
    for sign, tell in _TOLD:
        found = re.search(sign, text)
        if found is not None:
            return tell(found, text)
    return None


def _other_python(_: re.Match[str], text: str) -> BanditError:
    found = re.findall(r"\b3\.\d+\b", text)
    which = (
        f"Python {found[0]}, this machine {found[1]}"
        if len(found) > 1
        else "another Python than us"
    )
    return ConfigError(
        f"executors run {which}: point PYSPARK_PYTHON at the same Python on all of them"
    )


def _no_module(found: re.Match[str], _: str) -> BanditError:
    return ConfigError(
        f"executors lack the Python package {found[1]}: install the environment of this machine"
        f" there too ({EXTRA}), or ship it (see docs/spark.md)"
    )


def _no_program(found: re.Match[str], _: str) -> BanditError:
    return ConfigError(
        f"executors cannot start Python: there is no {found[1]}; point PYSPARK_PYTHON at one that"
        " is there"
    )


def _no_memory(_: re.Match[str], text: str) -> BanditError:
    return ConfigError(
        f"Spark gave up: {_first(text, 'Job aborted')}; a worker that dies again and again mostly"
        " lacks memory: raise spark.executor.memoryOverhead in [engine] options, or look into the"
        " executor's log"
    )


def _no_file(found: re.Match[str], _: str) -> BanditError:
    return DataError(
        f"a worker could not read or write: {found[1]}; nothing was published, make room or mend"
        " the disk and run the command again"
    )


def _no_master(found: re.Match[str], text: str) -> BanditError:
    return UsageError(f"Spark does not take this master: {_first(text, found[0])}")


def _no_gateway(_: re.Match[str], __: str) -> BanditError:
    return ConfigError(
        "Java did not start, or ended: what it said stands above; look at JAVA_HOME and at the"
        " memory of this machine"
    )


def _gone(_: re.Match[str], text: str) -> BanditError:
    return ConfigError(
        f"the Spark application was ended from outside: {_first(text, 'SparkContext')}; nothing was"
        " published, run the command again"
    )


_TOLD: tuple[tuple[str, Callable[[re.Match[str], str], BanditError]], ...] = (
    (r"PYTHON_VERSION_MISMATCH", _other_python),
    (r"No module named '(\w+)", _no_module),
    (r"Cannot run program \"([^\"]*)\"", _no_program),
    (r"\bMemoryError\b|ArrayMemoryError", _no_memory),
    (r"\w*(?:OSError|PermissionError|FileNotFoundError): (\[Errno [^\n]{0,300})", _no_file),
    (r"exited unexpectedly|ExecutorLostFailure|Python worker .*crashed", _no_memory),
    (r"Could not parse Master URL|not available to master", _no_master),
    (r"JAVA_GATEWAY_EXITED|Answer from Java side is empty", _no_gateway),
    (r"SparkContext was shut down|stopped SparkContext", _gone),
)
"""What stands in a fault's text, and how it is told; the first that is found counts."""


def of_table(name: str, error: Exception) -> BanditError:
    """What Spark says of a table that it cannot find or read."""
    said = str(error).strip()
    first = next((line for line in said.splitlines() if not _CALLED.match(line)), said)[:300]
    if re.match(r"\[(TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|[A-Z_]*CATALOG_NOT_FOUND)", first):
        return ConfigError(
            f"table {name!r} of Spark's: {first.removesuffix('.')}; mend the name, or tell Spark"
            " the catalogue (see docs/spark.md)"
        )
    last = said.splitlines()[-1].strip()[:300]
    more = "" if last == first else f" ({last})"
    return explained(error) or DataError(
        f"table {name!r} of Spark's cannot be read: {first}{more}; nothing was published"
    )


def _first(text: str, sign: str) -> str:
    """The line with a sign, short."""
    lines = [line.strip() for line in text.splitlines() if sign in line]
    return lines[0][:300] if lines else text.strip().splitlines()[0][:300]
