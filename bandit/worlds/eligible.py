"""Who may get what in a generated operator: offer rules, dates and consent, without history."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pyarrow as pa

from bandit.core.types import Array, Bool
from bandit.worlds.assortment import Assortment
from bandit.worlds.draws import uniform
from bandit.worlds.people import People


def consents(ids: Array, assortment: Assortment, seed: int) -> Bool:
    """bool[n, c]: who agreed to be contacted on which channel."""
    draw = uniform(seed, "consent", ids[:, None], np.arange(len(assortment.channels)))
    return np.asarray(draw < assortment.consent_share)


def rules(crowd: People, assortment: Assortment, on: dt.date) -> Bool:
    """bool[n, o]: whom each offer's rule admits, for offers that have started."""
    admitted = np.ones((len(crowd.ids), len(assortment.offers)), dtype=np.bool_)
    different = sorted({rule for rule in assortment.eligible if rule})
    with duckdb.connect(":memory:") as con:
        con.register("customers", pa.table(crowd.columns))
        selected = ", ".join(f"coalesce({rule}, false) AS r{i}" for i, rule in enumerate(different))
        answers = (
            con.sql(f"SELECT {selected} FROM customers").to_arrow_table() if selected else None
        )
    for o, rule in enumerate(assortment.eligible):
        if rule and answers is not None:
            admitted[:, o] = answers[f"r{different.index(rule)}"].to_numpy()
        starts = assortment.starts[o]
        admitted[:, o] &= starts is None or starts <= on
    return admitted


def eligible_actions(crowd: People, assortment: Assortment, seed: int, on: dt.date) -> Bool:
    """bool[n, k]: the actions of `World.actions`; no contact is always among them."""
    pairs = (
        rules(crowd, assortment, on)[:, :, None] & consents(crowd.ids, assortment, seed)[:, None, :]
    )
    none = np.ones((len(crowd.ids), 1), dtype=np.bool_)
    return np.concatenate((none, pairs.reshape(len(crowd.ids), -1)), axis=1)
