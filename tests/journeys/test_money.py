"""Every figure of summary, report and `--json` again from the record's files, to the cent.

Twenty random campaigns with caps and lots, inbound lists, tables of offers and expressions.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from bandit.results.inspect import Increment, ReportResult
from bandit.results.money import Money
from bandit.results.serve import WaveSummary
from bandit.stats.moderated import PRIOR
from bandit.workflows.inspect.report import report
from bandit.workflows.learn.learn import learn
from bandit.workflows.serve.serve_batch import serve_batch
from reference import gained as reference
from tests import campaigns
from tests.campaigns import MONDAY
from tests.journeys import twin

CENT = 0.005
WEEK = dt.timedelta(days=7)
OFFERS = (
    "name,family,value,cost,channels,eligible,priority\n"
    "fibre,net,,0.1,,\"region = 'north' or age > 40\",1\n"
    "cable,net,1.5,,,,2\n"
    "music,,1 + spend / 100,0.02,email;home,,3\n"
)


@pytest.mark.parametrize(
    "number", [*range(3), *(pytest.param(n, marks=pytest.mark.long) for n in range(3, 20))]
)
def test_every_figure_is_found_again_in_the_files(number: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(number)
    folder = campaign(tmp_path / "campaign", rng)
    _hold_summary(serve_batch(folder, wave="w1", at=MONDAY), twin.waves(folder)[0])
    heard = told(folder, rng)
    learn(folder, outcomes=heard, at=MONDAY + WEEK)
    if number % 2:
        second = serve_batch(folder, wave="w2", at=MONDAY + WEEK)
        _hold_summary(second, twin.waves(folder)[1])
    shown = report(folder, at=MONDAY + WEEK)
    _hold_report(shown, folder)


def campaign(folder: Path, rng: np.random.Generator) -> Path:
    slots = rng.integers(1, 3)
    pressure = f"slots = {slots}\n"
    if rng.random() < 0.5:
        pressure += f"[limits]\nmax_contacts = {rng.integers(30, 90)}\n"
    if rng.random() < 0.5:
        pressure += (
            '[[group_cap]]\nname = "net"\noffers = ["fibre", "cable"]\n'
            f"capacity = {rng.integers(10, 40)}\n"
        )
    campaigns.write(folder, customers=120, pressure=pressure, seed=int(rng.integers(1000)))
    config = folder / "campaign.toml"
    text = config.read_text()
    if rng.random() < 0.6:
        text = text.replace('name = "sms"\n', f'name = "sms"\ncapacity = {rng.integers(5, 30)}\n')
    if rng.random() < 0.5:
        text = text[: text.index("[[offer]]")] + '[offers]\nsource = "offers.csv"\n'
        (folder / "offers.csv").write_text(OFFERS.replace("email;home", '"email, home"'))
    config.write_text(text)
    return folder


def told(folder: Path, rng: np.random.Generator) -> Path:
    """Some events name a decision, some a customer; contacts add something."""
    rows = campaigns.decisions(folder, "w1")
    told = []
    for i, row in enumerate(rows.iter_rows(named=True)):
        if rng.random() < 0.4:
            by = rng.random() < 0.5
            told.append({
                "event_id": f"e{i}",
                "decision_id": row["decision_id"] if by else None,
                "customer_id": None if by else row["customer_id"],
                "event": "sale",
                "reward": round(float(rng.gamma(2.0, 1.0 + (row["action"] > 0))), 2),
                "occurred_at": f"2026-11-0{rng.integers(2, 8)}T12:00:00",
            })  # fmt: skip
    return campaigns.outcomes(folder / "outcomes.csv", told)


# --- What the record says -------------------------------------------------------------------------


def _money(rows: pl.DataFrame, customers: int) -> dict[str, Any]:
    """Of contacts that are all in ``rows``: each by its definition."""
    gross = float((rows["value"].cast(float) * rows["expected_reward"].cast(float)).sum())
    cost = float(rows["cost"].sum())
    peace = float(rows["expected_no_contact"].cast(float).sum())
    value = gross - cost - peace
    return {
        "count": rows.height,
        "gross": gross,
        "cost": cost,
        "no_contact": peace,
        "expected_value": value,
        "per_contact": value / rows.height if rows.height else None,
        "per_customer": value / customers,
        "prices": float(rows["price_paid"].cast(float).sum()),
    }


def _same(found: Money | None, wanted: dict[str, Any]) -> None:
    assert found is not None
    for name, value in wanted.items():
        assert getattr(found, name) == (value if value is None else pytest.approx(value, abs=CENT))


def _counts(rows: pl.DataFrame, column: str) -> dict[str, int]:
    return dict(Counter(rows[column].to_list()))


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _split(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Contacts, and shown offers."""
    taken = rows.filter(pl.col("action") > 0)
    outbound = pl.col("placement") == "outbound"
    return taken.filter(outbound), taken.filter(~outbound)


def _hold_summary(summary: WaveSummary, wave: twin.Kept) -> None:
    rows, first = wave.rows, wave.first
    out, shown = _split(rows)
    assert (summary.customers, summary.decisions) == (first.height, rows.height)
    assert summary.contacted == out["customer_id"].n_unique()
    assert _some(summary.contacts) == _counts(out, "channel")
    assert _some(summary.offers) == _counts(out, "offer")
    assert _some(summary.shown) == _counts(shown, "channel")
    assert _some(summary.groups) == _counts(first, "group")
    quiet = first.filter(pl.col("action") == 0)
    assert _some(summary.at_peace) == _counts(quiet, "reason")
    _same(summary.outbound, _money(out, first.height))
    _same(summary.inbound, _money(shown, first.height))
    both = _money(pl.concat([out, shown]), first.height)
    assert summary.expected_value == pytest.approx(both["expected_value"], abs=CENT)
    peace = float(first["expected_no_contact"].cast(float).sum())
    assert summary.expected_no_contact == pytest.approx(peace, abs=CENT)
    for channel, cost in summary.costs.items():
        mine = rows.filter((pl.col("action") > 0) & (pl.col("channel") == channel))
        assert cost == pytest.approx(float(mine["cost"].sum()), abs=CENT)
    outbound = rows.filter(pl.col("placement") == "outbound")
    lost = outbound.filter((pl.col("planned_action") > 0) & (pl.col("action") == 0))
    assert summary.given_up == lost.height
    _hold_limits(summary, out, wave)
    # Where it ran is no part of the record: the bytes are those of any machine.
    apart = {"schema", "notes", "cluster"}
    stored = {k: v for k, v in summary.to_json().items() if k not in apart}
    assert stored.pop("split") == []  # no arm has a part of the limits, and nothing is kept of it
    assert stored == wave.manifest["summary"]


def _hold_limits(summary: WaveSummary, out: pl.DataFrame, wave: twin.Kept) -> None:
    """Use by counting; a contact's price is the sum of the prices of its limits."""
    which = {
        "channels.sms.capacity": pl.col("channel") == "sms",
        "group_cap.net": pl.col("offer").is_in(["fibre", "cable"]),
        "limits.max_contacts": pl.lit(value=True),
    }
    total = np.zeros(out.height)
    for one in summary.limits:
        mine = out.with_columns(mine=which[one.name])["mine"].to_numpy()
        assert one.used == mine.sum() <= (one.most or 0.0)
        total += one.price * mine
    if summary.limits and out.height:
        np.testing.assert_allclose(total, out["price_paid"], atol=1e-5)
        assert summary.outbound is not None
        assert summary.dual_value is not None
        assert summary.outbound.expected_value <= summary.dual_value + 1e-6
    assert wave.manifest["summary"]["limits"] == [dict(vars(one)) for one in summary.limits]


def _hold_report(shown: ReportResult, folder: Path) -> None:
    kept = twin.waves(folder)
    newest = kept[-1]
    made = newest.rows.with_columns(
        action=pl.when(pl.col("withheld")).then(0).otherwise(pl.col("action"))
    )
    out, lists = _split(made)
    n = newest.first.height
    assert (shown.campaign, shown.wave, shown.customers) == ("test", newest.name, n)
    assert (shown.config, shown.run_by) == (newest.manifest["config"], None)  # no command noted it
    assert shown.contacted == out.filter(pl.col("slot") == 1).height
    assert shown.at_peace == _some(newest.manifest["summary"]["at_peace"])
    assert shown.groups == _counts(newest.first, "group")
    both = pl.concat([out, lists])
    pairs = Counter(both.select("offer", "channel").iter_rows())
    assert {(o, c): k for o, cells in shown.grid.items() for c, k in cells.items()} == pairs
    _same(shown.outbound, _money(out, n))
    _same(shown.inbound, _money(lists, n))
    for group, top in shown.top.items():
        mine = both.filter(pl.col("group") == group)
        names = Counter(f"{o}/{c}" for o, c in mine.select("offer", "channel").iter_rows())
        assert sorted(top.values()) == sorted(c for _, c in names.most_common(5))
        assert all(names[name] == count for name, count in top.items())
    for column in {s.column for s in shown.segments}:
        assert sum(s.customers for s in shown.segments if s.column == column) <= n
    total, _, _ = twin.rewards(kept, twin.events(folder), WEEK)
    people = {w.name: _people(w, total) for w in kept}
    for one in shown.earned:
        wanted = twin.earned(next(w for w in kept if w.name == one.wave), total)[one.group]
        assert one.customers == wanted.customers
        assert one.expected == pytest.approx(wanted.expected, abs=CENT)
        assert one.realised == pytest.approx(wanted.realised, abs=CENT)
        values = np.array([x for g, x in people[one.wave].values() if g == one.group])
        half = 1.959964 * values.std() / len(values) ** 0.5
        # No narrower than their own spread, and further up, where one more may have bought.
        assert one.realised - one.lower >= 0.9 * half - 1e-9
        assert one.upper - one.realised >= one.realised - one.lower - 1e-9
    for gained in shown.increments:
        _hold_increment(gained, people, [w.name for w in kept if w.at + WEEK <= MONDAY + WEEK])
    _hold_offers(shown, kept, folder)


def _people(wave: twin.Kept, total: dict[str, float]) -> dict[int, tuple[str, float]]:
    """Group of the first row and net reward of all rows, by customer."""
    group = dict(wave.first.select("customer_id", "group").iter_rows())
    earned: dict[int, float] = defaultdict(float)
    for row in wave.rows.to_dicts():
        earned[row["customer_id"]] += twin.net(row, total[row["decision_id"]])
    return {c: (group[c], x) for c, x in earned.items()}


def _hold_increment(
    gained: Increment, people: dict[str, dict[int, tuple[str, float]]], closed: list[str]
) -> None:
    waves = []
    for wave in closed if gained.wave is None else [gained.wave]:
        one, other = (
            [(c, 1.0, x) for c, (g, x) in people[wave].items() if g == name]
            for name in (gained.group, gained.over)
        )
        waves.append((one, other))
    customers = sum(len(one) for one, _ in waves)
    found = reference.gained(waves, PRIOR)
    assert gained.customers == customers
    assert gained.total.value == pytest.approx(found.total, abs=CENT)
    assert gained.each.value == pytest.approx(found.total / customers, abs=CENT)
    half = 1.959964 * found.error
    assert gained.total.upper - gained.total.value == pytest.approx(half, rel=1e-3, abs=1e-9)


def _hold_offers(shown: ReportResult, kept: list[twin.Kept], folder: Path) -> None:
    """Only closed waves; each contact with what names it, and all that names its customer."""
    wave = kept[0]
    taught = _taught(kept, folder)
    rows = wave.rows.filter((pl.col("action") > 0) & ~pl.col("withheld"))
    by_offer: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows.to_dicts():
        by_offer[row["offer"], row["channel"]].append(row)
    assert {(o.offer, o.channel) for o in shown.offers} == by_offer.keys()
    for one in shown.offers:
        mine = by_offer[one.offer, one.channel]
        came = [twin.net(row, taught[row["decision_id"]]) for row in mine]
        assert one.count == len(mine)
        assert one.cost == pytest.approx(sum(row["cost"] for row in mine), abs=CENT)
        expected = np.mean([row["expected_value"] for row in mine])
        assert one.expected == pytest.approx(float(expected), abs=CENT)
        assert one.realised.value == pytest.approx(float(np.mean(came)), abs=CENT)


def _taught(kept: list[twin.Kept], folder: Path) -> dict[str, float]:
    """What names a decision is its own; what names a customer is on all rows of the last wave."""
    found: dict[str, float] = defaultdict(float)
    for event in twin.events(folder):
        when, named = event["occurred_at"], event["decision_id"]
        reached = [w for w in kept if w.at <= when < w.at + WEEK]
        if not reached:
            continue
        if named is not None:
            found[named] += event["reward"]
            continue
        rows = reached[-1].rows.filter(pl.col("customer_id") == event["customer_id"])
        for decision in rows["decision_id"]:
            found[decision] += event["reward"]
    return found
