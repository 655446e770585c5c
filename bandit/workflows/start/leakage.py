"""`bandit check --leakage`: past waves' variables made again, of what their sources say of then.

A variable that comes out otherwise was made of rows that came late, were changed or are gone: what
is recomputed for training or judging would then know what nobody knew when the wave was served.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.config.campaign import Campaign
from bandit.config.tables import Source
from bandit.core import sql
from bandit.core.errors import BanditError
from bandit.core.problems import Problems
from bandit.core.types import Progress
from bandit.record import served_variables
from bandit.record import waves as record
from bandit.record.waves import Wave
from bandit.results.start import Remade
from bandit.sources import database
from bandit.sources.sources import parquet
from bandit.sources.variables import evaluate
from bandit.workflows.inspect import as_served

WAVES = 5
"""So many are made again: the first, the newest, and some between."""

_REMEDY = (
    "Rows came later than {known!r} says, were changed, or are gone; give known_at the time at"
    " which each row was loaded, and keep rows as they were"
)


def remade(campaign: Campaign, faults: Problems, progress: Progress) -> Remade:
    """Compare; each variable of a wave that differs for somebody is a fault of the data."""
    there = [
        wave
        for wave in record.waves(campaign.folder)
        if wave.campaign == campaign.file
        and wave.manifest.made is not None
        and wave.manifest.made.variables
        and served_variables.NAME in wave.manifest.files
    ]
    names: dict[str, None] = {}
    values = 0
    chosen = _spread(there)
    for wave in chosen:
        progress.step(f"making the variables of {wave.name} again")
        try:
            names |= dict.fromkeys(wave.manifest.made.variables if wave.manifest.made else ())
            values += _compare(campaign, wave, faults)
        except BanditError as e:
            lines = str(e).splitlines()
            faults.data.extend(f"wave {wave.name}: {line}" for line in lines)
    return Remade(tuple(wave.name for wave in chosen), tuple(names), values)


def _spread(waves: Sequence[Wave]) -> list[Wave]:
    places = np.unique(np.linspace(0, len(waves) - 1, min(WAVES, len(waves))).round().astype(int))
    return [waves[place] for place in places.tolist()]


def _compare(campaign: Campaign, wave: Wave, faults: Problems) -> int:
    """How many values were compared; faults take those variables that differ."""
    then = as_served.campaign_of(campaign, wave.manifest)
    stored = wave.manifest.verified(wave.folder, served_variables.NAME)
    about = pq.read_schema(stored)
    key = (
        "BIGINT" if pa.types.is_integer(about.field(served_variables.CUSTOMER).type) else "VARCHAR"
    )
    more: dict[str, Source] = {source.role: source for source in then.source}
    with database.connect(then, roles=(), more=more, extra_files=[stored], moment=wave.at) as data:
        made = evaluate(data, then, wave.at, key)
        now = {name: query for one in made for name, query in one.values().items()}
        id_ = f"served.{sql.name(served_variables.CUSTOMER)}"
        joined = "".join(f" LEFT JOIN {o.table} ON {o.table}.id = {id_}" for o in made)
        asked = ["count(*)"]
        for name, query in now.items():
            before = f"served.{sql.name(name)}"
            example = f"struct_pack(id := {id_}, a := {before}, b := {query})"
            other = f"{before} IS DISTINCT FROM {query}"
            asked += [
                f"count(*) FILTER ({other})",
                f"min({example}) FILTER ({other})",
            ]
        rows = f"{parquet([stored])} served{joined}"
        total, *found = data.rows(f"SELECT {', '.join(asked)} FROM {rows}")[0]
    for name, count, example in zip(now, found[::2], found[1::2], strict=True):
        if count:
            faults.data.append(_told(then, wave, name, (int(count), int(total)), example))
    return int(total) * len(now)


def _shown(*values: Any) -> list[str]:
    """Values in six digits, in all that they have where these are the same."""
    short = [f"{v:.6g}" if isinstance(v, float) else repr(v) for v in values]
    return short if len(set(short)) == len(short) else [*map(repr, values)]


def _told(
    then: Campaign, wave: Wave, name: str, counts: tuple[int, int], example: dict[str, Any]
) -> str:
    source = next(s for s in then.source if name in then.variables_of(s))
    known = source.known_at or source.at
    count, total = counts
    served, now = _shown(example["a"], example["b"])
    return (
        f"variable {name!r} leaks: of {total:,} customers of wave {wave.name} {count:,} have"
        f" another value by what {Path(source.source).name} says of then, such as"
        f" {example['id']!r}: {served} was served, {now} comes out now."
        f" {_REMEDY.format(known=known)}"
    )
