"""/v1/rank and what follows it: the shape that users of the retired Azure Personalizer know.

A rank is a decision for one slot of an inbound placement, under the event's id; its reward is an
outcome of that decision.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, TypeGuard

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from bandit.core.folding import fold
from bandit.service.body import received
from bandit.service.commit import Committer
from bandit.service.responses import as_json
from bandit.service.turns import Turns
from bandit.service.wire import MOST_EXCLUDED, Name, OutcomeRequest, read
from bandit.sources.wave_query import micros
from bandit.workflows.live.book import Stood
from bandit.workflows.live.delivered import MOST_ID, Id
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.frames import Answer, Outcome, Pick
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.requests import Asked, WantedPlacement

_REWARD = "reward"
"""The kind of event that a reward is."""


class RankAction(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An offer by its name; its ``features`` are the catalogue's, these are not looked at."""

    id: Name
    features: list[dict[str, Any]] = msgspec.field(default_factory=list)


class RankRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="camel"):
    """``contextFeatures`` must hold ``customer``, and may hold ``placement``, an inbound channel.

    With ``deferActivation`` it counts as shown once the event is activated.
    """

    event_id: Id
    actions: Annotated[list[RankAction], Meta(min_length=1, max_length=MOST_EXCLUDED)]
    context_features: Annotated[list[dict[str, Any]], Meta(max_length=100)]
    excluded_actions: Annotated[list[Name], Meta(max_length=MOST_EXCLUDED)] = msgspec.field(
        default_factory=list
    )
    defer_activation: bool = False

    def asked(self, desk: Desk) -> Asked:
        """What is asked of the desk; NotDecidedError (422) says what is missing or unknown."""
        given = {name: value for part in self.context_features for name, value in part.items()}
        customer = given.get("customer")
        if not _is_key(customer):
            raise NotDecidedError(
                422, 'contextFeatures must name the customer: [{"customer": 17}, …]'
            )
        desk.situation.offers([*(action.id for action in self.actions), *self.excluded_actions])
        among = {action.id for action in self.actions} - set(self.excluded_actions)
        return Asked(
            self.event_id, customer, [WantedPlacement(_placement(desk, given), 1)],
            activate=not self.defer_activation, among=sorted(among),
        )  # fmt: skip

    def unused(self) -> list[str]:
        """What of the body decides nothing."""
        names = {name for part in self.context_features for name in part}
        found = [f"contextFeatures.{name}" for name in sorted(names - {"customer", "placement"})]
        return [*found, *(["actions.features"] if any(a.features for a in self.actions) else [])]


class Ranked(msgspec.Struct, frozen=True):
    """An offer, None for no offer, and the probability with which it was picked."""

    id: str | None
    probability: float


class RankAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """``rewardActionId`` is the pick, None where nothing is to be shown; then the others.

    ``unused`` names what of the body decided nothing: what is known of customers and offers is in
    the campaign's tables.
    """

    event_id: str
    reward_action_id: str | None
    ranking: list[Ranked]
    decision_id: str
    unused: list[str]


class RewardRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What the pick brought; the first reward of an event counts."""

    value: float


class Ranks:
    """The routes over a desk."""

    def __init__(self, desk: Desk, turns: Turns, committer: Committer) -> None:
        self._desk, self._turns, self._committer = desk, turns, committer

    async def rank(self, request: Request) -> Response:
        """Pick one of the offers named, for one slot of a page."""
        sent = read(await received(request.receive), RankRequest)
        content = await self._turns.answer(sent.asked(self._desk))
        answer = msgspec.json.decode(content, type=Answer)
        return as_json(_ranked(self._desk, sent, answer), 201)

    async def reward(self, request: Request) -> Response:
        """Take in what a rank brought; the first reward counts."""
        sent = read(await received(request.receive), RewardRequest)
        now = dt.datetime.now(dt.UTC)
        outcome = _rewarded(self._desk, request.path_params["event_id"], sent, now)
        if outcome.event_id not in self._desk.book.events:
            self._desk.hear(outcome)
        await self._committer.settled()
        return Response(status_code=204)

    async def activate(self, request: Request) -> Response:
        """Take in that what a rank picked is shown."""
        stood, _ = _of(self._desk, request.path_params["event_id"])
        placed = stood.answer.placements
        self._desk.activate([pick.decision_id for one in placed for pick in one.picks])
        await self._committer.settled()
        return Response(status_code=204)


def _ranked(desk: Desk, sent: RankRequest, answer: Answer) -> RankAnswer:
    """The answer to a rank: the pick first, then those that could be asked for, likeliest first."""
    pick = answer.placements[0].picks[0]
    chances = desk.chances(pick.decision_id)
    offers = desk.generation.wave.catalogue.offers
    asked = desk.situation.offers([action.id for action in sent.actions])
    others = {offers[place].name for place in asked} - {pick.offer}
    order = sorted(others, key=lambda offer: (-chances.get(offer, 0.0), offer))
    rest: list[str | None] = [*order, *([] if pick.offer is None else [None])]
    return RankAnswer(
        event_id=sent.event_id,
        reward_action_id=pick.offer,
        ranking=[
            Ranked(pick.offer, pick.propensity or 0.0),
            *(Ranked(offer, chances.get(offer, 0.0)) for offer in rest),
        ],
        decision_id=pick.decision_id,
        unused=sent.unused(),
    )


def _rewarded(desk: Desk, event_id: str, sent: RewardRequest, now: dt.datetime) -> Outcome:
    """The outcome that a reward is; NotDecidedError for what is none."""
    _, pick = _of(desk, event_id)
    kinds = desk.generation.wave.run.campaign.reward.events
    if kinds and fold(_REWARD) not in {fold(kind) for kind in kinds}:
        raise NotDecidedError(
            422,
            "reward.events says what each kind of event is worth, and has no 'reward': tell POST"
            f" /v1/outcomes what decision {pick.decision_id!r} led to: {', '.join(kinds)}",
        )
    outcome = OutcomeRequest(f"{event_id}/reward", _REWARD, pick.decision_id, reward=sent.value)
    at = micros(outcome.held(now))
    return Outcome(
        outcome.event_id, outcome.decision_id, None, outcome.event, outcome.reward, at, at
    )


def _of(desk: Desk, event_id: str) -> tuple[Stood, Pick]:
    known = desk.book.request(event_id)
    if known is None:
        raise NotDecidedError(404, f"nothing of today or yesterday was ranked as {event_id!r}")
    return known[1], known[1].answer.placements[0].picks[0]


def _is_key(given: object) -> TypeGuard[int | str]:
    if isinstance(given, str):
        return 1 <= len(given) <= MOST_ID
    return isinstance(given, int) and not isinstance(given, bool)


def _placement(desk: Desk, given: dict[str, Any]) -> str:
    places = desk.generation.wave.plan.placements
    inbound = [place.name for place in places if not place.outbound]
    asked = given.get("placement", inbound[0] if len(inbound) == 1 else None)
    if asked not in inbound:
        raise NotDecidedError(
            422,
            "contextFeatures must name an inbound placement: "
            + (", ".join(inbound) or "the campaign has none"),
        )
    return str(asked)
