"""The routes: read a body, ask the desk, wait for the disk, answer."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bandit.core.errors import DataError
from bandit.service import headers as headers_of
from bandit.service import keys, pages
from bandit.service.body import bounded, received
from bandit.service.commit import Committer
from bandit.service.direct import Direct, Respond
from bandit.service.keys import Key, Scope
from bandit.service.metrics import Metrics
from bandit.service.rank import Ranks
from bandit.service.responses import JSON, Settled, as_json, defect, problem, told
from bandit.service.turns import Turns
from bandit.service.wire import (
    ActivationRequest,
    BatchRequest,
    Become,
    CatalogueAnswer,
    ConsentRequest,
    DecisionRequest,
    Decisions,
    OutcomeRequest,
    Place,
    Refused,
    Shown,
    Taken,
    Was,
    read,
)
from bandit.sources.wave_query import micros
from bandit.workflows.live.arrivals import Arrivals
from bandit.workflows.live.book import Book
from bandit.workflows.live.delivered import Delivered
from bandit.workflows.live.frames import Outcome
from bandit.workflows.live.gate import NotDecidedError

MOST_WAITING = 2000
"""Requests that are answered at a time; more are asked to come again."""
MOST_RELEASED = 100
"""Events that have waited, and are decided between two requests."""
MOST_DECISIONS = 100
"""Decisions of a customer that are told, the newest first."""
DECISIONS = "/v1/decisions"

Handler = Callable[[Request], Awaitable[Response]]


class Service:
    """What the routes share; `ready` is false until kernels are warm and again once it drains.

    ``damaged`` is what of our own files cannot be read any more: the server ends with it.
    """

    def __init__(self, arrivals: Arrivals, committer: Committer, known_keys: Sequence[Key]) -> None:
        self.arrivals, self.committer, self.keys = arrivals, committer, known_keys
        self.desk = arrivals.desk
        self._day = self.desk.generation.day
        self.turns = Turns(self.desk, committer)
        self.metrics = Metrics()
        self.ready = False
        self.waiting = 0
        self.damaged: DataError | None = None

    @property
    def book(self) -> Book:
        """What the streams know."""
        return self.desk.book

    def ask(self, headers: list[tuple[bytes, bytes]], body: bytes, respond: Respond) -> None:
        """Decide for a customer, or tell again what was decided."""
        start = time.perf_counter()

        def tell(found: bytes | BaseException) -> None:
            self.waiting -= 1
            response = Settled(found) if isinstance(found, bytes) else self._refused(found)
            self.metrics.answered(DECISIONS, response.status_code, time.perf_counter() - start)
            respond(response)

        self.waiting += 1
        try:
            self._hold(headers_of.key(headers), "decide")
            asked = read(bounded(body), DecisionRequest).asked()
            seconds = headers_of.deadline(headers)
        except NotDecidedError as e:
            tell(e)
        else:
            self.turns.ask(asked, tell, seconds)

    async def decide(self, request: Request) -> Response:
        """As `ask`, where a request did not come in one piece."""
        asked = read(await received(request.receive), DecisionRequest).asked()
        seconds = headers_of.deadline(request.headers.raw)
        return Settled(await self.turns.answer(asked, seconds))

    async def batch(self, request: Request) -> Response:
        """Decide for several requests; each has its answer or its problem, in their order."""
        asks = read(await received(request.receive), BatchRequest).requests
        found = await asyncio.gather(
            *(self.turns.answer(one.asked()) for one in asks), return_exceptions=True
        )
        parts = []
        for one in found:
            if isinstance(one, NotDecidedError):
                parts.append(msgspec.json.encode(told(one.status, str(one))))
            elif isinstance(one, BaseException):
                raise one
            else:
                parts.append(one)
        return Response(b'{"answers":[' + b",".join(parts) + b"]}", media_type=JSON)

    async def catalogue(self, _: Request) -> Response:
        """What may be placed where today."""
        wave = self.desk.generation.wave
        pairs, running = wave.plan.space.pairs, wave.plan.actions.running
        return as_json(
            CatalogueAnswer(
                self.desk.generation.day,
                wave.start.version,
                [
                    Place(
                        place.name,
                        place.slots,
                        [
                            pair
                            for a, pair in enumerate(pairs, 1)
                            if place.actions[a] and running[a]
                        ],
                    )
                    for place in wave.plan.placements
                ],
            )
        )

    async def decision(self, request: Request) -> Response:
        """One decision by its id, with the request that it was made for."""
        found = self.book.decision(request.path_params["decision_id"])
        if found is None:
            raise NotDecidedError(
                404, "no live decision of today or yesterday has this id; `bandit explain` knows"
                " older ones",
            )  # fmt: skip
        return as_json(found[0].answer)

    async def of_customer(self, request: Request) -> Response:
        """What was decided for a customer of late, by whoever asked and by triggers."""
        person = self.desk.situation.person(request.path_params["customer"])
        chain = self.desk.situation.past(person.key, self.book.of(person.key))
        if person.position is None and not chain:
            raise NotDecidedError(404, "no customer has this key, and nothing was decided for one")
        return as_json(
            Decisions(person.key, [Was.of(one, self.book) for one in chain[:MOST_DECISIONS]])
        )

    async def outcome(self, request: Request) -> Response:
        """Take in what happened."""
        sent = read(await received(request.receive), OutcomeRequest)
        now = dt.datetime.now(dt.UTC)
        at = sent.held(now)
        if sent.decision_id is not None and self.book.decision(sent.decision_id) is None:
            raise NotDecidedError(
                404, "no live decision of today or yesterday has this id; deliver outcomes of older"
                " ones with `bandit learn --outcomes`",
            )  # fmt: skip
        customer, situation = None, self.desk.situation
        if sent.customer is not None and self.desk.refuses(sent.event):
            customer = situation.person(sent.customer).key  # whoever it is, by then
        elif sent.customer is not None:
            customer = situation.known(sent.customer)[0]
        new = self.desk.hear(
            Outcome(
                sent.event_id, sent.decision_id, customer, sent.event, sent.reward,
                micros(at), micros(now),
            )
        )  # fmt: skip
        await self.committer.settled()
        return as_json(Taken(new))

    async def activate(self, request: Request) -> Response:
        """Take in that decisions are shown; after the answer they may be."""
        sent = read(await received(request.receive), ActivationRequest)
        new = self.desk.activate(sent.decision_ids)
        await self.committer.settled()
        return as_json(Shown(new))

    async def event(self, request: Request) -> Response:
        """Let triggers decide at an event, now or later."""
        sent = read(await received(request.receive), Delivered)
        told = self.arrivals.take(sent.heard())
        await self.committer.settled()
        self.metrics.events.labels(told.fate).inc()
        return as_json(Become.of(told))

    async def release(self) -> None:
        """Let triggers decide at events that have waited long enough."""
        day = self.desk.generation.day
        if day != self._day:
            self._day = day
            self.arrivals.forget_old()
        told = self.arrivals.release(MOST_RELEASED)
        for one in told:
            self.metrics.events.labels(one.fate).inc()
        if told:
            await self.committer.settled()

    async def consent(self, request: Request) -> Response:
        """Take in a refusal; it holds from the next request on, for waves too."""
        sent = read(await received(request.receive), ConsentRequest)
        if sent.granted:
            raise NotDecidedError(
                422, "only refusals are taken here; a grant belongs into the campaign's consents,"
                " with its proof",
            )  # fmt: skip
        person = self.desk.situation.person(sent.customer)
        self.desk.refuse(person.key, sent.channel)
        await self.committer.settled()
        return as_json(Refused(person.position is not None))

    async def live(self, _: Request) -> Response:
        """Tell that the process answers."""
        return Response("alive\n")

    async def is_ready(self, _: Request) -> Response:
        """Tell whether decisions are made."""
        if self.ready and self.committer.failed is None:
            return Response("ready\n")
        return Response("not ready\n", 503)

    async def figures(self, _: Request) -> Response:
        """Tell what was counted."""
        self.metrics.commits.set(self.committer.commits)
        self.metrics.ready.set(self.ready)
        self.metrics.customers.set(len(self.desk.generation.customers.keys))
        self.metrics.priced(self.desk.pacer.paced)
        shadowed = self.desk.shadowed
        self.metrics.beside(shadowed.decisions, shadowed.agreed, shadowed.lift)
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    def guarded(self, route: str, scope: Scope, handler: Handler) -> Handler:
        """A handler behind keys, readiness and a bound of requests; refusals are problems."""

        async def handled(request: Request) -> Response:
            key = request.headers.get("authorization")
            return await self._held(route, scope, key, lambda: handler(request))

        return handled

    async def _held(
        self, route: str, scope: Scope, key: str | None, answer: Callable[[], Awaitable[Response]]
    ) -> Response:
        start = time.perf_counter()
        self.waiting += 1
        try:
            self._hold(key, scope)
            response = await answer()
        except (NotDecidedError, DataError) as e:
            response = self._refused(e)
        finally:
            self.waiting -= 1
        self.metrics.answered(route, response.status_code, time.perf_counter() - start)
        return response

    def _refused(self, error: BaseException) -> Response:
        """Why there is no answer."""
        if isinstance(error, NotDecidedError):
            return problem(error.status, str(error))
        if isinstance(error, DataError):  # what is on the disk is damaged
            self.damaged = error
            return problem(503, f"{error}; the server stops")
        logging.getLogger("uvicorn.error").error("a request's decision", exc_info=error)
        return defect(error)

    def _hold(self, key: str | None, scope: Scope) -> None:
        refused = keys.allowed(self.keys, key, scope)
        if refused is not None:
            told = {401: "send Authorization: Bearer and a key", 403: f"it needs scope {scope!r}"}
            raise NotDecidedError(refused, told[refused])
        if not self.ready:
            raise NotDecidedError(503, "the server starts or stops; ask again in a moment")
        if self.waiting > MOST_WAITING:
            raise NotDecidedError(429, f"{MOST_WAITING:,} requests are being answered already")


def app(service: Service) -> ASGIApp:
    """The application."""
    ranks = Ranks(service.desk, service.turns, service.committer)
    routes: list[tuple[str, str, Scope, Handler]] = [
        (DECISIONS, "POST", "decide", service.decide),
        ("/v1/decisions:batch", "POST", "decide", service.batch),
        ("/v1/catalogue", "GET", "read", service.catalogue),
        ("/v1/decisions/{decision_id}", "GET", "read", service.decision),
        ("/v1/customers/{customer:path}/decisions", "GET", "read", service.of_customer),
        ("/v1/activations", "POST", "decide", service.activate),
        ("/v1/rank", "POST", "decide", ranks.rank),
        ("/v1/events/{event_id}/reward", "POST", "outcomes", ranks.reward),
        ("/v1/events/{event_id}/activate", "POST", "decide", ranks.activate),
        ("/v1/outcomes", "POST", "outcomes", service.outcome),
        ("/v1/events", "POST", "outcomes", service.event),
        ("/v1/consents", "POST", "outcomes", service.consent),
    ]
    guarded = [
        Route(path, service.guarded(path, scope, handler), methods=[method])
        for path, method, scope, handler in routes
    ]
    open_ = [
        Route("/livez", service.live),
        Route("/readyz", service.is_ready),
        Route("/metrics", service.figures),
        Route("/openapi.json", _static(pages.openapi(), JSON)),
        Route("/docs", _static(pages.page(), HTMLResponse.media_type or "")),
    ]
    made = Starlette(
        routes=[*guarded, *open_],
        exception_handlers={HTTPException: _no_route, Exception: _defect},
    )
    return Direct(made, DECISIONS, service.ask)


def _static(content: bytes, kind: str) -> Handler:
    async def answer(_: Request) -> Response:
        return Response(content, media_type=kind)

    return answer


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return problem(status, f"{request.method} is not answered here; /docs lists what is")


async def _defect(_: Request, error: Exception) -> Response:
    return defect(error)
