"""`bandit clusters`: crowds that lie apart in some columns, written as `[[segment]]` to take over.

k-means over a sample of the customers, each column standardised, what is missing at its mean. A
customer is of the cluster whose centre is nearest, which is a conjunction of linear inequalities:
so a cluster becomes a segment like any other, whose meaning stands in campaign.toml and in the
record of each wave.

With ``soft`` a customer is also of each cluster that is at least so many times as likely as the
likeliest, by normal crowds of one spread s: |z − c_j|² < |z − c_l|² + 2 s² ln(1/soft) for every
other l, which is linear too. Who stands between crowds is then of several.

Stability is the mean adjusted Rand index (Hubert, Arabie 1985) of everybody's clusters by one half
of the sample against those by the other half, over random halves: 1 is the same crowds each time,
0 is chance. Bootstrap resamples share most of their people and agree where there are no crowds:
four clusters of one normal cloud do so at 0.7.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bandit.config import campaign_file
from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.core.days import acting_at
from bandit.core.errors import ConfigError, DataError, UsageError
from bandit.core.types import SILENT, Array, Float64, Progress
from bandit.results.clusters import Cluster, Clusters
from bandit.sources import database
from bandit.sources.catalogue import load_catalogue
from bandit.sources.columns import key_column, key_type
from bandit.sources.database import Database

SAMPLE = 10_000
RESAMPLES = 20
STARTS = 4
LEAST_STABILITY = 0.6
MOST_CLUSTERS, MOST_COLUMNS = 8, 6
DIGITS = 6
"""Of the numbers in a segment: what k-means finds beyond them hangs on the machine."""


class _People(NamedTuple):
    """``z`` float64[n, d], standardised; a column was (x − mean) / scale."""

    z: Float64
    mean: Float64
    scale: Float64


def clusters(
    campaign_path: Path,
    *,
    by: Sequence[str],
    count: int | None = None,
    soft: float = 1.0,
    at: dt.datetime | None = None,
    seed: int | None = None,
    progress: Progress = SILENT,
) -> Clusters:
    """Find ``count`` clusters by the columns ``by``; without it the most stable of 2 to 6.

    ``soft`` in (0, 1]; at 1 everybody is of one cluster.

    Raises
    ------
    UsageError, ConfigError
        Too many or unknown columns, or such as are neither numbers nor truths.
    DataError
        Clusters that are other crowds in each half: stability below `LEAST_STABILITY`.
    """
    if not 1 <= len(by) <= MOST_COLUMNS or len(set(by)) < len(by):
        raise UsageError(f"--by: name 1 to {MOST_COLUMNS} different columns, joined by commas")
    if count is not None and not 2 <= count <= MOST_CLUSTERS:
        raise UsageError(f"--count {count}: write 2 to {MOST_CLUSTERS}")
    if not 0.0 < soft <= 1.0:
        raise UsageError(f"--soft {soft}: write more than 0 and at most 1; 1 is one cluster each")
    campaign = campaign_file.load(campaign_path)
    at = acting_at(at, campaign.time_zone)
    progress.step("reading a sample of the customers")
    with database.connect(campaign, at=at) as data:
        load_catalogue(campaign, data)
        kinds = {name: data.column("customers", name) for name in by}
        people = _people(_sample(campaign, data, kinds))
    seed = (campaign.seed if seed is None else seed) % 2**31
    counts = [count] if count is not None else list(range(2, 7))
    progress.step("looking for clusters", total=len(counts))
    found = []
    for k in counts:
        found.append(_fitted(people, k, seed))
        progress.advance(1)
    centres, labels, stability = max(found, key=lambda one: (one[2], len(one[0])))
    if stability < LEAST_STABILITY:
        raise DataError(
            f"no clusters by {', '.join(by)} are stable: those of two halves agree with adjusted"
            f" Rand {stability:.2f} at best, less than {LEAST_STABILITY}; take other columns"
            f"{', or leave --count out' if count is not None else ''}"
        )
    return _told(campaign, people, kinds, (centres, labels), stability, soft)


def _sample(campaign: Campaign, data: Database, kinds: dict[str, str]) -> Float64:
    """The columns of some customers, float64[n, d], NaN where missing: the first by hash."""
    key_type(data, campaign)
    cells = []
    for name, kind in kinds.items():
        if kind != "BOOLEAN" and not sql.is_number(kind):
            raise ConfigError(
                f"column {name!r} is {kind}, neither a number nor true or false; name another"
            )
        cells.append(f"CAST({sql.name(name)} AS DOUBLE) AS {sql.name(name)}")
    table, key = data.table("customers"), key_column(data, campaign)
    rows = data.rows(
        f"SELECT {', '.join(cells)} FROM {table.view} WHERE {key} IS NOT NULL"
        f" ORDER BY hash({key}), {key} LIMIT {SAMPLE}"
    )
    found = np.array([[np.nan if x is None else x for x in row] for row in rows], np.float64)
    found = found.reshape(-1, len(kinds))
    return np.where(np.isfinite(found), found, np.nan)


def _people(x: Float64) -> _People:
    if len(x) < 10 * MOST_CLUSTERS:
        raise DataError(f"{len(x)} customers are too few for clusters; there should be hundreds")
    known = np.isfinite(x)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(known, (x - mean) ** 2, 0.0).sum(axis=0) / n)
    if not (spread > 0).all():
        raise DataError("a column has one value for everybody, which tells no clusters apart")
    mean, scale = _rounded(mean), _rounded(spread)
    return _People(np.where(known, (x - mean) / scale, 0.0), mean, scale)


def _rounded(x: Float64) -> Float64:
    return np.array([float(f"{v:.{DIGITS}g}") for v in x.ravel()]).reshape(x.shape)


def _fitted(people: _People, k: int, seed: int) -> tuple[Float64, Array, float]:
    """Centres float64[k, d], the largest crowd's first; labels int[n]; stability."""
    rand = _sklearn("metrics").adjusted_rand_score
    centres = _centres(people.z, k, seed)
    labels = _nearest(people.z, centres)
    order = np.argsort(-np.bincount(labels, minlength=k), kind="stable")
    centres = centres[order]
    labels = _nearest(people.z, centres)
    rng = np.random.default_rng(seed)
    agree = []
    for _ in range(RESAMPLES):
        order = rng.permutation(len(people.z))
        halves = (order[: len(order) // 2], order[len(order) // 2 :])
        one, other = (_nearest(people.z, _centres(people.z[rows], k, seed)) for rows in halves)
        agree.append(rand(one, other))
    return centres, labels, round(float(np.mean(agree)), 4)


def _centres(z: Float64, k: int, seed: int) -> Float64:
    """On one thread: so few rows are done before a second one has looked, and it looks for long."""
    model = _sklearn("cluster").KMeans(n_clusters=k, n_init=STARTS, random_state=seed % 2**31)
    with import_module("threadpoolctl").threadpool_limits(1):
        return _rounded(np.asarray(model.fit(z).cluster_centers_, np.float64))


def _nearest(z: Float64, centres: Float64) -> Array:
    nearest: Array = ((z[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    return nearest


def _sklearn(part: str) -> Any:
    try:
        return import_module(f"sklearn.{part}")
    except ImportError as missing:
        raise ConfigError("clusters need scikit-learn: pip install scikit-learn") from missing


def _told(
    campaign: Campaign,
    people: _People,
    kinds: dict[str, str],
    fitted: tuple[Float64, Array],
    stability: float,
    soft: float,
) -> Clusters:
    centres, labels = fitted
    d2 = ((people.z[:, None, :] - centres[None]) ** 2).sum(axis=2)
    spread = float(d2.min(axis=1).mean()) / people.z.shape[1]
    slack = -2.0 * spread * math.log(soft)
    member = d2 <= d2.min(axis=1, keepdims=True) + slack
    means = _rounded(centres * people.scale + people.mean)
    return Clusters(
        campaign=campaign.name,
        customers=len(labels),
        stability=stability,
        several=round(float((member.sum(axis=1) > 1).mean()), 4) if soft < 1.0 else 0.0,
        clusters=tuple(
            Cluster(
                name=f"cluster_{j + 1}",
                share=round(float((labels == j if soft == 1.0 else member[:, j]).mean()), 4),
                means=dict(zip(kinds, means[j].tolist(), strict=True)),
                where=_where(people, kinds, centres, j, slack),
            )
            for j in range(len(centres))
        ),
    )


def _where(people: _People, kinds: dict[str, str], centres: Float64, own: int, slack: float) -> str:
    """That no centre is nearer by more than ``slack``: |z − c_j|² < |z − c_l|² + slack."""
    cells = []
    for place, (name, kind) in enumerate(kinds.items()):
        quoted = sql.name(name)
        truth = f"CASE WHEN {quoted} THEN 1 WHEN NOT {quoted} THEN 0 END"
        value = truth if kind == "BOOLEAN" else quoted
        cells.append(f"coalesce({value}, {_number(people.mean[place])})")
    parts = []
    for other in range(len(centres)):
        if other != own:
            slope = 2 * (centres[other] - centres[own]) / people.scale
            far, near = (float((centres[j] ** 2).sum()) for j in (other, own))
            bound = far - near + float((slope * people.mean).sum()) + slack
            terms = [f"{_number(s)} * {c}" for s, c in zip(slope, cells, strict=True) if s]
            parts.append(f"{' + '.join(terms)} < {_number(bound)}")
    return " AND ".join(parts)


def _number(value: float) -> str:
    """As SQL reads it, without an exponent."""
    text = np.format_float_positional(float(f"{value:.9g}"), trim="-")
    return f"({text})" if text.startswith("-") else text
