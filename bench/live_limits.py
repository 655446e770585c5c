"""Limits under load: `python -m bench.live_limits`; ends with 1 if one is passed by one.

A capacity of 1,000 contacts and the budget of an offer under 5,000 requests of 64 clients, the
server killed amid them and everything asked again, with prices that stay and that move; two
contacts in seven days, 64 clients asking for one customer with ever other offers left out; opt-outs
amid requests, after whose answer no request that is sent may be answered with an offer.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from bandit.core.framed import Frames
from bandit.record import streams
from bandit.workflows.live import frames
from bandit.workflows.live.frames import Decided
from bench.live import Connection, Server, connected

CLIENTS, CAPACITY, PAID = 64, 1000, 0.31
BUDGET = 50.0
OFFERS = 40
TEXT = """
name = "limits"
[customers]
source = "data.duckdb"
table = "customers"
[features]
numeric = ["x"]
[policy]
share = [{ policy = "rules", share = 0.2 }, { policy = "lin_ts", share = 0.8 }]
[[channel]]
name = "email"
consent = false
cost = 0.01
[[offer]]
name = "film"
priority = 0
cost = 0.3
"""
LIMITED = f"budget = {BUDGET}\n[limits]\nmax_contacts = {CAPACITY}\n[live]\nepoch_seconds = {{}}\n"
PRESSED = "[pressure]\nmax_contacts = 2\nper_days = 7.0\n"


def campaign(folder: Path, customers: int, more: str) -> Path:
    """One outbound channel, forty offers that everybody may get."""
    folder.mkdir(parents=True)
    x = np.random.default_rng(1).standard_normal(customers)
    with duckdb.connect(str(folder / "data.duckdb")) as data:
        data.register("given", pa.table({"customer_id": np.arange(customers), "x": x}))
        data.execute("CREATE TABLE customers AS FROM given")
    offers = "".join(f'[[offer]]\nname = "o{o}"\npriority = {o + 1}\n' for o in range(OFFERS))
    (folder / "campaign.toml").write_text(TEXT + more + offers)
    return folder


def contacts(answer: bytes) -> Iterator[tuple[str, str]]:
    """Decision and offer of each contact in an answer."""
    for placed in json.loads(answer)["placements"]:
        for pick in placed["picks"]:
            if pick["offer"] is not None:
                yield pick["decision_id"], pick["offer"]


def on_disk(folder: Path) -> list[str]:
    """The offer of each contact that stands in the streams."""
    found: list[str] = []
    for segment in streams.segments(folder):
        for _, content in Frames(segment.path):
            frame = frames.decoded(content)
            if isinstance(frame, Decided):
                found += [
                    pick["offer"]
                    for placed in json.loads(frame.answer)["placements"]
                    for pick in placed["picks"]
                    if pick["offer"] is not None
                ]
    return found


async def asked(port: int, customers: list[int], found: dict[str, str]) -> None:
    """Everybody asked for a contact by 64 clients; what was decided is in ``found``."""
    waiting = iter(customers)
    async with connected(port, CLIENTS) as some:

        async def work(one: Connection) -> None:
            with suppress(OSError):
                for customer in waiting:
                    found.update(contacts(await one.ask(customer, f"c{customer}", ["outbound"])))

        await asyncio.gather(*(work(one) for one in some))


async def killed(server: Server, customers: list[int], found: dict[str, str], after: int) -> None:
    """The same, and the server killed once so many contacts were answered."""
    asking = asyncio.create_task(asked(server.port, customers, found))
    while len(found) < after and not asking.done():
        await asyncio.sleep(0.001)
    server.end(signal.SIGKILL)
    await asking


def capacity(folder: Path, requests: int, *, at_once: bool) -> bool:
    """Whether neither capacity nor budget is passed; both are used up if prices stay."""
    customers, found = list(range(requests)), dict[str, str]()
    asyncio.run(killed(Server(folder), customers, found, CAPACITY // 2))
    before = len(found)
    server = Server(folder)
    asyncio.run(asked(server.port, customers, found))
    code = server.end(signal.SIGTERM)
    told, kept = list(found.values()), on_disk(folder)
    films = kept.count("film")
    print(f"{requests:,} requests, killed after {before} contacts, all asked again; exit {code}:")
    print(f"{len(told)} contacts told, {len(kept)} on the disk, {CAPACITY} allowed;")
    print(f"{films} films for {films * PAID:.2f} euros, {BUDGET:.2f} allowed")
    most = CAPACITY, int(BUDGET / PAID)
    had = len(kept), films
    held = had == most if at_once else had[0] <= most[0] and had[1] <= most[1]
    return held and len(told) == len(kept)


async def same(port: int, requests: int) -> set[str]:
    """Contacts of one customer, for whom all clients ask, each leaving out other offers."""
    rng, found = random.Random(2), set[str]()  # noqa: S311 - what is left out is no secret
    numbers = iter(range(requests))
    async with connected(port, CLIENTS) as some:

        async def work(one: Connection) -> None:
            for number in numbers:
                out = rng.sample([f"o{o}" for o in range(OFFERS)], 20)
                body: dict[str, Any] = {
                    "request_id": f"s{number}", "customer": 0, "exclude_offers": out,
                    "placements": [{"name": "outbound"}],
                }  # fmt: skip
                told = contacts(await one.post("/v1/decisions", json.dumps(body)))
                found.update(decision for decision, _ in told)

        await asyncio.gather(*(work(one) for one in some))
    return found


async def refusing(port: int, customers: list[int], seconds: float) -> tuple[int, int, int]:
    """Opt-outs answered; answers to requests sent after them, and offers in those."""
    rng, refused = random.Random(3), set[int]()  # noqa: S311 - whom to ask for is no secret
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    after = offers = number = 0
    async with connected(port, CLIENTS) as some:

        async def ask(one: Connection) -> None:
            nonlocal after, offers, number
            while loop.time() < until:
                customer, number = rng.choice(customers), number + 1
                closed = customer in refused
                answer = await one.ask(customer, f"r{number}", ["outbound"])
                after += closed
                offers += closed and len(list(contacts(answer)))

        async def refuse(one: Connection) -> None:
            for customer in customers[: len(customers) // 2]:
                await asyncio.sleep(seconds / len(customers))
                await one.post("/v1/consents", json.dumps({"customer": customer, "granted": False}))
                refused.add(customer)

        await asyncio.gather(*(ask(one) for one in some[1:]), refuse(some[0]))
    return len(refused), after, offers


def pressed(folder: Path, requests: int, seconds: float) -> bool:
    """Whether two contacts are the most, and nobody is offered anything who refused."""
    server = Server(folder)
    found = asyncio.run(same(server.port, requests))
    out, after, offers = asyncio.run(refusing(server.port, list(range(1, 101)), seconds))
    server.end(signal.SIGTERM)
    print(f"one customer, {CLIENTS} clients, {requests:,} requests: {len(found)} contacts of 2")
    print(f"{out} opt-outs amid requests; of {after:,} asked after them {offers} had an offer")
    return len(found) == 2 and after > 0 and offers == 0


def main() -> None:
    """Ask, and count."""
    with tempfile.TemporaryDirectory(prefix="bench-live-") as scratch:
        place = Path(scratch)
        held = True
        for seconds in (0.0, 0.5):
            limited = campaign(place / f"capacity-{seconds}", 5000, LIMITED.format(seconds))
            held &= capacity(limited, 5000, at_once=seconds == 0.0)
        held &= pressed(campaign(place / "pressed", 1000, PRESSED), 5000, 10.0)
    sys.exit(not held)


if __name__ == "__main__":
    main()
