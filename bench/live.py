"""`bandit serve` under load: `python -m bench.live load|kills`; prints, decides nothing.

`load` asks a running server for each customer once: first as fast as ``--connections`` allow, then
in an open loop at ``--rate`` a second, where a late answer does not hold back the next question, so
that waiting shows. `kills` asks while it kills the server, starts it anew, and counts answers that
are missing or differ when they are asked for again.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import gc
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import cast

import duckdb
import numpy as np
import pyarrow as pa
import uvloop

import bandit
from bandit import LinTS, Mixture, Posterior, Rules
from bandit.service.server import serve

OFFERS, CHANNELS = 33, 3


def campaign(
    folder: Path, customers: int, offers: int, features: int, channels: int = CHANNELS
) -> Path:
    """A campaign of inbound channels, with everything to learn."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((customers, features)).astype(np.float32)
    columns = {f"f{i}": x[:, i] for i in range(features)}
    with duckdb.connect(str(folder / "data.duckdb")) as data:
        data.register("given", pa.table({"customer_id": np.arange(customers), **columns}))
        data.execute("CREATE TABLE customers AS FROM given")
    names = ", ".join(f'"f{i}"' for i in range(features))
    text = f"""
name = "load"
[customers]
source = "data.duckdb"
table = "customers"
[features]
numeric = [{names}]
[policy]
share = [{{ policy = "rules", share = 0.2 }}, {{ policy = "lin_ts", share = 0.8 }}]
"""
    for c in range(channels):
        text += f'[[channel]]\nname = "c{c}"\nkind = "inbound"\nconsent = false\n'
    for o in range(offers):
        text += f'[[offer]]\nname = "o{o}"\npriority = {o}\n'
    (folder / "campaign.toml").write_text(text)
    return folder


class Server:
    """A `bandit serve` in a process of its own; ``code`` is the checkout that it runs."""

    def __init__(self, folder: Path, code: Path | None = None) -> None:
        code = code or Path(bandit.__file__).parents[1]
        # As pip leaves a package: what was compiled of it is there, and is read.
        compileall.compile_dir(code / "bandit", quiet=2)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPATH"] = str(code)  # and from there, since -m looks there first
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bandit", "serve", str(folder), "--port", "0"], cwd=code,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**environment, "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip
        line = ""
        while "listening at" not in line:
            line = self.process.stderr.readline() if self.process.stderr else ""
            if not line:
                raise SystemExit("the server ended before it listened")
        self.port = int(re.findall(r":(\d+)", line)[-1])
        self.seconds = time.monotonic() - began

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    def end(self, number: int) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait()

    def spent(self) -> float:
        """Seconds of a processor that it took so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _tell(where: int, line: str) -> None:
    os.write(where, f"{line}\n".encode())


class Forked:
    """A server forked from this process, which has read the code: a start is its campaign alone.

    The process has used neither DuckDB nor Arrow's threads, so that nothing of them is inherited.
    """

    def __init__(self, folder: Path) -> None:
        began = time.monotonic()
        heard, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(heard)
                serve(folder, port=0, say=partial(_tell, tell))
                code = 0
            finally:
                os._exit(code)  # whatever it died of, it is not this process
        os.close(tell)
        with os.fdopen(heard) as lines:
            line = lines.readline()
        if "listening at" not in line:
            raise SystemExit("the server ended before it listened")
        self.port = int(re.findall(r":(\d+)", line)[-1])
        self.seconds = time.monotonic() - began

    def wait(self) -> None:
        """Until it is gone."""
        os.waitpid(self.pid, 0)


class Connection(asyncio.Protocol):
    """HTTP over one connection that is kept, one request at a time, as little of it as is needed.

    It shares its cores with the server, so what it takes is taken from what is measured.
    """

    _transport: asyncio.Transport
    _came = b""
    _waits: asyncio.Future[tuple[str, bytes]] | None = None

    async def status(self, request: bytes) -> str:
        """How a request of any bytes is answered."""
        return (await self._answer(request))[0]

    async def ask(self, customer: int, request: str, places: Sequence[str] = ("c0",)) -> bytes:
        """The body of the answer to a request for placements."""
        wanted = ",".join(f'{{"name":"{name}"}}' for name in places)
        body = f'{{"request_id":"{request}","customer":{customer},"placements":[{wanted}]}}'
        return await self.post("/v1/decisions", body)

    async def post(self, path: str, body: str) -> bytes:
        """The body of the answer to a body that is JSON; ConnectionError where it is refused."""
        head = f"POST {path} HTTP/1.1\r\nhost: l\r\ncontent-length: {len(body)}\r\n\r\n"
        status, answer = await self._answer(f"{head}{body}".encode())
        if status != "200":
            raise ConnectionError(answer.decode())
        return answer

    async def _answer(self, request: bytes) -> tuple[str, bytes]:
        if self._transport.is_closing():
            raise ConnectionResetError
        self._waits = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take in bytes; whoever waits is told once an answer is whole."""
        self._came = came = self._came + data if self._came else data
        head = came.find(b"\r\n\r\n") + 4
        if head < 4 or self._waits is None:
            return
        start = came.find(b"content-length: ", 0, head) + 16
        length = int(came[start : came.index(b"\r", start)]) if start >= 16 else 0
        if len(came) >= head + length:
            waits, self._waits = self._waits, None
            self._came = came[head + length :]
            if not waits.done():
                waits.set_result((came[9:12].decode(), came[head : head + length]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._waits is not None and not self._waits.done():
            self._waits.set_exception(exc or ConnectionResetError())

    def close(self) -> None:
        """Let it go."""
        self._transport.close()


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Some connections."""
    loop = asyncio.get_running_loop()
    made = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            one.close()


async def closed_loop(port: int, people: Iterator[int], count: int, asks: int) -> float:
    """Decisions a second."""
    async with connected(port, count) as some:

        async def work(one: Connection) -> None:
            for _ in range(asks // count):
                customer = next(people)
                await one.ask(customer, f"c{customer}")

        began = time.perf_counter()
        await asyncio.gather(*(work(one) for one in some))
        return asks // count * count / (time.perf_counter() - began)


async def open_loop(
    port: int, people: Iterator[int], rate: float, asks: int, name: str = "o"
) -> list[float]:
    """Milliseconds from when each question was due to its answer; ``name`` begins each request."""
    gc.freeze()  # what is measured is the server's waiting, not this process's collector
    async with connected(port, 256) as some:
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for one in some:
            free.put_nowait(one)
        found: list[float] = []

        async def ask(due: float) -> None:
            one, customer = await free.get(), next(people)
            await one.ask(customer, f"{name}{customer}")
            found.append(1e3 * (time.perf_counter() - due))
            free.put_nowait(one)

        began, waiting = time.perf_counter(), []
        for i in range(asks):
            due = began + i / rate
            if (ahead := due - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            waiting.append(asyncio.create_task(ask(due)))
        await asyncio.gather(*waiting)
        return found


def load(given: argparse.Namespace, folder: Path) -> None:
    """Print throughput and latency."""
    server = Server(folder)
    people = iter(range(given.customers))
    try:
        before = server.spent()
        told = uvloop.run(closed_loop(server.port, people, given.connections, given.asks))
        spent = server.spent() - before
        late = uvloop.run(open_loop(server.port, people, given.rate, given.asks))
    finally:
        code = server.end(signal.SIGTERM)
    p50, p99, p999 = np.percentile(late, [50, 99, 99.9])
    print(f"ready after {server.seconds:.1f} s with {given.customers:,} customers; exit {code}")
    print(f"{told:,.0f} durable decisions a second on {given.connections} connections,")
    print(f"{1e6 * spent / given.asks:,.0f} µs of a processor each for the server")
    print(f"open loop at {given.rate:,.0f}/s, ms: p50 {p50:.1f}, p99 {p99:.1f}, p99.9 {p999:.1f}")


async def asked_until(
    port: int, people: list[int], answers: dict[int, bytes], until: float
) -> None:
    """Ask on 16 connections until the server is gone; what was answered is kept."""
    async with connected(port, 16) as some:
        waiting = iter(people)

        async def work(one: Connection) -> None:
            with suppress(OSError):
                while time.monotonic() < until and (c := next(waiting, None)) is not None:
                    answers[c] = await one.ask(c, f"k{c}")

        await asyncio.gather(*(work(one) for one in some))


async def asked_again(port: int, answers: dict[int, bytes]) -> tuple[int, int]:
    """How many answers are missing, and how many differ."""
    missing = differing = 0
    async with connected(port, 1) as (one,):
        for customer, before in answers.items():
            again = json.loads(await one.ask(customer, f"k{customer}"))
            missing += not again["replayed"]
            differing += {**again, "replayed": False} != json.loads(before)
    return missing, differing


def _read_kernels() -> None:
    """Have the policies' kernels in memory before a fork."""
    posterior = Posterior.prior(OFFERS * CHANNELS + 1, 32)
    policy = Mixture([(0.5, Rules([1])), (0.5, LinTS())], exploration=0.5)
    for n in (1, 64):
        policy.choose(posterior, np.zeros((n, 32), np.float32))


def kills(given: argparse.Namespace, folder: Path) -> None:
    """Print what was lost."""
    rng = random.Random(1)  # noqa: S311 - when to kill is no secret
    answers: dict[int, bytes] = {}
    starts = []
    each = given.customers // given.kills
    _read_kernels()
    began = time.monotonic()
    for kill in range(given.kills):
        if time.monotonic() - began > given.seconds:
            break
        server = Forked(folder)
        starts.append(server.seconds)
        people = list(range(kill * each, (kill + 1) * each))
        after = rng.uniform(0.0, 0.5)
        killing = subprocess.Popen(["/bin/sh", "-c", f"sleep {after}; kill -9 {server.pid}"])
        asyncio.run(asked_until(server.port, people, answers, time.monotonic() + 5))
        killing.wait()
        server.wait()
    last = Server(folder)
    missing, differing = asyncio.run(asked_again(last.port, answers))
    last.end(signal.SIGTERM)
    ids = [
        p["decision_id"] for a in answers.values() for p in json.loads(a)["placements"][0]["picks"]
    ]
    print(
        f"{len(starts)} kills, {len(answers):,} answers: {missing} missing, {differing} differing,"
    )
    print(f"{len(ids) - len(set(ids))} ids twice; ready again after {np.median(starts):.1f} s in")
    print(f"the median, {max(starts):.1f} s at most, with {given.customers:,} customers")


def main() -> None:
    """Make a campaign and do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["load", "kills"])
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--offers", type=int, default=OFFERS)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument(
        "--channels", type=int, default=CHANNELS,
        help="inbound, each with all offers; a request asks for one of them",
    )  # fmt: skip
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1500)
    parser.add_argument("--asks", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3600, help="no kill begins after them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as scratch:
        folder = Path(scratch) / "c"
        apart = multiprocessing.get_context("spawn").Process(
            target=campaign,
            args=(folder, given.customers, given.offers, given.features, given.channels),
        )
        apart.start()
        apart.join()
        os.sync()  # the customers are on the disk before anything is measured
        {"load": load, "kills": kills}[given.what](given, folder)


if __name__ == "__main__":
    main()
