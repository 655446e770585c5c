"""Contacts that triggers decided, sent to the webhooks of their channels, at least once.

Each channel goes its own way, one contact after the other. Before each attempt rules and refusals
are asked again; a receiver that does not answer is asked again ever more seldom, until the contact
is too late.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bandit.config.trigger import Webhook
from bandit.core.errors import BanditError
from bandit.service.metrics import Metrics
from bandit.workflows.live.desk import Desk
from bandit.workflows.live.gate import NotDecidedError
from bandit.workflows.live.sending import LATE, REFUSED, SENT, WITHHELD, Contact, Queue

SECONDS = 5.0
"""That a receiver may take to answer."""
_LOOK_SECONDS = 0.3
_LONGEST_SECONDS = 60.0
_NOT_THIS = frozenset({400, 409, 413, 415, 422})
"""Answers that are about the contact: it is not sent again. Others may pass."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Contacts go where the campaign says, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


_opener = urllib.request.build_opener(_Stay)


class Couriers:
    """One a channel that has a webhook."""

    def __init__(self, desk: Desk, metrics: Metrics, say: Callable[[str], None]) -> None:
        self._desk, self._metrics, self._say = desk, metrics, say
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Send until cancelled; webhooks that are added later too."""
        try:
            while True:
                for channel in self._desk.generation.wave.run.campaign.webhooks:
                    if channel not in self._tasks:
                        courier = _Courier(channel, self._desk, self._metrics, self._say)
                        self._tasks[channel] = asyncio.create_task(courier.run())
                for task in self._tasks.values():
                    if task.done():  # it runs until it is cancelled: what it died of is ours
                        task.result()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)


class _Courier:
    def __init__(
        self, channel: str, desk: Desk, metrics: Metrics, say: Callable[[str], None]
    ) -> None:
        self._channel, self._desk = channel, desk
        self._metrics, self._say = metrics, say
        self._queue = Queue(desk.generation.wave.run.campaign.folder, channel)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"bandit-webhook-{channel}")
        self._told: str | None = None

    async def run(self) -> None:
        pause = _LOOK_SECONDS
        try:
            while True:
                try:
                    fault = await self._one()
                except (BanditError, OSError) as e:
                    fault = str(e)
                if fault is None:
                    pause = _LOOK_SECONDS
                    continue
                if fault and fault != self._told:
                    self._say(f"webhooks.{self._channel}: {fault}; it is tried again")
                self._told = fault or self._told
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_SECONDS) if fault else _LOOK_SECONDS
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _one(self) -> str | None:
        """Bring a contact to its end: None, or why that was not possible; empty: nothing waits."""
        loop = asyncio.get_running_loop()
        contact = await loop.run_in_executor(self._thread, self._queue.next)
        webhook = self._desk.generation.wave.run.campaign.webhooks.get(self._channel)
        if contact is None or webhook is None:
            return ""
        fate = self._forbidden(contact)
        if fate is None:
            fate, fault = await loop.run_in_executor(self._thread, _post, webhook, contact)
            if fate is None:
                return fault
        await loop.run_in_executor(self._thread, self._queue.done, fate)
        self._metrics.sent.labels(self._channel, fate).inc()
        if fate == SENT:
            self._told = None
        return None

    def _forbidden(self, contact: Contact) -> str | None:
        """Why a contact may not go out any more."""
        if contact.until < self._desk.now():
            return LATE
        message = contact.message
        try:
            may = self._desk.situation.may_still(message.customer, message.offer, self._channel)
        except NotDecidedError:  # the campaign's keys are of another kind now
            may = False
        return None if may else WITHHELD


def _post(webhook: Webhook, contact: Contact) -> tuple[str | None, str]:
    """Send one contact: what became of it, or None and why it must be sent again."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": contact.message.decision_id}
    if webhook.token_variable is not None:
        token = os.environ.get(webhook.token_variable)
        if not token:
            return None, f"the environment has no {webhook.token_variable}"
        headers["Authorization"] = f"Bearer {token}"
    asked = urllib.request.Request(  # noqa: S310 - the configuration holds it to http and https
        webhook.url, contact.line, headers, method="POST"
    )
    try:
        with _opener.open(asked, timeout=SECONDS):
            return SENT, ""
    except urllib.error.HTTPError as e:
        e.close()
        if e.code in _NOT_THIS:
            return REFUSED, ""
        return None, f"{webhook.url} answers {e.code}"
    except (OSError, ValueError, http.client.HTTPException) as e:
        return None, f"{webhook.url} does not answer ({getattr(e, 'reason', e)})"
