"""/v1/rank, reward and activate: the retired Personalizer's shape over our decisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from bandit.workflows.live.seal import seal
from tests import campaigns
from tests.service.test_app import body, talk, written

PEOPLE = campaigns.people(300)["customer_id"].to_list()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return campaigns.write(tmp_path_factory.mktemp("rank") / "c")


def rank(customer: int, event: str, *offers: str, **more: Any) -> dict[str, Any]:
    return {
        "eventId": event,
        "contextFeatures": [{"customer": customer}],
        "actions": [{"id": offer} for offer in offers],
        **more,
    }


def test_a_rank_is_a_decision_with_exact_probabilities(folder: Path) -> None:
    """Its first is what the same request by exclusion picks, and the chances add up to one."""
    twin = campaigns.write(folder.parent / "twin")

    async def ask(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        found = []
        for customer in PEOPLE[:40]:
            sent = rank(customer, f"e{customer}", "fibre", "cable", "music",
                        excludedActions=["cable"])  # fmt: skip
            answer = await client.post("/v1/rank", json=sent)
            assert answer.status_code == 201
            again = await client.post("/v1/rank", json=sent)
            assert again.json() == answer.json()
            found.append(answer.json())
        return found

    async def decide(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        found = []
        for customer in PEOPLE[:40]:
            sent = {**body(customer, f"e{customer}"), "exclude_offers": ["cable"],
                    "placements": [{"name": "home", "count": 1}]}  # fmt: skip
            found.append((await client.post("/v1/decisions", json=sent)).json())
        return found

    for answer, decided in zip(talk(folder, ask), talk(twin, decide), strict=True):
        (pick,) = decided["placements"][0]["picks"]
        first, *others = answer["ranking"]
        assert (answer["rewardActionId"], first["id"]) == (pick["offer"], pick["offer"])
        assert first["probability"] == pick["propensity"]
        chances = [one["probability"] for one in answer["ranking"]]
        assert sum(chances) == pytest.approx(1.0)
        assert [one["probability"] for one in others if one["id"] == "cable"] == [0.0]
        assert {one["id"] for one in answer["ranking"]} == {"fibre", "cable", "music", None}
        assert answer["unused"] == []


def test_a_reward_is_an_outcome_of_it_and_counts_once(folder: Path) -> None:
    async def say(client: httpx.AsyncClient) -> str:
        sent = rank(PEOPLE[50], "r1", "fibre", "music", deferActivation=True)
        answer = (await client.post("/v1/rank", json=sent)).json()
        for value in (2.5, 9.0):
            reward = await client.post("/v1/events/r1/reward", json={"value": value})
            assert (reward.status_code, reward.content) == (204, b"")
        for _ in range(2):
            assert (await client.post("/v1/events/r1/activate")).status_code == 204
        assert (await client.post("/v1/events/no/reward", json={"value": 1})).status_code == 404
        assert (await client.post("/v1/events/no/activate")).status_code == 404
        held = rank(PEOPLE[51], "r2", "fibre", "music", deferActivation=True)
        await client.post("/v1/rank", json=held)
        return str(answer["decisionId"])

    decision = talk(folder, say)
    assert written(folder)["r1"].waits
    assert seal(folder).outcomes == 1
    heard = [pl.read_parquet(p) for p in (folder / "outcomes").rglob("*.parquet")]
    (told,) = [frame for frame in heard if "decision_id" in frame.columns]
    assert told.filter(pl.col("decision_id") == decision)["reward"].to_list() == [2.5]
    (path,) = (folder / "waves").glob("*/withheld.parquet")
    gone = pl.read_parquet(path)["decision_id"].to_list()
    assert decision not in gone
    assert len(gone) == 1


def test_what_decides_nothing_is_said_and_what_is_wrong_is_a_problem(tmp_path: Path) -> None:
    folder = campaigns.write(tmp_path / "c")
    context = {"customer": PEOPLE[0], "placement": "home", "timeOfDay": "morning"}

    async def say(client: httpx.AsyncClient) -> None:
        sent = rank(0, "u", "fibre")
        sent |= {"contextFeatures": [context], "actions": [{"id": "fibre", "features": [{"a": 1}]}]}
        answer = await client.post("/v1/rank", json=sent)
        assert answer.json()["unused"] == ["contextFeatures.timeOfDay", "actions.features"]
        right = rank(PEOPLE[1], "w", "fibre")
        wrong: list[tuple[dict[str, Any], int, str]] = [
            ({"eventId": ""}, 400, "eventId"),
            ({"actions": []}, 400, "actions"),
            ({"actions": [{"id": "tv"}]}, 422, "no offer 'tv'; known here: fibre, cable, music"),
            ({"excludedActions": ["tv"]}, 422, "no offer 'tv'"),
            ({"contextFeatures": []}, 422, "must name the customer"),
            ({"contextFeatures": [{"customer": True}]}, 422, "must name the customer"),
            ({"contextFeatures": [{"customer": [1]}]}, 422, "must name the customer"),
            ({"contextFeatures": [{"customer": "x" * 201}]}, 422, "must name the customer"),
            ({"contextFeatures": [{"customer": 1e300}]}, 422, "must name the customer"),
            ({"contextFeatures": [{"customer": -4}]}, 404, "no customer"),
            ({"contextFeatures": [{"customer": "../x"}]}, 422, "whole number"),
            ({"contextFeatures": [{"customer": 3, "placement": "outbound"}]}, 422, ": home"),
            ({"contextFeatures": [{"customer": 3, "placement": [3]}]}, 422, ": home"),
            ({"contextFeatures": [3]}, 400, "contextFeatures"),
            ({"slots": []}, 400, "unknown field"),
        ]  # fmt: skip
        for part, status, told in wrong:
            answer = await client.post("/v1/rank", json={**right, **part})
            assert answer.status_code == status, part
            assert told in answer.json()["detail"]
        await client.post("/v1/rank", json=right)
        other = await client.post("/v1/rank", json={**right, "actions": [{"id": "music"}]})
        assert other.status_code == 422
        for content in (b"", b"{}", b'{"value":"x"}', b'{"value":1e999}', b'{"value":NaN}', b"[1]"):
            answer = await client.post("/v1/events/w/reward", content=content)
            assert answer.status_code in {400, 422}, content
        huge = await client.post("/v1/events/w/reward", json={"value": 1e30})
        assert huge.status_code == 422
        for deep in (b"[" * 60_000, b'{"eventId":"d","contextFeatures":[' + b'{"a":' * 9000):
            assert (await client.post("/v1/rank", content=deep)).status_code == 400

    talk(folder, say)


def test_a_campaign_that_values_kinds_of_events_says_where_rewards_go(tmp_path: Path) -> None:
    more = "\n[reward.events]\nsale = 5.0\nclick = 0.1\n"
    folder = campaigns.write(tmp_path / "c", more=more)
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace('value = "1 + spend / 100"\n', ""))

    async def say(client: httpx.AsyncClient) -> None:
        await client.post("/v1/rank", json=rank(PEOPLE[0], "e", "fibre"))
        answer = await client.post("/v1/events/e/reward", json={"value": 1.0})
        assert answer.status_code == 422
        assert "POST /v1/outcomes" in answer.json()["detail"]
        assert "sale, click" in answer.json()["detail"]

    talk(folder, say)
