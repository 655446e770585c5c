"""What must be true of a result, of a wave, of the lists: asked of the files by the twin."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bandit.models.posterior_file import load_posterior
from tests.journeys import twin
from tests.journeys.twin import Kept

DAY = dt.timedelta(days=1)
Agreed = Callable[[int, str, dict[str, bool]], bool]
"""Customer, channel, the channels with whether they need a consent: may it be used?"""


def close(value: float, wanted: float) -> bool:
    """Equal to a cent of a cent: what is printed is summed in another order and in float32."""
    return bool(value == pytest.approx(wanted, rel=1e-5, abs=1e-5))


def whole(folder: Path) -> None:
    """A decision is one row: no id stands twice."""
    kept = twin.waves(folder)
    ids = [i for w in kept for i in w.rows["decision_id"]]
    assert len(ids) == len(set(ids))


def summary(said: Any, wave: Kept) -> None:
    """A wave's summary by its decisions."""
    rows, first = wave.rows, wave.first
    assert said.customers == first.height == first["customer_id"].n_unique()
    assert said.decisions == rows.height
    assert {g: n for g, n in said.groups.items() if n} == counts(first, "group")
    out = rows.filter((pl.col("placement") == "outbound") & (pl.col("action") != 0))
    assert {c: n for c, n in said.contacts.items() if n} == counts(out, "channel")
    assert {c: n for c, n in said.offers.items() if n} == counts(out, "offer")
    shown = rows.filter((pl.col("placement") != "outbound") & (pl.col("action") != 0))
    assert {c: n for c, n in said.shown.items() if n} == counts(shown, "channel")
    assert said.contacted == out["customer_id"].n_unique()
    assert sum(said.at_peace.values()) == said.customers - said.contacted
    assert rows.filter((pl.col("group") == "holdout") & (pl.col("action") != 0)).is_empty()
    assert rows["propensity"].is_between(0.0, 1.0, closed="right").all()
    assert said.withheld == wave.rows["withheld"].sum()
    made = wave.made.filter(~pl.col("withheld"))
    assert {c: n for c, n in said.lists.items() if n} == counts(made, "channel")


def lists(folder: Path, wave: Kept) -> pl.DataFrame | None:
    """What stands on a wave's lists: with what is withheld all its contacts. None without lists."""
    place = folder / "exports" / wave.name
    if not place.is_dir():
        return None
    made = wave.made.filter(~pl.col("withheld"))
    found: set[str] = set()
    for path in place.glob("*.csv"):
        on = set(pl.read_csv(path, infer_schema=False)["decision_id"])
        assert on == set(made.filter(pl.col("channel") == path.stem)["decision_id"])
        found |= on
    assert found == set(made["decision_id"])
    return made


def agreed(rows: pl.DataFrame, wave: Kept, may: Agreed) -> None:
    """Everybody in ``rows`` of ``wave`` agreed to the channel."""
    channels = {c["name"]: c["consent"] for c in wave.manifest["channels"]}
    wrong = [r for r in rows.select("customer_id", "channel").rows() if not may(*r, channels)]
    assert not wrong, f"{wave.name} contacts {wrong}, who refused"


def pressure(wave: Kept, others: Sequence[Kept], settings: dict[str, Any]) -> None:
    """Nobody is contacted too often; a wave of a later time counts as one made now."""
    limit = settings["pressure"]
    past: dict[int, list[float]] = defaultdict(list)
    for other in others:
        age = (wave.at - other.at) / DAY if other.at <= wave.at else 0.0
        for customer in other.contacts["customer_id"]:
            past[customer].append(age)
    for customer, now in wave.contacts.group_by("customer_id").len().rows():
        ages = past[customer]
        quiet = [a for a in ages if a < limit["quiet_days"]]
        assert not quiet, f"{wave.name} contacts {customer} within the quiet days: {quiet}"
        many = now + len([a for a in ages if a < limit["per_days"]])
        assert many <= limit["max_contacts"], f"{wave.name} contacts {customer} the {many}th time"


def learned(
    folder: Path, said: Any, kept: Sequence[Kept], at: dt.datetime, window: dt.timedelta
) -> None:
    """What `learn` counts and what stands in its snapshot, by the twin; nothing is left unsaid."""
    told = twin.events(folder)
    _, inside, outside = twin.rewards(kept, told, window)
    used = [w for w in kept if w.name in said.waves]
    assert said.events == sum(inside[w.name] for w in used)
    assert said.outside_window == sum(outside[w.name] for w in used)
    assert set(said.waiting) == {w.name for w in kept if w.at + window > at}
    assert not set(said.waiting) & set(said.waves)
    for wave in kept:
        named = any(wave.name in note for note in said.notes)
        assert wave.name in [*said.waves, *said.waiting] or named, f"{wave.name}: no word"
    sums = twin.taught(kept, told, window, said.waves)
    assert said.decisions == sum(count for count, _ in sums.values())
    if said.waves:
        _hold_snapshot(folder / "snapshots" / said.snapshot, sums)


def _hold_snapshot(snapshot: Path, sums: dict[str, tuple[int, float]]) -> None:
    manifest = twin.manifest(snapshot)
    posterior = load_posterior(snapshot / "posterior.safetensors")
    names = [twin.NO_CONTACT, *(f"{o}/{c}" for o, c in manifest["actions"])]
    for name, count, total in zip(names, posterior.count, posterior.reward_sum, strict=True):
        assert (count, total) == pytest.approx(sums.pop(name, (0, 0.0)), abs=1e-9), name
    assert not sums


def reported(said: Any, wave: Kept, total: dict[str, float]) -> Any:
    """A wave's page by the twin; what may not change however the campaign is edited."""
    assert said.customers == wave.first.height
    first = wave.first.filter((pl.col("action") != 0) & ~pl.col("withheld"))
    assert said.contacted == first.height
    wanted = twin.earned(wave, total)
    found = {e.group: e for e in said.earned if e.wave == wave.name}
    assert set(found) == set(wanted)
    for group, mean in wanted.items():
        assert found[group].customers == mean.customers
        assert close(found[group].realised, mean.realised)
        assert close(found[group].expected, mean.expected)
    return said.grid, said.limits, {e.group: e.expected for e in found.values()}


def simulated(said: Any, closed: Sequence[Kept], total: dict[str, float]) -> None:
    """What was logged: closed waves that are encoded as the newest of them, less the holdout."""
    newest = closed[-1].manifest["features"]
    used = [w for w in closed if w.manifest["features"] == newest]
    rows = [r for w in used for r in w.first.to_dicts() if not r["withheld"]]
    rows = [r for r in rows if r["group"] != "holdout"]
    assert said.rows == len(rows)
    mean = sum(twin.net(r, total[r["decision_id"]]) for r in rows) / len(rows)
    assert close(said.logged.value, mean)


def stated(
    said: Any, kept: Sequence[Kept], at: dt.datetime, window: dt.timedelta, folder: Path
) -> None:
    """What `status` lists."""
    assert [(w.name, w.closed, w.decisions) for w in said.waves] == [
        (w.name, w.at + window <= at, w.manifest["decisions"]) for w in kept
    ]
    versions = sorted(p.name for p in (folder / "snapshots").glob("[!.]*"))
    assert [s.version for s in said.snapshots] == versions


def counts(rows: pl.DataFrame, column: str) -> dict[str, int]:
    """How often each value stands in a column."""
    return dict(rows[column].value_counts().rows())
