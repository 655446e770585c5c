"""/openapi.json and /docs, made from the shapes of the bodies; both need no network."""

from __future__ import annotations

import html
from typing import Any

import msgspec

from bandit.core.version import VERSION
from bandit.service.rank import RankAnswer, RankRequest, RewardRequest
from bandit.service.wire import (
    ActivationRequest,
    BatchAnswer,
    BatchRequest,
    Become,
    CatalogueAnswer,
    ConsentRequest,
    DecisionAnswer,
    DecisionRequest,
    Decisions,
    OutcomeRequest,
    Problem,
    Refused,
    Shown,
    Taken,
)
from bandit.workflows.live.delivered import Delivered
from bandit.workflows.live.frames import Answer

_ROUTES: tuple[tuple[str, str, str, Any, Any], ...] = (
    ("post", "/v1/decisions", "Decide for a customer at placements", DecisionRequest,
     DecisionAnswer),
    ("post", "/v1/decisions:batch", "Decide for up to 100 requests", BatchRequest, BatchAnswer),
    ("get", "/v1/catalogue", "What may be placed where today", None, CatalogueAnswer),
    ("get", "/v1/decisions/{decision_id}", "The answer that a decision was in", None, Answer),
    ("get", "/v1/customers/{customer}/decisions", "What was decided for a customer of late", None,
     Decisions),
    ("post", "/v1/activations", "Tell that decisions which waited are shown now",
     ActivationRequest, Shown),
    ("post", "/v1/rank", "Pick one of the offers named, as Azure Personalizer was asked",
     RankRequest, RankAnswer),
    ("post", "/v1/events/{event_id}/reward", "Tell what a rank brought", RewardRequest, None),
    ("post", "/v1/events/{event_id}/activate", "Tell that what a rank picked is shown", None, None),
    ("post", "/v1/outcomes", "Tell what happened, each event once", OutcomeRequest, Taken),
    ("post", "/v1/events", "Let triggers decide at an event, each event once", Delivered, Become),
    ("post", "/v1/consents", "Refuse a channel, or all; from the next request on", ConsentRequest,
     Refused),
    ("get", "/livez", "The process answers", None, None),
    ("get", "/readyz", "Decisions are made", None, None),
    ("get", "/metrics", "Figures for Prometheus", None, None),
)  # fmt: skip
_STATUS = {
    "400": "malformed body", "401": "no key", "403": "the key lacks the scope",
    "404": "unknown customer or decision", "408": "body too slow",
    "409": "too late: it may not be shown any more", "413": "body above 64 kB",
    "422": "refused, or the id was used for another body", "429": "too many at a time",
    "503": "not now: starting, stopping, a wave is being planned, or the disk refuses",
}  # fmt: skip

_DEADLINE = {
    "name": "Deadline-Ms", "in": "header", "required": False,
    "description": "after so many milliseconds a list is the rules' to pick",
    "schema": {"type": "integer", "minimum": 0, "maximum": 999_999},
}  # fmt: skip
_DONE = {
    "/v1/rank": "201",
    "/v1/events/{event_id}/reward": "204",
    "/v1/events/{event_id}/activate": "204",
}
"""Routes whose good answer is not a 200."""


def openapi() -> bytes:
    """The description of all routes."""
    kinds = [kind for *_, asked, given in _ROUTES for kind in (asked, given) if kind is not None]
    template = "#/components/schemas/{name}"
    names = list(dict.fromkeys([*kinds, Problem]))
    schemas, components = msgspec.json.schema_components(names, ref_template=template)
    where = dict(zip(names, schemas, strict=True))
    paths: dict[str, Any] = {}
    for method, path, told, asked, given in _ROUTES:
        paths.setdefault(path, {})[method] = _operation(path, told, asked, given, where)
    return msgspec.json.encode({
        "openapi": "3.1.0",
        "info": {"title": "Live decisions", "version": VERSION},
        "paths": paths,
        "components": {"schemas": components},
    })  # fmt: skip


def _operation(path: str, told: str, asked: Any, given: Any, where: dict[Any, Any]) -> Any:
    answer: dict[str, Any] = {"description": "done"}
    done = _DONE.get(path, "200")
    if given is not None:
        answer["content"] = {"application/json": {"schema": where[given]}}
    found: dict[str, Any] = {"summary": told, "responses": {done: answer}}
    if path.startswith("/v1/"):
        error = {"application/problem+json": {"schema": where[Problem]}}
        for status, why in _STATUS.items():
            found["responses"][status] = {"description": why, "content": error}
    if asked is not None:
        schema = {"application/json": {"schema": where[asked]}}
        found["requestBody"] = {"required": True, "content": schema}
    if path == "/v1/decisions" and asked is not None:
        found["parameters"] = [_DEADLINE]
    if "{" in path:
        name = path.partition("{")[2].partition("}")[0]
        found["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    return found


_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8881;padding:.1em .3em}"
)


def page() -> bytes:
    """The routes and their shapes on one page."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Live decisions</title>",
        f"<style>{_STYLE}</style><h1>Live decisions</h1>",
    ]
    for method, path, told, asked, given in _ROUTES:
        parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2><p>{told}.</p>")
        for word, kind in (("Body", asked), ("Answer", given)):
            parts.append("" if kind is None else f"<p>{word}</p><ul>{_fields(kind)}</ul>")
    listed = "".join(f"<li>{status}: {html.escape(why)}</li>" for status, why in _STATUS.items())
    parts.append(f"<h2>Errors</h2><p><code>application/problem+json</code></p><ul>{listed}</ul>")
    return "".join(parts).encode()


def _fields(kind: Any) -> str:
    told = msgspec.json.schema(kind)["$defs"][kind.__name__]
    needed = set(told.get("required", ()))
    return "".join(
        f"<li><code>{name}</code>{'' if name in needed else ' (may be left out)'}</li>"
        for name in told["properties"]
    )
