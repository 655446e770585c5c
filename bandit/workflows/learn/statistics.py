"""A wave's sufficient statistics: what its decisions and their outcomes add to the posterior.

They are kept in `statistics/` and computed anew when the outcomes say something else; the folder
can be deleted at any time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.errors import DataError
from bandit.core.types import Array, Bool, Float64
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record import attribution, exports, manifest
from bandit.record.waves import ROWS_PER_GROUP, Wave

STATISTICS = "statistics"
_FILE = "statistics.safetensors"


class Statistics(NamedTuple):
    """``posterior`` over the wave's ``actions``; ``key`` digests all that it was computed from."""

    wave: Wave
    key: str
    actions: ActionSpace
    posterior: Posterior
    decisions: int
    events: int
    outside_window: int


def of_wave(
    campaign: Campaign,
    connection: duckdb.DuckDBPyConnection,
    wave: Wave,
    later: Sequence[Wave],
    window: dt.timedelta,
) -> Statistics:
    """The statistics of a wave whose window has closed; silence is reward zero."""
    found = attribution.attribute(connection, wave, later, window)
    withheld = attribution.withheld_rows(
        connection, exports.withheld_files(campaign.folder, wave), found.rewards.shape[0]
    )
    key = _key(campaign, wave, found.rewards, withheld)
    folder = campaign.folder / STATISTICS / f"{wave.name}-{key}"
    posterior = _kept(folder)
    if posterior is None:
        posterior = _summed(campaign, wave, found.rewards, withheld)
        _keep(folder, posterior)
    learned = round(float(posterior.count.sum()))
    return Statistics(
        wave, key, wave.actions, posterior, learned, found.events, found.outside_window
    )


def drop_stale(campaign: Campaign, learned: Sequence[Statistics]) -> None:
    """Remove statistics that no wave's outcomes give any more."""
    current = {f"{s.wave.name}-{s.key}" for s in learned}
    for folder in manifest.published(campaign.folder / STATISTICS):
        if folder.name not in current:
            files.remove(folder)


def _key(campaign: Campaign, wave: Wave, rewards: Float64, withheld: Bool) -> str:
    digest = hashlib.sha256((wave.folder / manifest.NAME).read_bytes())
    digest.update(rewards.tobytes())
    digest.update(withheld.tobytes())
    digest.update(repr(campaign.reward.ridge).encode())
    return digest.hexdigest()[:16]


def _kept(folder: Path) -> Posterior | None:
    """Kept statistics; a damaged file is as good as none."""
    if not folder.is_dir():
        return None
    try:
        content = manifest.read(folder)
        found = load_posterior(files.verify(folder, _FILE, content["files"][_FILE]["sha256"]))
        return found if isinstance(found, Posterior) else None
    except (DataError, KeyError):
        files.remove(folder)
        return None


def _keep(folder: Path, posterior: Posterior) -> None:
    with files.aside(folder) as partial:
        save_posterior(partial / _FILE, posterior)
        manifest.write(partial, {"kind": "statistics"})
        files.put_in_place((partial, folder))


def _summed(campaign: Campaign, wave: Wave, rewards: Float64, withheld: Bool) -> Posterior:
    """Sum over the decisions in their stored order, so that the same set gives the same bytes.

    What was withheld is left out: it was never carried out. No contact is learned from the first
    slot alone, where it means that the customer was left in peace.
    """
    posterior = Posterior.prior(
        len(wave.actions), int(wave.manifest["d"]), ridge=campaign.reward.ridge
    )
    first = wave.manifest["placements"][0]
    for rows, batch in _batches(wave):
        action = batch["action"].to_numpy()
        placement = batch["placement"].cast(pa.string()).to_numpy(zero_copy_only=False)
        led = (batch["slot"].to_numpy() == 1) & (placement == first)
        use = ((action != 0) | led) & ~withheld[rows]
        flat = batch["features"].flatten().to_numpy()
        contexts = flat.reshape(batch.num_rows, -1)
        if not use.all():
            contexts = contexts[use]
        posterior = posterior.update(contexts, action[use], rewards[rows][use])
    return posterior


def _batches(wave: Wave) -> Iterator[tuple[slice | Array, pa.RecordBatch]]:
    """The wave's decisions with their row numbers, which have gaps where someone was forgotten."""
    columns = ["action", "slot", "placement", "features.list.element"]
    gaps = bool(wave.manifest.get("forgotten"))
    start = 0
    for path in wave.decisions:
        files.verify(wave.folder, path.name, wave.manifest["files"][path.name]["sha256"])
        with pq.ParquetFile(path) as file:
            chosen = [*columns, "decision_id"] if gaps else columns
            for batch in file.iter_batches(ROWS_PER_GROUP, columns=chosen):
                yield _numbers(wave, batch) if gaps else slice(start, start + batch.num_rows), batch
                start += batch.num_rows


def _numbers(wave: Wave, batch: pa.RecordBatch) -> Array:
    """Row numbers out of decision ids, "<wave>.<number>"."""
    numbers = pc.utf8_slice_codeunits(batch["decision_id"], len(wave.name) + 1)
    found: Array = numbers.cast(pa.int64()).to_numpy()
    return found
