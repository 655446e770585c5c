"""What came of waves by the group of each customer: what report and roi both speak of."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from duckdb import DuckDBPyConnection

from bandit.checks.keys import customer_keys
from bandit.config.campaign import Campaign
from bandit.core.types import Array, Bool, Float64, Progress, UInt64
from bandit.record import attribution, heard, homes
from bandit.record import outcomes as deliveries
from bandit.record.attribution import Attributed
from bandit.record.decisions import Decisions, Rows
from bandit.record.waves import Wave, after
from bandit.sources import persons
from bandit.stats.crowds import Crowds, crowd_of
from bandit.stats.means import Sums
from bandit.stats.rare import Rewards, lumped
from bandit.workflows.inspect import catalogue_today

HOLDOUT, EXPLORATION, RULES = "holdout", "exploration", "rules"
_COLUMNS = (
    "action", "group", "value", "cost", "expected_reward", "expected_value",
    "expected_no_contact", "customer_id",
)  # fmt: skip


class Made:
    """Contacts, or shown ranks, of an offer on a channel.

    ``sums`` are of what they brought net as the model is taught it: what names the customer is on
    each of the customer's; ``rewards`` of the same before costs. ``gross`` was expected before
    costs, exactly 0 where nothing was known. ``lumped`` is what people who belong together add to
    the variance of the sum, ``doubt`` how far ``gross`` may be off by what it was learned from.
    """

    def __init__(self) -> None:
        self.count = 0
        self.cost = self.expected = self.gross = self.lumped = self.doubt = 0.0
        self.sums, self.rewards = Sums(), Rewards()

    def add(self, rows: Rows, taught: Float64, mine: Bool, units: UInt64 | None = None) -> None:
        """Add the rows ``mine`` bool[n] of a batch; ``units`` uint64[n] are one's of several."""
        whose = None if units is None else units[mine]
        self.count += int(mine.sum())
        self.cost += float(rows.terms.cost[mine].sum())
        self.expected += float(rows.expected[mine].sum())
        self.gross += float((rows.terms.value * rows.numbers("expected_reward"))[mine].sum())
        self.sums = self.sums.merge(Sums.of(taught[mine]))
        self.lumped += lumped(taught[mine], whose)
        self.rewards = self.rewards.plus(Rewards.of((taught + rows.terms.cost)[mine], whose))

    def merge(self, other: Made) -> None:
        """Add those of another wave."""
        self.count += other.count
        self.cost += other.cost
        self.expected += other.expected
        self.gross += other.gross
        self.sums = self.sums.merge(other.sums)
        self.lumped += other.lumped
        self.doubt += other.doubt  # the same error: a later wave has learned what this one had
        self.rewards = self.rewards.plus(other.rewards)


class Groups(NamedTuple):
    """A wave by group: what came net, what it cost, and what was expected, of people.

    ``heard``: an event came in, or the window is closed; before, what it earned is not known.
    ``silent``: it is closed and none came in, so that nobody may have delivered its outcomes.
    ``made`` are the contacts and shown ranks by action; ``contacts`` counts them by group, and
    ``attributed`` is value times what names them, each event once; ``rewards`` is what came gross.
    ``lumped`` is by channel what people who belong together add to the variance of what came.
    """

    realised: dict[str, Crowds]
    cost: dict[str, Crowds]
    expected: dict[str, float]
    made: dict[str, Made]
    contacts: dict[str, int]
    attributed: dict[str, float]
    rewards: dict[str, Rewards]
    lumped: dict[str, float]
    closed: bool
    heard: bool
    silent: bool
    rules: str | None


class Realised(NamedTuple):
    """Waves by name, in order."""

    waves: dict[str, Groups]
    notes: list[str]


def realised(
    campaign: Campaign,
    waves: Sequence[Wave],
    every: Sequence[Wave],
    at: dt.datetime,
    progress: Progress,
    each: Callable[[Decisions, Attributed], None] | None = None,
    newest: Callable[[DuckDBPyConnection, Decisions, Sequence[Wave]], None] | None = None,
) -> Realised:
    """Join the decisions of ``waves`` with all outcomes, all slots of a customer together.

    ``every`` are all waves of the campaign: those after ``waves`` may claim outcomes too. ``each``
    sees a wave that is closed, with what came of its decisions; ``newest`` the last of ``waves``,
    with the table `events` and the waves that may claim them before it.
    """
    today = catalogue_today.of(campaign, waves)
    notes: list[str] = []
    window = campaign.window
    progress.step("joining decisions and outcomes", total=len(waves))
    found: dict[str, Groups] = {}
    people = persons.of(campaign, at)
    whose, families = homes.whose(every, people), persons.families(people)
    with heard.connect(campaign.limits.memory_mb) as connection:
        heard.load_events(connection, deliveries.batches(campaign.folder), families)
        for wave in waves:
            decisions = Decisions(campaign.folder, wave, today, whose)
            later = after(every, wave, window)
            came = attribution.attribute(connection, decisions, later, window)
            closed = wave.end(window) <= at
            silent = closed and not came.events and wave.manifest.kind == "wave"
            if silent:
                notes.append(heard.silent(wave.name))
            found[wave.name] = _of_wave(decisions, came, closed=closed, silent=silent)
            if each is not None and closed:
                each(decisions, came)
            if not found[wave.name].heard:
                notes.append(
                    f"no outcome of wave {wave.name} has come in: nothing is said yet of what its"
                    " contacts added"
                )
            if newest is not None and wave is waves[-1]:
                newest(connection, decisions, later)
            notes += decisions.notes
            progress.advance(1)
    _doubt(waves, found, campaign.reward.half_life_days)
    if not all(groups.closed for groups in found.values()):
        notes.append("the window of the newest waves is open: more may come of them")
    return Realised(found, notes)


def _doubt(waves: Sequence[Wave], found: dict[str, Groups], half_life: float | None) -> None:
    """Say how far expectations may be off: those learned from K purchases by 1/√K of each.

    K are what waves before, as far as they are shown, brought after the same action, halved with
    time where the past is forgotten; of less than one nothing is known (docs/adr/0449).
    """
    bought: dict[str, float] = defaultdict(float)
    before: dt.datetime | None = None
    for wave in waves:
        if half_life is not None and before is not None:
            faded = 0.5 ** ((wave.at - before) / dt.timedelta(days=half_life))
            bought = defaultdict(float, {name: faded * k for name, k in bought.items()})
        before, groups = wave.at, found[wave.name]
        for name, made in groups.made.items():
            made.doubt = abs(made.gross) / max(bought[name], 1.0) ** 0.5
        for name, made in groups.made.items() if groups.closed else ():
            bought[name] += made.rewards.effective


def _of_wave(decisions: Decisions, came: Attributed, *, closed: bool, silent: bool) -> Groups:
    """A customer's slots are summed, in the group of the first; no contact counts once."""
    realised: dict[str, Crowds] = defaultdict(Crowds.none)
    costs: dict[str, Crowds] = defaultdict(Crowds.none)
    expected: dict[str, float] = defaultdict(float)
    attributed: dict[str, float] = defaultdict(float)
    rewards: dict[str, Rewards] = defaultdict(Rewards)
    contacts: dict[str, int] = defaultdict(int)
    made: dict[str, Made] = defaultdict(Made)
    common: dict[str, float] = defaultdict(float)
    names, last = decisions.wave.actions, ""
    channels = np.array(["", *(channel for _, channel in names.pairs)])
    for rows in decisions.rows(*_COLUMNS):
        group, first = group_of(rows, last), rows.first
        last = str(group[-1]) if len(group) else last
        net, worth = rows.net(came.rewards[rows.place]), _expected(rows)
        cost = np.where(rows.withheld, 0.0, rows.terms.cost)
        crowd, units = crowd_of(keys_of(rows)), units_of(rows)
        action = np.where(rows.withheld, 0, rows.action)
        for name in dict.fromkeys(group.tolist()):
            mine = group == name
            realised[name].add(crowd[mine], net[mine], first[mine])
            costs[name].add(crowd[mine], cost[mine], first[mine])
            whose = None if units is None else units[mine]
            rewards[name] = rewards[name].plus(Rewards.of((net + cost)[mine], whose))
            expected[name] += float(worth[mine].sum())
            reached = mine & (action > 0)
            contacts[name] += int(reached.sum())
            attributed[name] += float((net + cost)[reached].sum())
        taught = rows.net(came.taught[rows.place])
        for a in np.unique(action[action > 0]).tolist():
            made[names[a]].add(rows, taught, action == a, units)
        if units is not None:
            by = channels[action]
            for channel in np.unique(by[action > 0]).tolist():
                common[channel] += lumped((taught + cost)[by == channel], units[by == channel])
    policy = decisions.wave.manifest.policy
    shares = [] if policy is None else policy.shares
    rules = next((share.label for share in shares if share.policy == RULES), None)
    heard = closed or came.events > 0
    return Groups(
        realised, costs, expected, made, contacts, attributed, rewards, common, closed, heard,
        silent, rules,
    )  # fmt: skip


def group_of(rows: Rows, last: str) -> Array:
    """The group of each row's customer: that of the first slot, which may be in the batch before.

    A further slot may be exploration's; what it brings is the customer's all the same.
    """
    first = np.flatnonzero(rows.first)
    named = np.concatenate([[last], rows.texts("group")[first]]).astype(object)
    found: Array = named[np.cumsum(rows.first)]
    return found


def keys_of(rows: Rows) -> UInt64:
    """Who belongs together, as 64 bits: a customer, or the household that was assigned as a whole.

    Rows of a log that name nobody are each their own.
    """
    customers = rows.customers
    if customers.null_count:
        return np.arange(rows.place.start, rows.place.start + len(rows), dtype=np.uint64)
    return rows.together(customer_keys(customers.to_numpy(zero_copy_only=False)))


def units_of(rows: Rows) -> UInt64 | None:
    """The same where several customers may be one, uint64[n]; None where each is their own."""
    return keys_of(rows) if rows.shared else None


def _expected(rows: Rows) -> Float64:
    """Of each row: no contact once a customer, and the increment of each contact."""
    peace = rows.expected_no_contact
    unknown = np.isnan(peace)
    once = np.where(rows.first, np.where(unknown, 0.0, peace), 0.0)
    made = (rows.action != 0) & ~rows.withheld
    over = np.where(unknown, rows.expected, rows.expected - np.nan_to_num(peace))
    quiet = np.where(unknown & rows.first, rows.expected, 0.0)
    return once + np.where(made, over, quiet)
