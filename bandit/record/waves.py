"""The record of waves: decisions and rejects as Parquet, in folders that never change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.worths import Worths, worths
from bandit.core import schema
from bandit.core.actions import ActionSpace
from bandit.core.days import Window
from bandit.core.errors import DataError
from bandit.record import manifest
from bandit.record.manifests import WaveManifest

WAVES = schema.WAVES
# Both are part of the bytes of a wave, so they depend on nothing: neither batch size nor threads.
ROWS_PER_GROUP = 65_536
GROUPS_PER_FILE = 32
LOGGED = "logged"
"""The kind of a wave that was decided elsewhere, and its only group."""


class Wave(NamedTuple):
    """A published wave; ``content`` is the manifest as it stands, for who writes it anew."""

    name: str
    at: dt.datetime
    folder: Path
    manifest: WaveManifest
    content: dict[str, Any]

    @property
    def actions(self) -> ActionSpace:
        """The actions as the wave numbers them."""
        return self.manifest.space

    @property
    def campaign(self) -> str:
        """The file of the campaign that it is a wave of; several may lie in one folder."""
        return self.manifest.campaign

    @property
    def decisions(self) -> list[Path]:
        """The decision files, in row order; not yet checked against their digests."""
        names = sorted(self.manifest.files)
        return [self.folder / name for name in names if name.startswith("decisions-")]

    @property
    def worths(self) -> Worths | None:
        """What events are worth after its actions; None where they say so themselves."""
        about = self.manifest
        if about.kind == LOGGED or about.reward is None:
            return None
        return worths(about.reward, about.offers or (), self.actions)

    def end(self, window: Window) -> dt.datetime:
        """When its window closes."""
        return window.after(self.at)


def waves(campaign_folder: Path) -> list[Wave]:
    """All published waves in the order of their time, then name."""
    found = []
    for folder in manifest.published(campaign_folder / WAVES):
        content = manifest.read(folder)
        about = WaveManifest.of(folder, content)
        if about.wave != folder.name:
            raise DataError(
                f"{folder} holds wave {about.wave}; a copy would count its decisions twice:"
                f" move it out of {WAVES}/"
            )
        found.append(Wave(folder.name, about.at, folder, about, content))
    return sorted(found, key=lambda wave: (wave.at, wave.name))


def after(waves: Sequence[Wave], wave: Wave, window: Window) -> list[Wave]:
    """The waves that may claim a customer's outcome before ``wave`` does.

    These are the later ones whose time lies in its window; of two waves of one time the name
    decides, so that each outcome counts once.
    """
    mine = (wave.at, wave.name)
    return [w for w in waves if mine < (w.at, w.name) and w.at < wave.end(window)]


def file_name(number: int) -> str:
    """Of a wave's decisions, by its place among its files."""
    return f"decisions-{number:04d}.parquet"


class DecisionWriter:
    """Writes decisions to `folder` in row groups and files of fixed size, however they come."""

    def __init__(self, folder: Path, decisions: pa.Schema) -> None:
        self.schema = decisions
        self.rows = 0
        self._folder = folder
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._groups = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Take a batch of any size."""
        self.rows += batch.num_rows
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, ROWS_PER_GROUP - self._pending_rows)
            self._pending.append(part)
            self._pending_rows += part.num_rows
            start += part.num_rows
            if self._pending_rows == ROWS_PER_GROUP:
                self._flush()

    def close(self) -> None:
        """Write what is left; a wave without rows still gets one file."""
        if self._pending_rows or self.rows == 0:
            self._flush()
        self.abandon()

    def abandon(self) -> None:
        """Close the open file, whatever it holds."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _flush(self) -> None:
        if self._groups % GROUPS_PER_FILE == 0:
            self.abandon()
            path = self._folder / file_name(self._groups // GROUPS_PER_FILE)
            self._writer = pq.ParquetWriter(path, self.schema, **_layout(self.schema))
        if self._writer is None:
            raise RuntimeError("the decision writer was abandoned before its last row")
        table = pa.Table.from_batches(self._pending, self.schema).combine_chunks()
        self._writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        self._pending, self._pending_rows = [], 0
        self._groups += 1


_REPEATING = (
    "eligible", "value", "cost", "price_paid", "planned_action", "keep_probability", "decided_at",
    schema.PRICE_EPOCH.name,
)  # fmt: skip


def _layout(decisions: pa.Schema) -> dict[str, Any]:
    """Repeating texts as dictionaries; floats as they are: they do not compress.

    Values go to the encoder a row group at a time: by the thousand, as it has them left to itself,
    a list costs half as much again.
    """
    labels = [f.name for f in decisions if pa.types.is_dictionary(f.type)]
    repeating = [name for name in _REPEATING if name in decisions.names]
    plain = {
        "features.list.element",
        "propensity",
        "expected_reward",
        "expected_value",
        "expected_no_contact",
    }
    leaves = {f.name if f.name != "features" else "features.list.element" for f in decisions}
    return {
        "use_dictionary": [*labels, *repeating],
        "compression": {leaf: "NONE" if leaf in plain else "ZSTD" for leaf in leaves},
        "write_statistics": ["customer_id", "action", "slot"],
        "write_batch_size": ROWS_PER_GROUP,
    }
