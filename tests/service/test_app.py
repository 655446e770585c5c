"""The routes in process: answers, problems, keys, and that nothing is answered without a record."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bandit.core.framed import Frames
from bandit.service.app import Service, app
from bandit.service.commit import Committer
from bandit.service.keys import Key
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided
from bandit.workflows.live.settle import arrivals
from bandit.workflows.live.trigger import trigger
from tests import campaigns, triggers
from tests.lives import DAY, NOON, Live

PEOPLE = campaigns.people(300)["customer_id"].to_list()

Talk = Callable[[httpx.AsyncClient], Awaitable[Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return campaigns.write(tmp_path_factory.mktemp("service") / "c")


def talk(folder: Path, say: Talk, keys: tuple[Key, ...] = ()) -> Any:
    """What ``say`` comes to with a client of a service over the campaign."""

    async def run(live: Live) -> Any:
        committer = Committer(live.desk)
        service = Service(arrivals(live.campaign, live.desk), committer, keys)
        service.ready = True
        transport = httpx.ASGITransport(app(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            found = await say(client)
        await committer.close()
        return found

    with ExitStack() as stack:
        return asyncio.run(run(Live(folder, stack)))


def body(customer: int, request: str, *names: str) -> dict[str, Any]:
    return {
        "request_id": request,
        "customer": customer,
        "placements": [{"name": name} for name in names],
    }


def written(folder: Path) -> dict[str, Decided]:
    """Every decision on the disk by its request."""
    found = {}
    for path in sorted((folder / "streams").glob("20*/*")):
        for _, content in Frames(path):
            frame = frames.decoded(content)
            if isinstance(frame, Decided):
                found[frame.request] = frame
    return found


def test_what_is_answered_is_on_the_disk_and_can_be_asked_for(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        asked = await client.post("/v1/decisions", json=body(PEOPLE[0], "d1", "outbound", "home"))
        assert asked.status_code == 200
        answer = asked.json()
        assert json.loads(written(folder)["d1"].answer) == answer
        pick = answer["placements"][1]["picks"][0]
        one = await client.get(f"/v1/decisions/{pick['decision_id']}")
        assert one.json() == answer
        assert (await client.get("/v1/decisions/nobody.s")).status_code == 404
        again = await client.post("/v1/decisions", json=body(PEOPLE[0], "d1", "outbound", "home"))
        assert again.json() == {**answer, "replayed": True}

    talk(folder, say)


def test_outcomes_count_once_and_refusals_alone_are_taken(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        asked = await client.post("/v1/decisions", json=body(PEOPLE[1], "o1", "home"))
        decision = asked.json()["placements"][0]["picks"][0]["decision_id"]
        sold = {"event_id": "s1", "decision_id": decision, "event": "sale", "reward": 3.5}
        assert (await client.post("/v1/outcomes", json=sold)).json() == {"new": True}
        assert (await client.post("/v1/outcomes", json=sold)).json() == {"new": False}
        grant = {"customer": PEOPLE[1], "channel": "sms", "granted": True}
        assert (await client.post("/v1/consents", json=grant)).status_code == 422
        refusal = {**grant, "granted": False}
        assert (await client.post("/v1/consents", json=refusal)).json() == {"known": True}

    talk(folder, say)


def test_a_refusal_by_an_event_is_taken_of_whoever_has_no_row_today(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "c", customers=40, pressure="refusal_days = 30.0")

    async def say(client: httpx.AsyncClient) -> None:
        of_nobody = {"event_id": "s2", "customer": 10**9, "event": "Unsubscribe"}
        assert (await client.post("/v1/outcomes", json=of_nobody)).json() == {"new": True}
        sold = {**of_nobody, "event_id": "s3", "event": "sale"}
        assert (await client.post("/v1/outcomes", json=sold)).status_code == 404

    talk(folder, say)


WRONG = [
    (b"", 400, "is no DecisionRequest"),
    (b"[", 400, "is no DecisionRequest"),
    (b"{" * 60_000, 400, "is no DecisionRequest"),
    (b"[" * 60_000, 400, "is no DecisionRequest"),
    (b'{"request_id":"x","customer":3,"placements":[],"more":1}', 400, ">= 1"),
    (b'{"request_id":"x","customer":3,"sticky":{}}', 400, "unknown field"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home"}],"context":{"shoe":1}}', 422,
     "known here: age, spend, owner, region"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home"}],"context":{"age":{}}}', 400,
     "context"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home"}],"context":{"age":true}}', 422,
     "must be a number"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home"}],"context":{"age":1e300}}', 422,
     "not finite"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home"}],"context":{"age":1'
     + b"0" * 400 + b"}}", 422, "too large"),
    (b'{"request_id":"","customer":3,"placements":[{"name":"home"}]}', 400, "request_id"),
    (b'{"request_id":"x","customer":null,"placements":[{"name":"home"}]}', 400, "customer"),
    (b'{"request_id":"x","customer":1e999,"placements":[{"name":"home"}]}', 400, ""),
    (b'{"request_id":"x","customer":"\xff","placements":[{"name":"home"}]}', 400, ""),
    (b'{"request_id":"x","customer":99999999999999999999,"placements":[{"name":"home"}]}', 422,
     "whole number"),
    (b'{"request_id":"x","customer":"../../etc","placements":[{"name":"home"}]}', 422,
     "whole number"),
    (b'{"request_id":"x","customer":4,"placements":[{"name":"home"}]}', 404, "no customer"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"../x"}]}', 422, "no placement"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home","count":3}]}', 422, "1 to 2"),
    (b'{"request_id":"x","customer":3,"placements":[{"name":"home"},{"name":"home"}]}', 422,
     "twice"),
    (b" " * 70_000, 413, "64 kB"),
]  # fmt: skip


def test_what_is_wrong_is_a_problem_that_says_so(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        for content, status, told in WRONG:
            answer = await client.post("/v1/decisions", content=content)
            assert (answer.status_code, answer.headers["content-type"]) == (
                status, "application/problem+json",
            ), content[:80]  # fmt: skip
            assert told in answer.json()["detail"]
        for path in ("/v1/../campaign.toml", "/%2e%2e/campaign.toml", "/v1/decisions/../../x"):
            assert (await client.get(path)).status_code in {404, 405}
        assert (await client.delete("/v1/decisions")).status_code == 405

    talk(folder, say)


def test_requests_in_one_body_are_answered_as_alone_and_in_order(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        people = [PEOPLE[40], -1, PEOPLE[41], PEOPLE[40]]
        requests = [body(who, f"b{i}", "home") for i, who in enumerate(people)]
        answer = await client.post("/v1/decisions:batch", json={"requests": requests})
        first, nobody, second, again = answer.json()["answers"]
        assert nobody["status"] == 404
        assert (first["request_id"], second["request_id"]) == ("b0", "b2")
        assert again["placements"] == first["placements"]
        retried = await client.post("/v1/decisions", json=requests[2])
        assert retried.json() == {**second, "replayed": True}
        many = {"requests": [body(PEOPLE[0], f"m{i}", "home") for i in range(101)]}
        assert (await client.post("/v1/decisions:batch", json=many)).status_code == 400

    talk(folder, say)


def test_what_is_shown_later_is_activated_and_what_is_excluded_is_not_there(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        asked = {**body(PEOPLE[60], "late", "home"), "activate": False,
                 "exclude_offers": ["music", "cable", "music"]}  # fmt: skip
        answer = (await client.post("/v1/decisions", json=asked)).json()
        assert answer["active"] is False
        picks = answer["placements"][0]["picks"]
        assert {pick["offer"] for pick in picks} <= {None, "fibre"}
        other_order = {**asked, "exclude_offers": ["cable", "music"]}
        again = await client.post("/v1/decisions", json=other_order)
        assert again.json() == {**answer, "replayed": True}
        ids = {"decision_ids": [pick["decision_id"] for pick in picks]}
        told = [(await client.post("/v1/activations", json=ids)).json() for _ in range(2)]
        assert told == [{"new": len(picks)}, {"new": 0}]
        unknown = {**body(PEOPLE[61], "u", "home"), "exclude_offers": ["tv"]}
        refused = await client.post("/v1/decisions", json=unknown)
        assert refused.status_code == 422
        assert "known here: fibre, cable, music" in refused.json()["detail"]
        wrong: list[Any] = [
            {}, [], {"decision_ids": []}, {"decision_ids": "x"}, {"decision_ids": [""]},
            {"decision_ids": ["x"] * 101}, {"decision_ids": [3]}, {**ids, "more": 1},
        ]  # fmt: skip
        answers = [await client.post("/v1/activations", json=one) for one in wrong]
        assert {a.status_code for a in answers} == {400}
        nobody = {"decision_ids": [*ids["decision_ids"], "../../x"]}
        assert (await client.post("/v1/activations", json=nobody)).status_code == 404
        lists: list[Any] = ["music", [""], [3], [["music"]], None, ["m"] * 1001, {}]
        for one in lists:
            sent = {**body(PEOPLE[62], "w", "home"), "exclude_offers": one}
            assert (await client.post("/v1/decisions", json=sent)).status_code == 400

    talk(folder, say)


def test_the_catalogue_says_what_can_be_asked_for(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> dict[str, Any]:
        return dict((await client.get("/v1/catalogue")).json())

    found = {place["name"]: place for place in talk(folder, say)["placements"]}
    assert found["home"]["count"] == 2
    assert ["music", "home"] in found["home"]["pairs"]
    assert {channel for _, channel in found["outbound"]["pairs"]} == {"email", "sms"}


def test_keys_open_their_scopes_alone(folder: Path) -> None:
    digest = hashlib.sha256(b"secret").hexdigest()
    keys = (Key("shop", digest, ("decide",)),)

    async def say(client: httpx.AsyncClient) -> list[int]:
        found = []
        for header in (None, "Bearer wrong", "Basic secret", "Bearer secret"):
            sent = {} if header is None else {"Authorization": header}
            answer = await client.post(
                "/v1/decisions", json=body(PEOPLE[2], "k", "home"), headers=sent
            )
            found.append(answer.status_code)
        heard = {"event_id": "x", "customer": PEOPLE[2], "event": "sale"}
        answer = await client.post(
            "/v1/outcomes", json=heard, headers={"Authorization": "Bearer secret"}
        )
        return [*found, answer.status_code]

    assert talk(folder, say, keys) == [401, 401, 401, 200, 403]


def test_pages_need_nothing_else(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        described = (await client.get("/openapi.json")).json()
        assert set(described["paths"]) > {"/v1/decisions", "/v1/outcomes", "/v1/consents"}
        for path, methods in described["paths"].items():
            for one in methods.values():
                assert ("404" in one["responses"]) == path.startswith("/v1/")
        page = (await client.get("/docs")).text
        assert "/v1/decisions" in page
        assert "http:" not in page
        assert "https:" not in page
        await client.post("/v1/decisions", json=body(PEOPLE[3], "m1", "home"))
        counted = (await client.get("/metrics")).text
        assert 'bandit_requests_total{route="/v1/decisions",status="200"} 1.0' in counted
        assert 'bandit_request_seconds_count{route="/v1/decisions"} 1.0' in counted
        assert 'bandit_request_seconds_bucket{le="+Inf",route="/v1/decisions"} 1.0' in counted

    talk(folder, say)


def test_of_many_at_once_no_cap_is_passed_by_one(tmp_path: Path) -> None:
    folder = campaigns.write(
        tmp_path / "c",
        pressure="slots = 2\nmax_contacts = 2\nper_days = 7.0",
        more="\n[limits]\nmax_contacts = 40\n",
    )

    async def say(client: httpx.AsyncClient) -> list[httpx.Response]:
        asks = [body(customer, f"c{customer}", "outbound") for customer in PEOPLE]
        asks += [body(PEOPLE[0], f"same{i}", "outbound") for i in range(64)]
        return await asyncio.gather(*(client.post("/v1/decisions", json=a) for a in asks))

    answers = [r.json() for r in talk(folder, say)]
    made = {
        p["decision_id"]
        for a in answers for placed in a["placements"] for p in placed["picks"] if p["offer"]
    }  # fmt: skip
    assert len(made) == 40
    same = [a["placements"] for a in answers if a["customer"] == PEOPLE[0]]
    assert len(same) == 65
    assert all(one == same[0] for one in same)


@pytest.mark.parametrize("channel", [None, "email"])
def test_an_opt_out_amid_requests_holds_from_its_answer_on(
    tmp_path: Path, channel: str | None
) -> None:
    """Some are asked for with it, some while it is being answered, some after; nobody else's."""
    folder = campaigns.write(tmp_path / "c")
    refuses = PEOPLE[:40]

    async def ask(
        client: httpx.AsyncClient, customer: int, number: int
    ) -> tuple[int, set[str | None]]:
        names = [["outbound"], ["home"], ["outbound", "home"]][number % 3]
        asked = body(customer, f"{customer}-{number}", *names)
        answer = (await client.post("/v1/decisions", json=asked)).json()
        return customer, {p["channel"] for place in answer["placements"] for p in place["picks"]}

    async def say(client: httpx.AsyncClient) -> list[tuple[int, set[str | None]]]:
        after: list[tuple[int, set[str | None]]] = []

        async def refuse(customer: int) -> None:
            sent = {"customer": customer, "channel": channel, "granted": False}
            await client.post("/v1/consents", json=sent)
            after.extend([await ask(client, customer, number) for number in range(10, 14)])

        others = (ask(client, customer, n) for customer in PEOPLE[:80] for n in range(4))
        await asyncio.gather(*others, *(refuse(customer) for customer in refuses))
        return after

    after = talk(folder, say)
    assert len(after) == 4 * len(refuses)
    for customer, channels in after:
        assert customer in refuses
        assert channels <= {None, "home", "sms"} if channel else channels == {None}


@pytest.mark.parametrize("fails", ["write", "fdatasync"])
@pytest.mark.parametrize("after", [0, 3])
def test_where_the_disk_refuses_nothing_is_answered_that_has_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, after: int
) -> None:
    folder = campaigns.write(tmp_path / "c")
    calls = {"n": 0}
    whole = getattr(os, fails)

    def refuse(*given: Any) -> Any:
        calls["n"] += 1
        if calls["n"] > after:
            raise OSError(28, "No space left on device")
        return whole(*given)

    async def say(client: httpx.AsyncClient) -> dict[str, int]:
        monkeypatch.setattr(f"bandit.core.framed.os.{fails}", refuse)
        found = {}
        for i, customer in enumerate(PEOPLE[:8]):
            answer = await client.post("/v1/decisions", json=body(customer, f"f{i}", "home"))
            found[f"f{i}"] = answer.status_code
        assert (await client.get("/readyz")).status_code == 503
        monkeypatch.undo()
        return found

    found = talk(folder, say)
    told = {request for request, status in found.items() if status == 200}
    assert len(told) == after
    assert set(found.values()) <= {200, 503}
    assert told <= set(written(folder))


def test_the_day_is_in_the_name_of_its_wave(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> str:
        asked = await client.post("/v1/decisions", json=body(PEOPLE[9], "w1", "home"))
        return str(asked.json()["placements"][0]["wave"])

    assert talk(folder, say).startswith(DAY)


def test_of_a_thousand_broken_bodies_none_is_a_defect(folder: Path) -> None:
    """Right bodies with bytes changed, cut and doubled: answered or refused, never a 500."""
    rng = np.random.default_rng(7)
    whole = {**body(PEOPLE[4], "z1", "home", "outbound"), "exclude_offers": ["music"],
             "activate": False}  # fmt: skip
    right = [
        ("/v1/decisions", json.dumps(whole).encode()),
        ("/v1/activations", b'{"decision_ids":["a","b"]}'),
        ("/v1/outcomes", b'{"event_id":"z","customer":31,"event":"sale","reward":1.5,'
                         b'"occurred_at":"2026-11-02T10:00:00Z"}'),
        ("/v1/consents", b'{"customer":31,"granted":false,"channel":"sms"}'),
    ]  # fmt: skip

    async def say(client: httpx.AsyncClient) -> set[int]:
        found = set()
        for _ in range(1000):
            path, sound = right[rng.integers(len(right))]
            broken = bytearray(sound)
            for _ in range(rng.integers(1, 4)):
                at = int(rng.integers(len(broken)))
                broken[at : at + int(rng.integers(0, 4))] = rng.bytes(int(rng.integers(0, 4)))
            answer = await client.post(path, content=bytes(broken))
            found.add(answer.status_code)
            assert answer.status_code == 200 or answer.json()["detail"]
        return found

    assert talk(folder, say) <= {200, 400, 404, 422}


def test_an_event_delivered_by_many_at_once_is_decided_once(tmp_path: Path) -> None:
    with_triggers = triggers.write(tmp_path / "c")
    rows = [triggers.event(i, c) for i, c in enumerate(PEOPLE[:20])]

    async def say(client: httpx.AsyncClient) -> None:
        posts = [client.post("/v1/events", json=row) for row in rows for _ in range(5)]
        told = [answer.json() for answer in await asyncio.gather(*posts)]
        fates = {
            row["event_id"]: sorted(t["fate"] for t in told if t["event_id"] == row["event_id"])
            for row in rows
        }
        for found in fates.values():
            assert found.count("duplicate") == 4
        lines = triggers.outbox(with_triggers)  # on the disk before it is answered
        contacted = [t for t in told if t["fate"] == "contacted"]
        assert sorted(line["decision_id"] for line in lines) == sorted(
            t["decision_id"] for t in contacted
        )
        assert contacted
        for one in contacted:
            assert (await client.get(f"/v1/decisions/{one['decision_id']}")).status_code == 200
        wrong = [b"", b"[", b'{"event_id": 3}', b"{" * 60_000, b" " * 70_000]
        answers = [await client.post("/v1/events", content=content) for content in wrong]
        assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 413]
        late = await client.post("/v1/events", json={**rows[0], "at": "9999-01-01T00:00:00Z"})
        other = await client.post("/v1/events", json={**rows[0], "customer": PEOPLE[3]})
        nobody = await client.post("/v1/events", json={**rows[0], "customer": "../x"})
        assert [late.status_code, other.status_code, nobody.status_code] == [422, 422, 422]

    talk(with_triggers, say)


def test_an_event_that_cannot_be_written_has_no_answer_and_no_line(tmp_path: Path) -> None:
    """The outbox's folder is a file: the record stands, the server ends, the next run withholds."""
    folder = triggers.write(tmp_path / "c")
    (folder / "outbox").write_text("")
    rows = [triggers.event(i, c) for i, c in enumerate(PEOPLE[:20])]

    async def say(client: httpx.AsyncClient) -> None:
        answers = [await client.post("/v1/events", json=row) for row in rows]
        assert answers[-1].status_code == 503
        assert "the disk refuses" in answers[-1].json()["detail"]

    talk(folder, say)
    (folder / "outbox").unlink()
    told = trigger(folder, events=triggers.file(tmp_path / "e", rows), now=lambda: NOON)
    lines = {line["event_id"] for line in triggers.outbox(folder)}
    assert told.duplicate + told.contacted + told.no_contact == len(rows)
    assert len(lines) > 5


def test_what_was_decided_for_a_customer_is_told_newest_first(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> None:
        who = PEOPLE[77]
        sent = [
            body(who, "cu1", "home"), body(who, "cu2", "outbound"),
            {**body(who, "cu3", "home"), "context": {"owner": True}, "activate": False},
        ]  # fmt: skip
        answers = [(await client.post("/v1/decisions", json=one)).json() for one in sent]
        told = (await client.get(f"/v1/customers/{who}/decisions")).json()
        assert told["customer"] == who
        assert [d["request_id"] for d in told["decisions"]] == ["cu3", "cu2", "cu1"]
        assert [d["active"] for d in told["decisions"]] == [False, True, True]
        for answer, one in zip(reversed(answers), told["decisions"], strict=True):
            assert one["placements"] == answer["placements"]
        nothing = await client.get(f"/v1/customers/{PEOPLE[78]}/decisions")
        assert nothing.json() == {"customer": PEOPLE[78], "decisions": []}
        for wrong, status in (("5", 404), ("x", 422), ("1_0", 422), ("../3", 404), ("a%2Fb", 422)):
            assert (await client.get(f"/v1/customers/{wrong}/decisions")).status_code == status

    talk(folder, say)
