"""A generated operator on disk: customers.duckdb and a campaign.toml that serves from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from bandit.core.types import Array
from bandit.worlds.assortment import Assortment
from bandit.worlds.draws import logistic, uniform
from bandit.worlds.eligible import consents
from bandit.worlds.people import ORIGIN, people

DATABASE = "customers.duckdb"
CHUNK = 250_000
INLINE_OFFERS = 50
"""Up to here the offers stand in campaign.toml, beyond in the table `offers`."""

_COLUMNS = (
    "numeric = [",
    '    "age", "tenure_months", "arpu_eur", "data_gb", "voice_minutes",',
    '    "roaming_days", "household", "app_days", "open_rate",',
    "]",
    'boolean = ["fibre_available", "has_fibre", "has_tv"]',
    'categorical = ["plan", "region", "device"]',
    'date = ["device_since", "contract_end"]',
)

_EVENTS = (
    "no_contact_value = 0.0",
    "",
    "[reward.events]  # each kind is learned by itself",
    'sale = "value"',
    "refusal = -8.0",
    "unsubscribe = -8.0",
    'organic = "reward"  # bought without an offer: so much as it says',
    "",
    "[model]",
    'link = "logit"  # of how often things happen',
)


class Plan(NamedTuple):
    """What campaign.toml says beside the catalogue: who decides for whom, and how often.

    ``apart``: each kind of event is learned by itself, counts through the logit link.
    """

    shares: tuple[tuple[str, float], ...] = (("rules", 0.45), ("lin_ts", 0.45))
    holdout: float = 0.1
    exploration: float = 0.02
    same_offer_days: int = 28
    refusal_days: int = 90
    slots: int = 1
    ridge: float = 100.0
    alpha: float = 0.2
    apart: bool = False


def write_database(
    file: Path,
    assortment: Assortment,
    *,
    customers: int,
    seed: int,
    embedding: int,
    more: Callable[[Array], dict[str, pa.Array]] | None = None,
) -> None:
    """Tables customers, consents and, for many offers, offers; chunked, so memory stays bounded.

    ``more`` gives columns of the customers besides, by their ids.
    """
    with _filled(file) as con:
        con.execute("SET threads = 2")
        for first, ids in enumerate(_chunks(customers)):
            crowd = people(ids, seed)
            columns = dict(crowd.columns)
            if embedding:
                columns["embedding"] = _embedding(crowd.traits, ids, seed, embedding)
            columns |= {} if more is None else more(ids)
            for name, batch in (
                ("customers", pa.table(columns)),
                ("consents", _consents(ids, assortment, seed)),
            ):
                con.register("batch", batch)
                verb = f"INSERT INTO {name}" if first else f"CREATE TABLE {name} AS"
                con.execute(f"{verb} SELECT * FROM batch")
                con.unregister("batch")
        if len(assortment.offers) > INLINE_OFFERS:
            con.register("batch", _offers(assortment))
            con.execute("CREATE TABLE offers AS SELECT * FROM batch")


@contextmanager
def _filled(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database to fill; what DuckDB says of the disk is an OSError, as of any other file."""
    try:
        with duckdb.connect(str(file)) as con:
            yield con
            con.execute("CHECKPOINT")  # a close would keep a failure to itself
    except duckdb.Error as e:
        raise OSError(str(e).split("\n", 1)[0]) from None


def _chunks(customers: int) -> Iterator[Array]:
    for start in range(0, customers, CHUNK):
        yield np.arange(start + 1, min(start + CHUNK, customers) + 1, dtype=np.int64)


def _consents(ids: Array, assortment: Assortment, seed: int) -> pa.Table:
    row, column = np.nonzero(consents(ids, assortment, seed))
    names = pa.DictionaryArray.from_arrays(
        pa.array(column.astype(np.int16)), list(assortment.channels)
    ).cast(pa.string())
    return pa.table(
        {
            "customer_id": ids[row],
            "channel": names,
            "granted": np.ones(len(row), dtype=np.bool_),
        }
    )


def _embedding(traits: Array, ids: Array, seed: int, width: int) -> pa.Array:
    """FLOAT[width]: the visible traits mixed into every coordinate, as a two-tower model would."""
    seen = traits[:, :-1]
    axes = logistic(seed, "axes", np.arange(seen.shape[1])[:, None], np.arange(width))
    noise = uniform(seed, "embedding", ids[:, None], np.arange(width)) - 0.5
    values = (seen @ axes / np.sqrt(seen.shape[1]) + noise).astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), width)


def _offers(assortment: Assortment) -> pa.Table:
    return pa.table(
        {
            "name": list(assortment.offers),
            "family": list(assortment.families),
            "cost": assortment.offer_cost_eur,
            "eligible": pa.array(assortment.eligible, pa.string()),
            "priority": assortment.priority,
            "starts": pa.array(assortment.starts, pa.date32()),
        }
    )


def campaign_text(
    assortment: Assortment,
    plan: Plan,
    *,
    seed: int,
    window_days: float,
    embedding: int,
    scores: int = 0,
) -> str:
    """campaign.toml of the generated operator."""
    lines = [
        "# A generated telecom operator: `bandit demo` serves and learns from it.",
        f"# Its calendar begins on {ORIGIN}; rewards are the margin in EUR.",
        'name = "telecom"',
        f"seed = {seed}",
        "",
        "[customers]",
        f"source = {_quote(DATABASE)}",
        'table = "customers"',
        'key = "customer_id"',
        "",
        "[features]",
        *('vector = ["embedding"]',) * bool(embedding),
        *_COLUMNS * (not embedding),
    ]
    for name in assortment.offers[:scores]:
        lines += ["", "[[score]]", f"column = {_quote(f'score_{name}')}", f"offer = {_quote(name)}"]
        lines += ['known_at = "scored_at"']
    lines += ["", "[consents]", f"source = {_quote(DATABASE)}", 'table = "consents"']
    lines += ["", "[reward]", 'unit = "EUR"', f"window_days = {window_days}"]
    lines += [f"ridge = {plan.ridge}  # cautious: a sale is rare and worth 10 to 60 EUR"]
    lines += _EVENTS * plan.apart
    lines += [
        "",
        "[pressure]",
        f"slots = {plan.slots}",
        f"same_offer_days = {float(plan.same_offer_days)}",
        f"refusal_days = {float(plan.refusal_days)}",
        "",
        "[policy]",
        f"holdout = {plan.holdout}",
        f"exploration = {plan.exploration}",
    ]
    total = sum(share for _, share in plan.shares)
    for policy, share in plan.shares:
        lines += ["", "[[policy.share]]", f'policy = "{policy}"', f"share = {share / total:.12g}"]
        if policy in {"lin_ts", "lin_ucb"}:
            lines += [
                f"alpha = {plan.alpha}  # thousands of customers a wave explore by themselves"
            ]
    lines += _channel_lines(assortment)
    if len(assortment.offers) > INLINE_OFFERS:
        lines += ["", "[offers]", f"source = {_quote(DATABASE)}", 'table = "offers"']
    else:
        lines += _offer_lines(assortment, values=plan.apart)
    return "\n".join(lines) + "\n"


def _channel_lines(assortment: Assortment) -> list[str]:
    lines = []
    for name, cost in zip(assortment.channels, assortment.channel_cost_eur.tolist(), strict=True):
        lines += ["", "[[channel]]", f"name = {_quote(name)}", f"cost = {cost}"]
    return lines


def _offer_lines(assortment: Assortment, *, values: bool) -> list[str]:
    lines = []
    for i, name in enumerate(assortment.offers):
        lines += [
            "",
            "[[offer]]",
            f"name = {_quote(name)}",
            f"family = {_quote(assortment.families[i])}",
        ]
        lines += [f"value = {assortment.margin_eur[i]:.2f}  # the margin of a sale"] * values
        lines += [f"priority = {int(assortment.priority[i])}"]
        if rule := assortment.eligible[i]:
            lines += [f"eligible = {_quote(rule)}"]
        if starts := assortment.starts[i]:
            lines += [f"starts = {starts}"]
    return lines


def _quote(text: str) -> str:
    """A TOML basic string; JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
