"""[log] as `learn --log` and `simulate` will read it: columns, labels and rows."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from bandit.config.campaign import Campaign
from bandit.core import sql
from bandit.core.actions import ActionSpace
from bandit.features.encode import encode
from bandit.features.spec import FeatureSpec
from bandit.logs import columns, labels, rows
from bandit.sources import database
from bandit.sources.columns import feature_columns


def check_log(
    campaign: Campaign, space: ActionSpace, spec: FeatureSpec, kind: str, at: dt.datetime
) -> tuple[str, ...]:
    """A note on the rows that are refused; DataError where they are too many.

    ``space`` are the campaign's actions, ``kind`` is the type of its keys. Features that the log
    lacks are looked up by `simulate`, and are not looked at here.
    """
    log = campaign.log
    if log is None:
        return ()
    found: list[rows.Refused] = []
    with database.connect(campaign, roles=(columns.ROLE,)) as data:
        table = data.table(columns.ROLE)
        meaning = labels.meant(log, labels.found(data, log), space.names[1:])
        numbers = {label: space.index(name) for label, name in meaning.items()}
        if log.no_contact is not None:
            numbers[log.no_contact] = 0
        seen = columns.as_customers(campaign, log, data)
        here = all(c.name in table.columns for c in spec.columns)
        features = feature_columns(data, seen) if here else {}
        chosen = [
            *columns.selected(data, log, kind),
            *(f"{query} AS {sql.name(f'f{i}')}" for i, query in enumerate(features.values())),
        ]
        total = 0
        query = f"SELECT {', '.join(chosen)} FROM {table.view}"
        for batch in data.stream(query, rows=campaign.limits.batch_size):
            own = [batch.column(f"f{i}") for i in range(len(features))]
            named = pa.RecordBatch.from_arrays(own, names=list(features))
            faults = encode(spec, named, at).faults if features else []
            more = rows.of(log, batch, numbers, len(space), faults).faults
            found += [one._replace(row=one.row + total) for one in more]
            total += batch.num_rows
    return rows.told(found, total, campaign.limits.reject_share, "log")
