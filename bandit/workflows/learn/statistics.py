"""A wave's sufficient statistics: what its decisions and their outcomes add to the posterior.

They are kept in `statistics/` and computed anew when the outcomes say something else; the folder
can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np

from bandit.config.campaign import Campaign
from bandit.core import files
from bandit.core.actions import ActionSpace
from bandit.core.days import Window
from bandit.core.errors import DataError
from bandit.core.folding import fold
from bandit.core.types import Array, Bool, Float64, Progress
from bandit.models.kinds import updated
from bandit.models.posterior import Posterior
from bandit.models.posterior_file import load_posterior, save_posterior
from bandit.record import attribution, manifest
from bandit.record.decisions import Decisions, Rows
from bandit.record.manifests import StatisticsManifest
from bandit.record.waves import Wave
from bandit.runners.runner import Cluster
from bandit.runners.shared import shared
from bandit.workflows.learn import parted

STATISTICS = "statistics"
_FILE = "statistics.safetensors"


class Happened(NamedTuple):
    """Events of a kind: ``rows`` int64[m] of the wave's decisions, rising, and how many there."""

    rows: Array
    counts: Float64

    def within(self, place: slice) -> Float64:
        """Counts of the rows of a batch, float64[n]."""
        first, last = np.searchsorted(self.rows, (place.start, place.stop))
        found = np.zeros(place.stop - place.start)
        found[self.rows[first:last] - place.start] = self.counts[first:last]
        return found


class Statistics(NamedTuple):
    """``posterior`` over the wave's ``actions``; ``key`` digests all that it was computed from.

    With [reward.events] it holds the sums of each kind, see `models.kinds`; of the ``events`` those
    of the kinds, and refusals, are ``known``. ``happened`` is what the rows teach, kind by kind.
    """

    wave: Wave
    key: str
    actions: ActionSpace
    posterior: Posterior
    decisions: int
    events: int
    outside_window: int
    known: int
    happened: tuple[Happened, ...]


def of_wave(
    campaign: Campaign,
    connection: duckdb.DuckDBPyConnection,
    wave: Wave,
    later: Sequence[Wave],
    window: Window,
    cluster: Cluster | None,
    progress: Progress,
) -> Statistics:
    """The statistics of a wave whose window has closed; silence is reward zero.

    What is learned is what happened, whatever it was worth then: of each kind of [reward.events]
    how many events, without them the reward that events say.
    """
    decisions = Decisions(campaign.folder, wave)
    kinds = campaign.reward.counting
    found: attribution.Attributed | attribution.Counted
    if kinds:
        found = attribution.count(
            connection, decisions, later, window, [*kinds], campaign.reward.amounts,
            [fold(kind) for kind in campaign.pressure.refusal_events],
        )  # fmt: skip
        known = found.known
    else:
        found = attribution.attribute(connection, decisions, later, window, plain=True)
        known = found.events
    key = _key(campaign, decisions, found.taught)
    folder = campaign.folder / STATISTICS / f"{wave.name}-{key}"
    posterior = _kept(folder)
    if posterior is None:
        posterior = (
            _summed(campaign, decisions, found.taught)
            if cluster is None
            else _by_many(campaign, decisions, found.taught, cluster, progress)
        )
        _keep(folder, wave, posterior)
    learned = round(float(posterior.count.sum()) / max(len(kinds), 1))
    happened = [Happened(rows := np.flatnonzero(k), k[rows]) for k in np.atleast_2d(found.taught)]
    return Statistics(
        wave, key, wave.actions, posterior, learned, found.events, found.outside_window, known,
        tuple(happened),
    )  # fmt: skip


def stored(campaign: Campaign, wave: str, key: str) -> Posterior | None:
    """The sums that a snapshot was made of; None where they were deleted or are damaged."""
    try:
        return _read(campaign.folder / STATISTICS / f"{wave}-{key}")
    except (DataError, KeyError):
        return None


def drop_stale(campaign: Campaign, learned: Sequence[Statistics]) -> None:
    """Remove statistics that no wave's outcomes give any more."""
    current = {f"{s.wave.name}-{s.key}" for s in learned}
    for folder in manifest.published(campaign.folder / STATISTICS):
        if folder.name not in current:
            files.remove(folder)


def _key(campaign: Campaign, decisions: Decisions, rewards: Float64) -> str:
    digest = hashlib.sha256(decisions.wave.manifest.sha256.encode())
    digest.update(rewards.tobytes())
    digest.update(repr(sorted(decisions.withheld.to_pylist())).encode())
    digest.update(repr(campaign.reward.ridge).encode())
    if campaign.reward.events:
        digest.update(json.dumps(campaign.reward.counting).encode())
    return digest.hexdigest()[:16]


def _kept(folder: Path) -> Posterior | None:
    """Kept statistics; a damaged file is as good as none."""
    try:
        return _read(folder)
    except (DataError, KeyError):
        files.remove(folder)
        return None


def _read(folder: Path) -> Posterior | None:
    if not folder.is_dir():
        return None
    content = StatisticsManifest.of(folder, manifest.read(folder))
    found = load_posterior(content.verified(folder, _FILE))
    return found if isinstance(found, Posterior) else None


def _keep(folder: Path, wave: Wave, posterior: Posterior) -> None:
    with files.aside(folder) as partial:
        save_posterior(partial / _FILE, posterior)
        manifest.write(
            partial, {"kind": "statistics", "wave": wave.name, manifest.FOLDER: folder.name}
        )
        files.put_in_place((partial, folder))


def _summed(campaign: Campaign, decisions: Decisions, rewards: Float64) -> Posterior:
    """Sum over the decisions in their stored order, so that the same set gives the same bytes.

    ``rewards`` float64[n], or float64[K, n] of kinds, are those that teach: each of a customer's
    slots carries what names the customer. What was withheld is left out: it was never carried out.
    No contact is learned from the first slot alone, where it means that the customer was left in
    peace.
    """
    wave = decisions.wave
    k, d = len(wave.actions) * max(len(campaign.reward.counting), 1), wave.manifest.d
    posterior = Posterior.prior(k, d, ridge=campaign.reward.ridge)
    for rows in decisions.rows("action", "features"):
        use = teaching(rows)
        contexts = rows.contexts if use.all() else rows.contexts[use]
        action, told = rows.action[use], rewards[..., rows.place][..., use]
        posterior = updated(posterior, contexts, action, told)
    return posterior


def _by_many(
    campaign: Campaign,
    decisions: Decisions,
    rewards: Float64,
    cluster: Cluster,
    progress: Progress,
) -> Posterior:
    """The same sums by workers."""
    ridge = campaign.reward.ridge
    with shared(campaign.folder) as folder:
        return parted.summed(cluster, folder, decisions, teaching, rewards, ridge, progress)


def teaching(rows: Rows) -> Bool:
    """Which rows are learned from, bool[n]."""
    found: Bool = ((rows.action != 0) | rows.first) & ~rows.withheld
    return found
