"""Events lead to contacts: once, as by HTTP, inside what the trigger has in play."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from bandit.config import campaign_file
from bandit.core.errors import ConfigError, DataError, LockedError
from bandit.core.types import SILENT
from bandit.record import events as heeded
from bandit.record import lock, streams
from bandit.results.live import FATES, Triggered
from bandit.service.app import Service, app
from bandit.service.commit import Committer
from bandit.sources import refusals
from bandit.workflows.inspect.explain import explain
from bandit.workflows.inspect.status import status
from bandit.workflows.judge.simulate import simulate
from bandit.workflows.learn.learn import learn
from bandit.workflows.live import trigger as workflow
from bandit.workflows.live.seal import seal
from bandit.workflows.live.trigger import trigger
from bandit.workflows.privacy import export_customer as privacy
from bandit.workflows.privacy.export_customer import export_customer
from bandit.workflows.privacy.forget import forget
from bandit.workflows.serve.serve_batch import serve_batch
from bandit.workflows.start.check import check
from tests import campaigns, triggers
from tests.campaigns import MONDAY
from tests.lives import DAY, NOON
from tests.triggers import event, file, outbox

PEOPLE = campaigns.people(300)["customer_id"].to_list()
REGION = dict(zip(PEOPLE, campaigns.people(300)["region"], strict=True))


def after(minutes: float) -> Callable[[], dt.datetime]:
    """A clock that stands so long after noon."""
    return lambda: NOON + dt.timedelta(minutes=minutes)


def run(folder: Path, *rows: dict[str, Any] | str, minutes: float = 0.0) -> Triggered:
    """A file of ``rows`` delivered so long after noon; what it comes to adds up."""
    told = trigger(folder, events=file(folder / "events.jsonl", rows), now=after(minutes))
    assert sum(getattr(told, fate) for fate in FATES) == told.events + told.released
    return told


def by_http(folder: Path, rows: list[dict[str, Any]], minutes: float = 0.0) -> list[Any]:
    """The same, event by event over HTTP; then what waits and is due."""

    async def say() -> list[Any]:
        with ExitStack() as stack:
            campaign = campaign_file.load(folder)
            stack.enter_context(streams.held(campaign.folder, "serve"))
            arrivals = workflow.opened(stack, campaign, after(minutes), SILENT)
            committer = Committer(arrivals.desk)
            service = Service(arrivals, committer, ())
            service.ready = True
            transport = httpx.ASGITransport(app(service))
            async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
                await service.release()
                told = [await client.post("/v1/events", json=row) for row in rows]
            await committer.close()
            return [(one.status_code, one.json()) for one in told]

    return asyncio.run(say())


def boxes(folder: Path) -> dict[str, bytes]:
    return campaigns.bytes_of(folder / "outbox")


def test_a_file_and_event_by_event_over_http_are_the_same_outbox_byte_for_byte(
    tmp_path: Path,
) -> None:
    rows = [event(i, c, minutes=i % 50) for i, c in enumerate([*PEOPLE[:120], *PEOPLE[:40]])]
    rows += [event(f"l{c}", c, "contract_ends", minutes=c % 60) for c in PEOPLE[:60]]
    rows += [event("x", 4), event("y", PEOPLE[0], "none"), rows[0], event("old", 3, minutes=900)]
    cap = "\n[limits]\nmax_contacts = 70\n"  # which is reached among events decided together
    by_file, over_http = (triggers.write(tmp_path / n, more=cap) for n in ("file", "http"))
    told = run(by_file, *rows)
    answers = by_http(over_http, rows)

    assert boxes(by_file) == boxes(over_http)
    assert {status for status, _ in answers} == {200}
    fates = pl.Series([body["fate"] for _, body in answers]).value_counts()
    assert dict(fates.iter_rows()) == {f: n for f in FATES if (n := getattr(told, f))}
    assert told.contacted == 70
    assert told.waiting > 20
    assert told.quiet > 20
    assert (told.unknown_customer, told.unknown_kind, told.duplicate, told.expired) == (1, 1, 1, 1)
    # What waited is released by either, to the same bytes.
    later = run(by_file, minutes=45)
    by_http(over_http, [], minutes=45)
    assert later.released == told.waiting
    assert boxes(by_file) == boxes(over_http)


def test_delivered_twice_it_is_decided_once_by_whatever_way(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    rows = [event(i, c) for i, c in enumerate(PEOPLE[:50])]
    rows += [event(f"l{c}", c, "contract_ends") for c in PEOPLE[:20]]
    first = run(folder, *rows, *rows)
    before = boxes(folder)
    again = run(folder, *rows)
    over_http = by_http(folder, rows)
    assert first.duplicate == again.duplicate == len(rows)
    assert {body["fate"] for _, body in over_http} == {"duplicate"}
    seal(folder)
    assert run(folder, *rows).duplicate == len(rows)
    assert boxes(folder) == before


def test_what_is_too_old_to_be_remembered_is_too_late(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    rows = [event(i, c) for i, c in enumerate(PEOPLE[:20])]
    assert run(folder, *rows).contacted > 5
    days = 3 * 24 * 60
    assert run(folder, *rows, minutes=days).expired == 20
    # Even if the trigger is more patient by now.
    path = folder / "campaign.toml"
    text = path.read_text()
    for name in ('name = "anybody"', 'name = "basket"'):
        text = text.replace(name, f"{name}\nexpiry_minutes = 43200.0")
    path.write_text(text)
    assert run(folder, *rows, minutes=days + 1).expired == 20


def test_only_what_is_in_play_goes_out_and_the_propensity_is_exact(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    rows = [event(i, c) for i, c in enumerate(PEOPLE)]
    run(folder, *rows)
    lines = pl.DataFrame(outbox(folder))
    assert set(lines.filter(trigger="basket")["channel"]) == {"email"}
    assert set(lines.filter(trigger="basket")["offer"]) == {"cable", "music"}
    assert {t for t, c in lines.select("trigger", "customer").rows() if REGION[c] == "east"} == {
        "anybody"
    }
    seal(folder)
    frame = campaigns.decisions(folder, f"{DAY}-1-basket")
    known = dict(lines.select("decision_id", "offer").rows())
    made = frame.filter(pl.col("action") > 0)
    assert {i: known[i] for i in made["decision_id"]} == dict(
        made.select("decision_id", "offer").rows()
    )
    # As the wave of that name would have drawn it from what is in play.
    sizes = {int.from_bytes(e, "little").bit_count() for e in frame["eligible"]}
    assert sizes == {3}  # no contact and two offers by e-mail
    # So the weights of a policy that draws evenly from the three have mean 1, within 4 errors.
    weights = 1.0 / 3.0 / frame["propensity"]
    assert abs(weights.mean() - 1.0) < 4.0 * weights.std() / len(weights) ** 0.5


def test_every_other_command_works_on_what_triggers_decided(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    run(folder, *[event(i, c) for i, c in enumerate(PEOPLE)])
    lines = outbox(folder)
    seal(folder)
    rows = [
        {"event_id": f"s{i}", "decision_id": line["decision_id"], "event": "sale",
         "reward": 4.0 + i % 3, "occurred_at": "2026-11-03 10:00:00"}
        for i, line in enumerate(lines[:60])
    ]  # fmt: skip
    later = MONDAY + dt.timedelta(days=8)
    learned = learn(folder, outcomes=campaigns.outcomes(tmp_path / "o.csv", rows), at=later)
    assert learned.waves == sorted([f"{DAY}-1-basket", f"{DAY}-1-anybody"])
    assert simulate(folder, at=later).candidates
    told = explain(folder, customer=str(lines[0]["customer"]))
    assert told.wave in learned.waves
    assert any("decided at an event" in note for note in told.notes)
    assert not any("another eligible set" in note for note in told.notes)
    serve_batch(folder, wave="next", at=MONDAY + dt.timedelta(days=1))


def test_pressure_counts_waves_live_contacts_and_those_of_triggers(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", pressure="max_contacts = 1\nper_days = 7")
    told = run(folder, *[event(i, c) for i, c in enumerate(PEOPLE[:100])])
    assert told.contacted > 40
    contacted = {line["customer"] for line in outbox(folder)}
    again = run(folder, *[event(f"n{c}", c, minutes=-70) for c in contacted], minutes=70)
    assert (again.gated + again.quiet, again.contacted) == (len(contacted), 0)
    assert again.gated > 20
    serve_batch(folder, wave="next", at=MONDAY)
    frame = campaigns.decisions(folder, "next").filter(pl.col("action") > 0, placement="outbound")
    assert not contacted & set(frame["customer_id"])
    others = set(frame["customer_id"])
    pressed = run(folder, *[event(f"p{c}", c) for c in others])
    assert (pressed.gated + pressed.quiet, pressed.contacted) == (len(others), 0)
    seal(folder)
    reasons = [
        d["reason"]
        for c in sorted(contacted)[:3]
        for d in export_customer(folder, customer=str(c)).decisions
    ]
    assert any("contact pressure" in str(reason) for reason in reasons)


def test_one_who_refuses_while_an_event_waits_is_left_in_peace(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    assert run(folder, *[event(i, c, "contract_ends") for i, c in enumerate(PEOPLE)]).waiting == 300
    assert any("300 events wait" in note for note in status(folder).notes)
    assert status(folder).waiting == 300
    log = refusals.next_file(folder)
    log.parent.mkdir(parents=True)
    refusing = PEOPLE[:100]
    log.write_bytes(
        b"".join(refusals.frame(refusals.Refusal(c, None, NOON.isoformat())) for c in refusing)
    )
    told = run(folder, minutes=31)
    assert told.released == 300
    assert told.gated == 100
    assert told.contacted > 100
    assert not {line["customer"] for line in outbox(folder)} & set(refusing)
    assert status(folder).waiting == 0


def test_what_waited_too_long_expires_and_says_so(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    run(folder, *[event(i, c, "contract_ends") for i, c in enumerate(PEOPLE[:10])])
    assert run(folder, minutes=91).expired == 10
    assert not outbox(folder)


def test_quiet_holds_for_those_who_were_left_in_peace_too(tmp_path: Path) -> None:
    """Else the holdout's events would be decided at more often than the others'."""
    folder = triggers.write(tmp_path / "c")
    rows = [event(i, c, minutes=5) for i, c in enumerate(PEOPLE[:80])]
    told = run(folder, *rows)
    assert told.no_contact > 10
    again = [event(f"a{i}", c) for i, c in enumerate(PEOPLE[:80])]
    assert run(folder, *again).quiet == 80
    late = [event(f"b{i}", c, minutes=50) for i, c in enumerate(PEOPLE[:80])]
    assert run(folder, *late).quiet == 80  # delivered later, but happened as near


def test_a_wave_that_is_planned_comes_first(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    with lock.hold(folder, "serve-batch"), pytest.raises(LockedError, match="serve-batch"):
        run(folder, event(1, PEOPLE[0]))
    with streams.held(folder, "serve"), pytest.raises(LockedError, match="bandit serve"):
        run(folder, event(1, PEOPLE[0]))
    assert not outbox(folder)


def test_over_http_an_event_waits_while_a_wave_is_planned(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    run(folder)
    with ExitStack() as stack:
        campaign = campaign_file.load(folder)
        arrivals = workflow.opened(stack, campaign, after(0), SILENT)
        with lock.hold(folder, "serve-batch"):
            (sent,) = [heeded.Event("e", "basket_left", PEOPLE[0], int(NOON.timestamp() * 1e6))]
            assert arrivals.take(sent).fate == "waiting"
            assert arrivals.release() == []
        (told,) = arrivals.release()
        assert told.fate in {"contacted", "no_contact"}
        assert arrivals.release() == []


def said(**more: object) -> str:
    """A line that is an event but for what is given."""
    good = {"event_id": "a", "event": "basket_left", "customer": 3, "at": "2026-11-02T12:00:00Z"}
    return json.dumps({**good, **more})


WRONG = [
    ("[]", "Expected `object`"),
    ("{", "truncated"),
    ("{}", "required field"),
    (said(at="2026-11-02T12:00:00"), "at = 2026-11-02T12:00:00 says no zone"),
    (said(at="yesterday"), "`$.at`: 'yesterday'"),
    (said(at=None), "at"),
    (said(more=1), "unknown field"),
    (said(event_id=""), ">= 1"),
    (said(customer=None), "customer"),
    (said(customer="../x"), "whole number"),
    ("[" * 60_000, ""),
    (said(event_id="x" * 1_000_000), "64 kB"),
]


def test_lines_that_are_no_events_are_counted_and_told_or_refused_if_many(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", more="\n[limits]\nreject_share = 0.95\n")
    found = run(folder, event(1, PEOPLE[1]), *(line for line, _ in WRONG))
    assert (found.rejected, found.events) == (len(WRONG), len(WRONG) + 1)
    assert f"{len(WRONG) - 3:,} more lines were rejected" in found.notes[-1]
    triggers.write(folder)
    for number, (line, told) in enumerate(WRONG):
        if told == "whole number":
            continue  # which only the campaign's data can tell
        with pytest.raises(DataError, match="1 of 2 lines are no events") as error:
            run(folder, line, event(number, PEOPLE[2]))
        assert "line 1: " in str(error.value)
        assert told in str(error.value)
    assert run(folder, event(2, PEOPLE[2])).duplicate == 0


def test_times_from_the_first_to_the_last_year_are_late_or_refused(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", more="\n[limits]\nreject_share = 0.5\n")
    times = ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
             "9999-12-31T23:59:59-12:00", "2026-11-02T12:05:01Z"]  # fmt: skip
    rows = [{**event(i, PEOPLE[i]), "at": at} for i, at in enumerate(times)]
    told = run(folder, *rows)
    assert (told.expired, told.rejected) == (3, 2)
    assert sum("future" in note for note in told.notes) == 2


def test_an_id_with_another_content_is_rejected_and_nothing_is_decided(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c", more="\n[limits]\nreject_share = 0.9\n")
    told = run(folder, event(1, PEOPLE[0]), event(1, PEOPLE[1]), event(1, PEOPLE[0], minutes=1))
    assert told.rejected == 2
    assert sum("another content" in note for note in told.notes) == 2
    # A key is one however it is written.
    assert run(folder, event(1, str(PEOPLE[0]))).duplicate == 1
    (answer,) = by_http(folder, [event(1, PEOPLE[1])])
    assert answer[0] == 422


def test_a_forgotten_customer_is_in_no_outbox_and_no_event_of_theirs_waits(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    rows = [event(i, c) for i, c in enumerate(PEOPLE[:60])]
    waits = [event(f"w{c}", c, "contract_ends") for c in PEOPLE[:60]]
    run(folder, *rows, *waits)
    lines = outbox(folder)
    who = lines[0]["customer"]
    held = export_customer(folder, customer=str(who))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(privacy, "TOGETHER", 1)  # however many rows are looked at together
        assert export_customer(folder, customer=str(who)) == held
    assert [row["decision_id"] for row in held.lists] == [lines[0]["decision_id"]]
    assert {row["fate"] for row in held.events} == {"contacted", "waiting"}
    told = forget(folder, customers=[str(who)])
    assert (told.listed, told.events) == (1, 2)
    assert outbox(folder) == lines[1:]
    left = export_customer(folder, customer=str(who))
    assert not left.lists
    assert not left.events
    for content in campaigns.bytes_of(folder / "streams").values():
        assert f'"customer": {who}'.encode() not in content
        assert f", {who}, ".encode() not in content
    again = run(folder, *[r for r in rows if r["customer"] != who], minutes=31)
    assert (again.duplicate, again.released) == (59, 59)
    assert who not in {line["customer"] for line in outbox(folder)}


def test_one_who_only_waits_can_be_forgotten(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    run(folder, event(1, PEOPLE[0], "contract_ends"))
    assert forget(folder, customers=[str(PEOPLE[0])]).events == 1
    assert run(folder, minutes=31).released == 0


def test_the_outbox_is_for_its_owner_alone_and_no_link_is_followed(tmp_path: Path) -> None:
    folder = triggers.write(tmp_path / "c")
    mask = os.umask(0)
    try:
        run(folder, *[event(i, c) for i, c in enumerate(PEOPLE[:30])])
    finally:
        os.umask(mask)
    for path in (folder / "outbox").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted
    other = triggers.write(tmp_path / "d")
    (tmp_path / "elsewhere").mkdir()
    (other / "outbox").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="outbox: a link is not followed"):
        run(other, *[event(i, c) for i, c in enumerate(PEOPLE[:30])])
    assert not list((tmp_path / "elsewhere").iterdir())


CONFIG = [
    ('event = "e"', "trigger.1.name is missing"),
    ('name = "../x"\nevent = "e"', "trigger.1.name: '../x' will not do"),
    ('name = "a"\nevent = "e"\ndelay = 3.0', "unknown key 'trigger.1.delay'"),
    ('name = "a"\nevent = "e"\ndelay_minutes = -1.0', "trigger.1.delay_minutes = -1.0"),
    ('name = "a"\nevent = "e"\nexpiry_minutes = 0.0', "trigger.1.expiry_minutes = 0.0"),
    ('name = "a"\nevent = "e"\noffers = []', "leaves nothing in play"),
    ('name = "a"\nevent = "e"\noffers = ["fiber"]', "unknown offer 'fiber'; did you mean 'fibre'"),
    ('name = "a"\nevent = "e"\nchannels = ["home"]', "unknown outbound channel 'home'"),
    ('name = "a"\nevent = "e"\noffers = ["music"]\nchannels = ["sms"]', "none of its offers"),
    ('name = "a"\nevent = "e"\n[[trigger]]\nname = "A"\nevent = "e"', "trigger 'A' stands twice"),
    ('name = "a"\nevent = "e"\ncondition = "aged > 3"', "trigger 'a', condition: 'aged > 3'"),
    ('name = "a"\nevent = "e"\ncondition = "read_csv(1)"', "trigger 'a', condition: "),
    ('name = "a"\nevent = "e"\ncondition = "age"', "not true or false"),
]


@pytest.mark.parametrize(("text", "told"), CONFIG)
def test_what_is_wrong_in_a_trigger_is_told_with_its_remedy(
    tmp_path: Path, text: str, told: str
) -> None:
    folder = campaigns.write(tmp_path / "c", more=f"\n[[trigger]]\n{text}\n")
    for command in (check, lambda f: run(f, event(1, 3))):
        with pytest.raises(ConfigError) as error:
            command(folder)
        assert told in str(error.value)


def test_a_trigger_for_nobody_is_told_and_a_campaign_without_one_is_refused(tmp_path: Path) -> None:
    none = '\n[[trigger]]\nname = "a"\nevent = "e"\ncondition = "age > 200"\n'
    folder = campaigns.write(tmp_path / "c", more=none)
    assert any("trigger 'a': no customer meets" in w for w in check(folder).warnings)
    assert run(folder, event(1, PEOPLE[0], "E")).unmatched == 1
    with pytest.raises(ConfigError, match=r"has no \[\[trigger\]\]"):
        run(campaigns.write(tmp_path / "d"), event(1, 3))


def test_triggers_change_no_wave(tmp_path: Path) -> None:
    one, two = campaigns.write(tmp_path / "one"), triggers.write(tmp_path / "two")
    for folder in (one, two):
        serve_batch(folder, wave="w", at=MONDAY)
    names = [f"waves/w/{n}" for n in ("manifest.json", "decisions-0000.parquet")]
    assert [json.loads((f / names[0]).read_text())["content"] for f in (one, two)] == [
        json.loads((one / names[0]).read_text())["content"]
    ] * 2
    assert (one / names[1]).read_bytes() == (two / names[1]).read_bytes()
