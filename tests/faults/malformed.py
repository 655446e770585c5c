"""Generated broken inputs: each ends in an answer or in a message of ours, and leaves nothing."""

from __future__ import annotations

import os
import signal
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from bandit.config import campaign_file
from bandit.core.errors import BanditError
from bandit.features.spec import FeatureSpec
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record import manifest
from bandit.sources.expressions import check_expression
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from tests.faults import small
from tests.faults.generated import CHANGES, EDITS, EXPRESSIONS, ROWS, edited, tables

HANGS_AFTER_SECONDS = 60
"""Of the processor's time; a machine that stands still is no hang of ours."""
STANDS_STILL_SECONDS = 900
MOST_MEMORY_KB = 300_000
"""That much a whole series may add; single inputs are a few kilobytes."""


class Series:
    """A small campaign on which broken inputs are tried, one after another."""

    def __init__(self, scratch: Path) -> None:
        self.folder = small.write(scratch / "malformed", customers=30)
        self.codes: Counter[str] = Counter()
        at = small.AT
        serve_batch(self.folder, at=at)
        self._toml = (self.folder / "campaign.toml").read_text(encoding="utf-8")
        self._customers = (self.folder / "customers.csv").read_bytes()
        rows = [line.split(",") for line in self._customers.decode().splitlines()]
        self._parquet = self.folder / "customers.parquet"
        pq.write_table(pa.table(list(zip(*rows[1:], strict=True)), names=rows[0]), self._parquet)
        self._parquet_bytes = self._parquet.read_bytes()
        self._posterior = self.folder / "tried.safetensors"
        save_posterior(self._posterior, Posterior.prior(3, 4, ridge=1.0))
        self._posterior_bytes = self._posterior.read_bytes()
        snapshot = self.folder / "snapshots" / "000000"
        self._manifest = (snapshot / manifest.NAME).read_bytes()
        self._spec = manifest.read(snapshot)["features"]["spec"]
        self._stray = self.folder / "stray"
        self._stray.mkdir()

    def tried(self, work: Callable[[], object]) -> None:
        """Run it: an answer, or an error with exit code 3 or 4, in time."""
        signal.signal(signal.SIGPROF, _hang)
        signal.signal(signal.SIGALRM, _hang)
        signal.setitimer(signal.ITIMER_PROF, HANGS_AFTER_SECONDS)
        signal.alarm(STANDS_STILL_SECONDS)
        error = None
        try:
            work()
        except BanditError as e:
            error = e
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
        if error is None:
            self.codes["accepted"] += 1
        else:
            assert error.exit_code in {3, 4}, (error.exit_code, str(error))
            assert str(error)
            self.codes[f"exit {error.exit_code}"] += 1

    def serve(self) -> None:
        """A dry run of the whole wave."""
        at = small.AT + small.DAY
        self.tried(lambda: serve_batch(self.folder, at=at, wave="tried", dry_run=True))

    def config_text(self, edits: Any) -> None:
        """campaign.toml with bytes changed."""
        path = self.folder / "campaign.toml"
        path.write_bytes(edited(self._toml.encode(), edits))
        try:
            self.serve()
        finally:
            path.write_text(self._toml, encoding="utf-8")

    def config_value(self, change: tuple[int, str, Any]) -> None:
        """A value replaced, removed or added anywhere in the table."""
        place, name, value = change
        raw = tomllib.loads(self._toml)
        every = [raw, *tables(raw)]
        table = every[place % len(every)]
        key = sorted(table)[place % len(table)] if place % 3 and table else name
        table[key] = value
        file = self.folder / "campaign.toml"
        self.tried(lambda: campaign_file.parse(raw, file))

    def csv_bytes(self, edits: Any) -> None:
        """customers.csv with bytes changed."""
        self._with_customers(edited(self._customers, edits))

    def csv_cells(self, cells: list[list[str]]) -> None:
        """customers.csv with any cells."""
        header, *rows = self._customers.decode().splitlines()
        rows[: len(cells)] = [",".join(row) for row in cells]
        self._with_customers("\n".join([header, *rows]).encode(errors="surrogatepass"))

    def _with_customers(self, content: bytes) -> None:
        path = self.folder / "customers.csv"
        path.write_bytes(content)
        try:
            self.serve()
        finally:
            path.write_bytes(self._customers)

    def parquet(self, edits: Any) -> None:
        """Parquet with bytes changed."""
        self._parquet.write_bytes(edited(self._parquet_bytes, edits))
        path = self.folder / "campaign.toml"
        path.write_text(self._toml.replace("customers.csv", "customers.parquet"), encoding="utf-8")
        try:
            self.serve()
        finally:
            path.write_text(self._toml, encoding="utf-8")

    def expression(self, parts: list[str]) -> None:
        """An expression of any parts: refused, or run on a row without harm."""
        columns = {"age": "BIGINT", "spend": "DOUBLE", "city": "VARCHAR"}

        def work() -> None:
            query = check_expression(" ".join(parts), columns, at=small.AT)
            with duckdb.connect(config={"enable_external_access": False}) as connection:
                connection.execute("CREATE TABLE t AS SELECT 1 AS age, 2.0 AS spend, 'x' AS city")
                try:
                    connection.execute(f"SELECT {query} FROM t").fetchall()
                except (duckdb.BinderException, duckdb.ConversionException):
                    self.codes["of another type"] += 1

        self.tried(work)

    def outcomes(self, cells: list[list[str]]) -> None:
        """A delivery of any cells."""
        header = "event_id,decision_id,customer_id,event,reward,occurred_at"
        path = self.folder / "delivered.csv"
        text = "\n".join([header, *(",".join(row) for row in cells)])
        path.write_bytes(text.encode(errors="surrogatepass"))
        self.tried(lambda: learn(self.folder, outcomes=path, at=small.AT))

    def posterior(self, edits: Any) -> None:
        """A posterior's file with bytes changed."""
        self._posterior.write_bytes(edited(self._posterior_bytes, edits))
        self.tried(lambda: load_posterior(self._posterior))

    def manifest_bytes(self, edits: Any) -> None:
        """A manifest with bytes changed: refused."""
        content = edited(self._manifest, edits)
        (self._stray / manifest.NAME).write_bytes(content)

        def work() -> None:
            found = manifest.read(self._stray)
            assert manifest.encoded(found) == self._manifest

        self.tried(work)

    def spec(self, edits: Any) -> None:
        """A feature spec with bytes changed."""
        text = edited(self._spec.encode(), edits).decode(errors="replace")
        self.tried(lambda: FeatureSpec.from_json(text))


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"longer than {HANGS_AFTER_SECONDS} s")


KINDS: dict[str, tuple[float, st.SearchStrategy[Any]]] = {
    "config_value": (0.2, CHANGES),
    "config_text": (0.1, EDITS),
    "expression": (0.25, EXPRESSIONS),
    "csv_bytes": (0.1, EDITS),
    "csv_cells": (0.1, ROWS),
    "parquet": (0.05, EDITS),
    "outcomes": (0.05, ROWS),
    "posterior": (0.05, EDITS),
    "manifest_bytes": (0.05, EDITS),
    "spec": (0.05, EDITS),
}
"""Share of the inputs, and how they are generated."""


def malformed(scratch: Path, count: int, seed_: int) -> dict[str, Any]:
    """Try ``count`` inputs; how they ended, by kind."""
    series = Series(scratch)
    outside = _listing(scratch, series.folder)
    found: dict[str, Any] = {}
    memory = _memory_kb()
    for kind, (share, strategy) in KINDS.items():
        series.codes = Counter()
        _try_all(getattr(series, kind), strategy, max(1, round(share * count)), seed_)
        found[kind] = dict(series.codes)
    grown = _memory_kb() - memory
    assert grown < MOST_MEMORY_KB, grown
    assert _listing(scratch, series.folder) == outside
    return {**found, "memory grown, kB": grown}


def _try_all(
    check: Callable[[Any], None], strategy: st.SearchStrategy[Any], count: int, seed_: int
) -> None:
    every = list(HealthCheck)

    @seed(seed_)
    @settings(max_examples=count, database=None, deadline=None, suppress_health_check=every)
    @given(strategy)
    def one(value: Any) -> None:
        check(value)

    one()


def _listing(scratch: Path, folder: Path) -> set[str]:
    """What lies around the campaign: beside it, and where the process works."""
    around = {str(p) for p in scratch.rglob("*") if folder not in p.parents}
    return around | {str(p) for p in Path.cwd().iterdir() if p.name != ".hypothesis"}


def _memory_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return int(pages * np.int64(os.sysconf("SC_PAGE_SIZE")) // 1024)
