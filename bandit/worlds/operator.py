"""A telecom operator with a hidden true response: for the demo, tests and simulations.

The learner sees the customers' columns and the outcomes; the truth stays here, so that a policy's
value can be compared with the best that the truth allows. Everything is derived from the seed and
the customer's id by counter: the same customer answers the same treatment on the same day alike,
whatever policy chose it (common random numbers), and n customers are the first n of any more.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bandit.core.errors import DataError
from bandit.core.types import Array, Bool, Float64
from bandit.worlds import events, scored, truth
from bandit.worlds.assortment import Assortment, assortment
from bandit.worlds.draws import uniform
from bandit.worlds.eligible import eligible_actions
from bandit.worlds.files import DATABASE, Plan, campaign_text, write_database
from bandit.worlds.people import ORIGIN, People, people

UNSUBSCRIBE_SHARE = 0.4
"""Of the refusals, how many withdraw consent for the channel as well."""


class _Drawn(NamedTuple):
    """Answers to one contact each: ``lag`` a standard exponential, the others bool[n]."""

    sold: Bool
    refused: Bool
    leaves: Bool
    lag: Float64


@dataclass(frozen=True)
class World:
    """A generated operator of `customers` with ids 1..n.

    ``window_days`` is the attribution window and the time in which an organic purchase falls;
    ``delay_days`` the mean of a sale's exponential delay; ``refusal_cost_eur`` what a refusal
    loses; ``drift`` how far tastes turn over a year (0 none, 1 strongly); the last
    ``new_offers`` of the offers start ``new_offers_day`` days after the origin; of the first
    ``scores`` offers a model elsewhere knows more than the columns say, see `scored`. Without
    ``alike`` what sells has nothing in common from pair to pair; ``ceiling`` bounds P(sale).
    """

    customers: int
    offers: int = 20
    channels: int = 5
    seed: int = 0
    drift: float = 0.0
    new_offers: int = 0
    new_offers_day: int = 56
    window_days: float = 14.0
    delay_days: float = 3.0
    refusal_cost_eur: float = 8.0
    scores: int = 0
    alike: bool = True
    ceiling: float = truth.SALE_CEILING

    @property
    def origin(self) -> dt.datetime:
        """Day 0, a Monday morning."""
        return dt.datetime.combine(ORIGIN, dt.time(6), tzinfo=dt.UTC)

    @cached_property
    def assortment(self) -> Assortment:
        """Offers and channels with the truth about them."""
        return assortment(
            self.offers,
            self.channels,
            self.seed,
            new=self.new_offers,
            new_day=self.new_offers_day,
        )

    @property
    def actions(self) -> list[tuple[str, str] | None]:
        """(offer, channel) of each column of the truth; column 0 is no contact."""
        pairs = [(o, c) for o in self.assortment.offers for c in self.assortment.channels]
        return [None, *pairs]

    @property
    def costs(self) -> Float64:
        """float64[k]: EUR that each action costs, offer and channel together."""
        both = self.assortment.offer_cost_eur[:, None] + self.assortment.channel_cost_eur
        return np.concatenate(([0.0], both.ravel()))

    def people(self, ids: Array) -> People:
        """The customers number `ids`."""
        return people(ids, self.seed)

    def day(self, at: dt.datetime) -> int:
        """Days from the origin to `at`."""
        return (at.astimezone(dt.UTC).date() - ORIGIN).days

    def write(self, folder: Path, *, plan: Plan | None = None, embedding: int = 0) -> None:
        """customers.duckdb and campaign.toml in `folder`, which is made if it does not exist.

        ``embedding``: width of a ready-made FLOAT[] column that then is the only feature.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_database(
            folder / DATABASE,
            self.assortment,
            customers=self.customers,
            seed=self.seed,
            embedding=embedding,
            more=self._score_columns if self.scores else None,
        )
        text = campaign_text(
            self.assortment,
            plan or Plan(),
            seed=self.seed,
            window_days=self.window_days,
            embedding=embedding,
            scores=self.scores,
        )
        (folder / "campaign.toml").write_text(text, encoding="utf-8")

    def eligible(self, ids: Array, at: dt.datetime) -> Bool:
        """bool[n, k]: offer rules, dates and consents, as if nobody had been contacted before."""
        return eligible_actions(
            self.people(ids), self.assortment, self.seed, at.astimezone(dt.UTC).date()
        )

    def expected_rewards(
        self, ids: Array, at: dt.datetime, *, recent: Array | None = None
    ) -> Float64:
        """The true mean reward of each action inside the window, EUR before costs, float64[n, k].

        ``recent`` int[n]: contacts that the customer had lately; each makes a refusal likelier.
        """
        crowd, assortment = self.people(ids), self.assortment
        n = len(crowd.ids)
        gain = self._sale(crowd, self.day(at)) * (self._in_time * assortment.margin_eur)[:, None]
        gain -= (self._refusal(crowd, recent) * self.refusal_cost_eur)[:, None, :]
        base = truth.organic(crowd) * truth.ORGANIC_MARGIN_EUR
        return np.concatenate((base[:, None], base[:, None] + gain.reshape(n, -1)), axis=1)

    def net_values(self, ids: Array, at: dt.datetime, *, recent: Array | None = None) -> Float64:
        """`expected_rewards` less costs, float64[n, k]."""
        return self.expected_rewards(ids, at, recent=recent) - self.costs

    def best_value(
        self, ids: Array, eligible: Bool, at: dt.datetime, *, recent: Array | None = None
    ) -> Float64:
        """Net value of the best eligible action, float64[n]; nobody can do better in this wave."""
        net = self.net_values(ids, at, recent=recent)
        return np.asarray(np.where(eligible, net, -np.inf).max(axis=1), dtype=np.float64)

    def rules_value(
        self, ids: Array, eligible: Bool, at: dt.datetime, *, recent: Array | None = None
    ) -> Float64:
        """Net value of business as usual, float64[n]."""
        net = self.net_values(ids, at, recent=recent)
        chosen = self.rules_choice(eligible)
        return np.asarray(net[np.arange(len(net)), chosen], dtype=np.float64)

    def rules_choice(self, eligible: Bool) -> Array:
        """Business as usual, int64[n]: the first eligible offer by priority, then channel."""
        rank = np.repeat(self.assortment.priority, self.channels) * self.channels
        last = np.iinfo(np.int64).max
        order = np.concatenate(([last - 1], rank))
        order[1:] += np.tile(np.arange(self.channels), self.offers)
        return np.asarray(np.where(eligible, order, last).argmin(axis=1), dtype=np.int64)

    def respond(
        self, decisions: pa.Table, at: dt.datetime, *, recent: Array | None = None
    ) -> pa.Table:
        """Events that follow a wave's decisions, as `schema.outcomes`, in the order of time.

        Needs the columns decision_id, customer_id, slot, offer and channel; `recent` int[n] is
        aligned with the rows. Every customer's organic purchase is named by customer and time.
        """
        day, assortment = self.day(at), self.assortment
        ids = decisions["customer_id"].to_numpy()
        offer = _positions(decisions["offer"], assortment.offers, "offer")
        channel = _positions(decisions["channel"], assortment.channels, "channel")
        rows = np.flatnonzero(offer >= 0)
        contacts = events.Contacts(
            rows=rows,
            customers=ids[rows],
            decisions=decisions["decision_id"].combine_chunks().take(pa.array(rows)),
            slots=decisions["slot"].to_numpy()[rows],
            offer=offer[rows],
            channel=channel[rows],
        )
        lately = None if recent is None else np.asarray(recent)[rows]
        parts = [self._organic(np.unique(ids), at), *self._answers(contacts, at, day, lately)]
        return pa.concat_tables(parts).sort_by(
            [("occurred_at", "ascending"), ("event_id", "ascending")]
        )

    def sample(
        self, ids: Array, actions: Array, at: dt.datetime, *, recent: Array | None = None
    ) -> Float64:
        """What each customer's action earns inside the window, float64[n], EUR before costs.

        The same draws as `respond`, without the events: for replays in memory.
        """
        own, sold, refused = self.happened(ids, actions, at, recent=recent)
        offer = np.maximum(actions - 1, 0) // self.channels
        earned: Float64 = own + np.where(sold, self.assortment.margin_eur[offer], 0.0)
        return earned - np.where(refused, self.refusal_cost_eur, 0.0)

    def happened(
        self, ids: Array, actions: Array, at: dt.datetime, *, recent: Array | None = None
    ) -> tuple[Float64, Bool, Bool]:
        """What followed inside the window: EUR of organic purchases, sales, refusals, [n] each."""
        own, sold, refused = np.zeros(len(ids)), *np.zeros((2, len(ids)), np.bool_)
        buyers, size, _ = self._organic_draw(ids, self.day(at))
        own[buyers] = size
        rows = np.flatnonzero(actions > 0)
        offer, channel = np.divmod(actions[rows] - 1, self.channels)
        lately = None if recent is None else np.asarray(recent)[rows]
        drawn = self._draw(ids[rows], offer, channel, self.day(at), lately)
        sold[rows] = drawn.sold & (self.delay_days * drawn.lag < self.window_days)
        refused[rows] = drawn.refused
        return own, sold, refused

    def _answers(
        self, contacts: events.Contacts, at: dt.datetime, day: int, recent: Array | None
    ) -> list[pa.Table]:
        """Sales, refusals and withdrawn consents that contacts bring about."""
        drawn = self._draw(contacts.customers, contacts.offer, contacts.channel, day, recent)
        loss = np.full(len(contacts.rows), -self.refusal_cost_eur)
        soon = np.minimum(0.5 * drawn.lag, 0.7 * self.window_days)
        gain, late = self.assortment.margin_eur[contacts.offer], self.delay_days * drawn.lag
        return [
            events.of_contacts(kind, day, at, contacts, hit, reward, delay)
            for kind, hit, reward, delay in (
                ("sale", drawn.sold, gain, late),
                ("refusal", drawn.refused & ~drawn.leaves, loss, soon),
                ("unsubscribe", drawn.refused & drawn.leaves, loss, soon),
            )
        ]

    def _draw(
        self, who: Array, offer: Array, channel: Array, day: int, recent: Array | None
    ) -> _Drawn:
        """How customers answer one contact each; keyed, so the same one is answered alike."""
        crowd, row = self.people(who), np.arange(len(who))
        if self.alike:
            chance = self.ceiling * self.assortment.fit[offer, channel]
            chance = chance * self._appeal(crowd, day)[row, offer]
            chance = chance * truth.reach(self.assortment, crowd)[row, channel]
        else:
            chance = self._sale(crowd, day)[row, offer, channel]
        annoyed = self._refusal(crowd, recent)[row, channel]

        def draw(stream: str) -> Float64:
            return uniform(self.seed, stream, who, np.full(len(who), day), offer, channel)

        return _Drawn(
            sold=draw("sale") < chance,
            refused=draw("refusal") < annoyed,
            leaves=draw("unsubscribe") < UNSUBSCRIBE_SHARE,
            lag=-np.log(draw("delay")),
        )

    def score(self, ids: Array) -> Float64:
        """What the models elsewhere said on day 0 of the first offers, float64[n, scores]."""
        crowd = self.people(ids)
        return scored.scores(crowd.ids, self._appeal(crowd, 0)[:, : self.scores], self.seed)

    def _sale(self, crowd: People, day: int) -> Float64:
        """P(sale) of each pair, float64[n, o, c]."""
        assortment = self.assortment
        if self.alike:
            reached = truth.reach(assortment, crowd)
            found = truth.sale(assortment, self._appeal(crowd, day), reached)
        else:
            found = truth.strange(assortment, crowd, self.seed)
        return np.minimum(self.ceiling * found, 1.0)

    def _appeal(self, crowd: People, day: int) -> Float64:
        whim = scored.whims(crowd.ids, self.scores, self.offers, self.seed)
        return truth.appeal(self.assortment, crowd, day, self.drift, whim)

    def _score_columns(self, ids: Array) -> dict[str, pa.Array]:
        """Columns score_<offer>, and scored_at: when the origin's day began."""
        names = self.assortment.offers[: self.scores]
        found = dict(zip((f"score_{name}" for name in names), self.score(ids).T, strict=True))
        known = dt.datetime.combine(ORIGIN, dt.time())
        return {**found, "scored_at": pa.array([known] * len(ids), pa.timestamp("us"))}

    @property
    def _in_time(self) -> float:
        """P(delay ≤ window)."""
        return float(1.0 - np.exp(-self.window_days / self.delay_days))

    def _refusal(self, crowd: People, recent: Array | None) -> Float64:
        lately = np.zeros(len(crowd.ids)) if recent is None else np.asarray(recent, np.float64)
        return truth.refusal(self.assortment, crowd, lately)

    def _organic(self, who: Array, at: dt.datetime) -> pa.Table:
        """One chance a customer, whatever was decided for it."""
        day = self.day(at)
        buyers, size, when = self._organic_draw(who, day)
        return events.table(
            kind="organic",
            day=day,
            at=at,
            customers=who[buyers],
            decisions=None,
            slots=np.zeros(len(buyers), dtype=np.int64),
            rewards=size,
            delay_days=0.999 * self.window_days * when,
        )

    def _organic_draw(self, who: Array, day: int) -> tuple[Array, Float64, Float64]:
        """Rows that buy of themselves, what that earns, and when within the window (0 to 1)."""

        def draw(stream: str, ids: Array) -> Float64:
            return uniform(self.seed, stream, ids, np.full(len(ids), day))

        buyers = np.flatnonzero(draw("organic", who) < truth.organic(self.people(who)))
        ids = who[buyers]
        size = truth.ORGANIC_MARGIN_EUR * (0.5 + draw("organic size", ids))
        return buyers, size, draw("organic time", ids)


def _positions(column: pa.ChunkedArray, names: tuple[str, ...], what: str) -> Array:
    """Where each value stands in `names`, −1 for null; an unknown one is an error."""
    column = column.cast(pa.string())
    found = pc.index_in(column, value_set=pa.array(names, pa.string()))
    strange = pc.and_(pc.is_null(found), pc.is_valid(column))
    if pc.any(strange).as_py():
        name = column.filter(strange)[0].as_py()
        raise DataError(
            f"{what} {name!r} is none of this world's; was the wave served from its folder?"
        )
    return np.asarray(found.fill_null(-1).to_numpy(), dtype=np.int64)
