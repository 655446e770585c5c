"""A campaign driven by any sequence of commands, each held to the twin's counts and sums."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bandit.core.errors import BanditError, DataError
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.report import report
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.operate.rollback import rollback
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from tests import campaigns
from tests.journeys import twin

CUSTOMERS = 90
WINDOW = dt.timedelta(days=7)
DAY = dt.timedelta(days=1)
PRESSURE = "slots = 2\nmax_contacts = 3\nper_days = 20\nquiet_days = 2"
MOST_CONTACTS, PER_DAYS, QUIET_DAYS = 3, 20.0, 2.0
MORE = """
[simulate]
folds = 2
[[simulate.candidate]]
policy = "rules"
[[simulate.candidate]]
policy = "no_contact"
[limits]
reject_share = 0.5
"""
EXTRA = '[[offer]]\nname = "extra"\npriority = 9\n'
EDITED = {
    "a cost": ["cost = 0.1\n", "cost = 2.5\n"],
    "a value": ['value = "1 + spend / 100"', "value = 7.5", 'value = "2 * age"'],
    "an offer's name": ['name = "cable"', 'name = "tv"'],
    "an offer more": ["[simulate]\n", f"{EXTRA}[simulate]\n"],
    "a channel's name": ['"home"', '"portal"'],
    "a channel's cost": ["cost = 0.05", "cost = 0.75"],
    "the features": ['numeric = ["age", "spend"]', 'numeric = ["spend"]'],
    "the shares": [
        '"rules", share = 0.4 },\n  { policy = "lin_ts", share = 0.6',
        '"rules", share = 0.8 },\n  { policy = "lin_ts", share = 0.2',
    ],
}
"""What the user may edit: each text becomes the next one, the last the first."""
EDITS = sorted(EDITED)


def close(value: float, wanted: float) -> bool:
    """Equal to a cent of a cent: what is printed is summed in another order and in float32."""
    return bool(value == pytest.approx(wanted, rel=1e-5, abs=1e-5))


class Campaign(RuleBasedStateMachine):
    """One campaign; `at` is its clock, `told` what was said of waves before they were edited."""

    steps = 0
    """Steps of all campaigns of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journey-"))
        self.at = campaigns.MONDAY
        self.served = 0
        self.delivered = 0
        self.gone: set[int] = set()
        self.explained: dict[tuple[str, int], Any] = {}
        self.reported: dict[str, Any] = {}

    def teardown(self) -> None:
        """The folder goes."""
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self) -> None:
        """A campaign that has served once."""
        campaigns.write(self.folder, customers=CUSTOMERS, pressure=PRESSURE, more=MORE)
        self.serve(0)

    # --- The campaign goes on -------------------------------------------------------------------

    @rule(days=st.sampled_from([0, 0, 1, 3, 8, -2]))
    def serve(self, days: int) -> None:
        """A wave; the clock may stand still or be set back."""
        self.at += days * DAY
        allowed = twin.consents(self.folder)
        before = twin.waves(self.folder)
        self.served += 1
        name = f"w{self.served}"
        summary = serve_batch(self.folder, wave=name, at=self.at)
        wave = next(w for w in twin.waves(self.folder) if w.name == name)
        self._hold_summary(summary, wave)
        self._hold_lists(summary, wave)
        self._hold_people(wave, before, allowed)

    def _hold_summary(self, summary: Any, wave: twin.Kept) -> None:
        rows, first = wave.rows, wave.first
        assert summary.customers == first.height == first["customer_id"].n_unique()
        assert summary.decisions == rows.height
        assert rows["decision_id"].n_unique() == rows.height
        assert summary.groups == dict(first["group"].value_counts().rows())
        out = rows.filter((pl.col("placement") == "outbound") & (pl.col("action") != 0))
        assert {c: n for c, n in summary.contacts.items() if n} == _counts(out, "channel")
        assert {c: n for c, n in summary.offers.items() if n} == _counts(out, "offer")
        shown = rows.filter((pl.col("placement") != "outbound") & (pl.col("action") != 0))
        assert {c: n for c, n in summary.shown.items() if n} == _counts(shown, "channel")
        assert summary.contacted == out["customer_id"].n_unique()
        assert sum(summary.at_peace.values()) == summary.customers - summary.contacted
        assert rows.filter((pl.col("group") == "holdout") & (pl.col("action") != 0)).is_empty()
        assert rows["propensity"].is_between(0.0, 1.0, closed="right").all()

    def _hold_lists(self, summary: Any, wave: twin.Kept) -> None:
        made = wave.rows.filter((pl.col("action") != 0) & ~pl.col("withheld"))
        assert summary.withheld == wave.rows["withheld"].sum()
        listed = {c: n for c, n in summary.lists.items() if n}
        assert listed == _counts(made, "channel")
        for channel in listed:
            on = pl.read_csv(self.folder / "exports" / wave.name / f"{channel}.csv")
            assert set(on["decision_id"]) == set(
                made.filter(pl.col("channel") == channel)["decision_id"]
            )

    def _hold_people(
        self, wave: twin.Kept, before: list[twin.Kept], allowed: set[tuple[int, str]]
    ) -> None:
        """Nobody is contacted whom the twin forbids: consent, contact pressure over all waves."""
        assert not set(wave.rows["customer_id"]) & self.gone
        past: dict[int, list[float]] = {}
        for other in before:
            age = abs((wave.at - other.at) / DAY) if other.at <= wave.at else 0.0
            for customer in other.contacts["customer_id"]:
                past.setdefault(customer, []).append(age)
        for customer, channel in wave.contacts.select("customer_id", "channel").rows():
            assert (customer, channel) in allowed
        for customer, now in wave.contacts.group_by("customer_id").len().rows():
            ages = past.get(customer, [])
            assert not [a for a in ages if a < QUIET_DAYS]
            assert now + len([a for a in ages if a < PER_DAYS]) <= MOST_CONTACTS

    @rule(data=st.data(), named=st.booleans(), reward=st.sampled_from([0.0, 1.0, 12.5, -3.0]))
    def deliver(self, data: st.DataObject, named: bool, reward: float) -> None:
        """Outcomes of a few decisions, by decision or by customer, inside the window or not."""
        wave = data.draw(st.sampled_from(twin.waves(self.folder)))
        some = wave.rows.sample(min(5, wave.rows.height), seed=self.delivered)
        after = data.draw(st.sampled_from([0, 1, 6, 9]))
        rows = []
        for number, row in enumerate(some.to_dicts()):
            rows.append({
                "event_id": f"e{self.delivered}-{number}",
                "decision_id": row["decision_id"] if named else None,
                "customer_id": None if named else row["customer_id"],
                "event": "sale",
                "reward": reward,
                "occurred_at": (wave.at + after * DAY).isoformat(),
            })  # fmt: skip
        self.delivered += 1
        path = campaigns.outcomes(self.folder / "outcomes.csv", rows)
        self._learn(path)
        self.reported.clear()

    @rule()
    def learn_again(self) -> None:
        self._learn(None)

    def _learn(self, outcomes: Path | None) -> None:
        try:
            summary = learn(self.folder, outcomes=outcomes, at=self.at)
        except DataError as e:
            # A closed window without any event is refused; nothing else may be.
            if "no event" not in str(e) and "no-events" not in str(e):
                raise
            return
        kept = twin.waves(self.folder)
        _, inside, outside = twin.rewards(kept, twin.events(self.folder), WINDOW)
        learned = [w for w in kept if w.name in summary.waves]
        assert summary.events == sum(inside[w.name] for w in learned)
        assert summary.outside_window == sum(outside[w.name] for w in learned)
        rows = 0
        for wave in learned:
            first = set(wave.first["decision_id"])
            rows += sum(
                not r["withheld"] and (r["action"] != 0 or r["decision_id"] in first)
                for r in wave.rows.to_dicts()
            )
        assert summary.decisions == rows
        open_ = {w.name for w in kept if w.at + WINDOW > self.at}
        assert set(summary.waiting) == open_
        assert not open_ & set(summary.waves)

    @rule()
    def roll_back(self) -> None:
        versions = sorted(p.name for p in (self.folder / "snapshots").glob("[!.]*"))
        if versions:
            assert rollback(self.folder, version=versions[0]).restored == versions[0]

    # --- What the user edits --------------------------------------------------------------------

    @rule(what=st.sampled_from(EDITS))
    def edit(self, what: str) -> None:
        """Something in campaign.toml becomes another, or what it was again."""
        forms, text = EDITED[what], self._text()
        now = max((f for f in forms if f in text), key=len)
        after = forms[(forms.index(now) + 1) % len(forms)]
        (self.folder / "campaign.toml").write_text(text.replace(now, after))

    @rule(data=st.data())
    def forget_somebody(self, data: st.DataObject) -> None:
        """A person leaves: out of the user's table, then out of the record."""
        customers = campaigns.people(CUSTOMERS)
        left = [c for c in customers["customer_id"] if c not in self.gone]
        if len(left) < CUSTOMERS - 5:
            return
        customer = data.draw(st.sampled_from(left))
        self.gone.add(customer)
        campaigns.write_customers(
            self.folder, customers.filter(~pl.col("customer_id").is_in(list(self.gone)))
        )
        had = sum((w.rows["customer_id"] == customer).sum() for w in twin.waves(self.folder))
        try:
            result = forget(self.folder, customers=[str(customer)])
        except DataError:
            assert not had
            return
        assert result.decisions == had
        assert not sum((w.rows["customer_id"] == customer).sum() for w in twin.waves(self.folder))
        self.reported.clear()
        self.explained = {k: v for k, v in self.explained.items() if k[1] != customer}

    # --- What is said of the past ---------------------------------------------------------------

    @rule()
    def report_all(self) -> None:
        """Every wave's page: groups by the twin, and what was said before edits is said again."""
        kept = twin.waves(self.folder)
        total, _, _ = twin.rewards(kept, twin.events(self.folder), WINDOW)
        for wave in kept:
            result = report(self.folder, wave=wave.name, at=self.at)
            assert result.customers == wave.first.height
            assert result.contacted == wave.first.filter(
                (pl.col("action") != 0) & ~pl.col("withheld")
            ).height  # fmt: skip
            wanted = twin.earned(wave, total)
            found = {e.group: e for e in result.earned if e.wave == wave.name}
            assert set(found) == set(wanted)
            for group, mean in wanted.items():
                assert found[group].customers == mean.customers
                assert close(found[group].realised, mean.realised)
                assert close(found[group].expected, mean.expected)
            said = [e for e in result.earned if e.wave == wave.name], result.grid, result.limits
            assert self.reported.setdefault(wave.name, said)[1:] == said[1:]

    @rule(data=st.data())
    def explain_somebody(self, data: st.DataObject) -> None:
        """What is explained is what stands in the record, today as before."""
        wave = data.draw(st.sampled_from(twin.waves(self.folder)))
        customer = data.draw(st.sampled_from(sorted(set(wave.rows["customer_id"]))))
        result = explain(self.folder, customer=str(customer), wave=wave.name)
        mine = wave.rows.filter(pl.col("customer_id") == customer).to_dicts()
        assert len(result.slots) == len(mine)
        for slot, row in zip(result.slots, mine, strict=True):
            assert (slot.offer, slot.channel) == (row["offer"], row["channel"])
            assert slot.propensity == row["propensity"]
            assert slot.group == row["group"]
        said = result.slots
        assert self.explained.setdefault((wave.name, customer), said) == said

    @rule(data=st.data())
    def export_somebody(self, data: st.DataObject) -> None:
        kept = twin.waves(self.folder)
        customer = data.draw(st.sampled_from(sorted(set(kept[0].rows["customer_id"]))))
        result = export_customer(self.folder, customer=str(customer))
        rows = [w.rows.filter(pl.col("customer_id") == customer) for w in kept]
        assert len(result.decisions) == sum(r.height for r in rows)
        ids = {i for r in rows for i in r["decision_id"]}
        told = [
            e
            for e in twin.events(self.folder)
            if e["customer_id"] == customer or e["decision_id"] in ids
        ]
        assert len(result.outcomes) == len(told)

    @precondition(lambda self: self.served > 1)
    @rule()
    def simulate_waves(self) -> None:
        """What the log earned, by the twin; waves that cannot be judged are refused in words."""
        kept = twin.waves(self.folder)
        at = self.at + 30 * DAY
        try:
            result = simulate(self.folder, at=at)
        except BanditError:
            return
        total, _, _ = twin.rewards(kept, twin.events(self.folder), WINDOW)
        newest = kept[-1].manifest["features"]
        used = [w for w in kept if w.manifest["features"] == newest and w.at + WINDOW <= at]
        rows = [r for w in used for r in w.first.to_dicts() if not r["withheld"]]
        assert result.rows == len(rows)
        mean = sum(twin.net(r, total[r["decision_id"]]) for r in rows) / len(rows)
        assert close(result.logged.value, mean)

    @invariant()
    def every_wave_is_whole(self) -> None:
        """A reward belongs to one decision: nothing is counted twice."""
        type(self).steps += 1
        kept = twin.waves(self.folder) if (self.folder / "waves").exists() else []
        ids = [i for w in kept for i in w.rows["decision_id"]]
        assert len(ids) == len(set(ids))

    def _text(self) -> str:
        return (self.folder / "campaign.toml").read_text()


def _counts(rows: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(rows[column].value_counts().rows())
