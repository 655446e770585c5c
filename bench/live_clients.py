"""`bandit serve` and clients that mean it no good, or never leave: prints, decides nothing.

`python -m bench.live_clients abuse` sends bodies with bytes changed, cut and doubled, paths that
lead outside, bodies without an end, and leaves half-sent requests lying open; `soak` asks in an
open loop for some time. Both tell what the server's memory was and is. `schema` lets Schemathesis
make requests from /openapi.json for ``--seconds``; it is a command of its own (`--schemathesis`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import numpy as np

from bench.live import Connection, Server, campaign, connected, open_loop

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection"
)
PATHS = (
    "/../campaign.toml", "/%2e%2e/%2e%2e/etc/passwd", "/v1/decisions/..%2f..%2fcampaign.toml",
    "/v1/decisions/" + "a" * 60_000, "/v1//decisions", "//v1/decisions", "/v1/decisions%00",
    "/docs/../campaign.toml", "/metrics/%ff", "*",
)  # fmt: skip


def megabytes(server: Server) -> float:
    """What it holds in memory of its own."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def broken(rng: np.random.Generator, customers: int) -> bytes:
    """A right body with something wrong."""
    whole = json.dumps({
        "request_id": f"b{rng.integers(1 << 40)}", "customer": int(rng.integers(customers)),
        "placements": [{"name": "c0"}],
    }).encode()  # fmt: skip
    match rng.integers(4):
        case 0:
            depth = int(rng.integers(1, 60_000))
            return b"[" * depth
        case 1:
            return whole[: int(rng.integers(len(whole)))]
        case _:
            body = bytearray(whole)
            for _ in range(int(rng.integers(1, 5))):
                at = int(rng.integers(len(body)))
                body[at : at + int(rng.integers(0, 4))] = rng.bytes(int(rng.integers(0, 4)))
            return bytes(body)


async def sent(one: Connection, path: str, body: bytes) -> str:
    """The status of a request; "closed" where there is no answer."""
    head = f"POST {path} HTTP/1.1\r\nhost: l\r\ncontent-length: {len(body)}\r\n\r\n"
    with suppress(OSError):
        return await one.status(head.encode() + body)
    return "closed"


async def malformed(port: int, bodies: list[bytes]) -> Counter[str]:
    """How bodies and paths are answered."""
    found: Counter[str] = Counter()
    waiting = iter(bodies)

    async def work() -> None:
        for body in waiting:
            async with connected(port, 1) as (one,):
                found[await sent(one, "/v1/decisions", body)] += 1

    await asyncio.gather(*(work() for _ in range(16)))
    for path in PATHS:
        async with connected(port, 1) as (one,):
            found[await sent(one, path, b"{}")] += 1
    return found


async def endless(port: int) -> str:
    """How a body without an end is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /v1/decisions HTTP/1.1\r\nhost: l\r\ntransfer-encoding: chunked\r\n\r\n")
    with suppress(OSError):
        for _ in range(2000):
            writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
            await asyncio.wait_for(writer.drain(), 5)
    with suppress(OSError):
        answer = await asyncio.wait_for(reader.read(1 << 16), 20)
        return answer.split(b" ")[1].decode() if answer else "closed"
    return "closed"


async def half_sent(port: int, many: int) -> tuple[int, int]:
    """Of so many requests that are never whole: how many are let go; answers meanwhile."""
    parts = (b"", b"POST /v1/dec", b"POST /v1/decisions HTTP/1.1\r\ncontent-length: 9\r\n\r\n{")
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(many)]
    for i, (_, writer) in enumerate(held):
        writer.write(parts[i % len(parts)])
    async with connected(port, 1) as (one,):
        answered = [await sent(one, "/v1/decisions", b"{}") for _ in range(20)]

    async def gone(reader: asyncio.StreamReader) -> bool:
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(reader.read(), 40)
            return True
        return False

    left = await asyncio.gather(*(gone(reader) for reader, _ in held))
    return sum(left), answered.count("400")


def abuse(given: argparse.Namespace, folder: Path) -> None:
    """Print how it is answered."""
    rng = np.random.default_rng(3)
    server = Server(folder)
    before = megabytes(server)
    bodies = [broken(rng, given.customers) for _ in range(given.asks)]
    found = asyncio.run(malformed(server.port, bodies))
    without_end = asyncio.run(endless(server.port))
    gone, answered = asyncio.run(half_sent(server.port, 300))
    after = megabytes(server)
    code = server.end(signal.SIGTERM)
    told = ", ".join(f"{status}: {n:,}" for status, n in sorted(found.items()))
    print(f"{given.asks:,} broken bodies and {len(PATHS)} paths: {told}")
    print(f"a body without an end: {without_end}; of 300 requests that are never whole {gone} are")
    print(f"let go, and 20 others meanwhile had {answered} answers; exit {code}")
    print(f"memory {before:.0f} MB before, {after:.0f} MB after")


def schema(given: argparse.Namespace, folder: Path) -> None:
    """Print what Schemathesis finds; ends with its exit code."""
    server = Server(folder)
    before = megabytes(server)
    checked = subprocess.run(
        [
            given.schemathesis, "run", f"http://127.0.0.1:{server.port}/openapi.json",
            "--max-time", str(round(given.seconds)), "--checks", CHECKS, "--workers", "2",
            "--continue-on-failure", "--suppress-health-check", "all", "--no-color",
        ],
        check=False,
    )  # fmt: skip
    after = megabytes(server)
    code = server.end(signal.SIGTERM)
    print(f"memory {before:.0f} MB before, {after:.0f} MB after; the server's exit {code}")
    sys.exit(checked.returncode)


def soak(given: argparse.Namespace, folder: Path) -> None:
    """Print memory as time goes on."""
    server = Server(folder)
    people = cycle(range(given.customers))
    began, asked = time.monotonic(), 0
    parts = 6
    print("seconds, answers, MB")
    for part in range(parts):
        asks = int(given.rate * given.seconds / parts)
        asyncio.run(open_loop(server.port, people, given.rate, asks, f"s{part}-"))
        asked += asks
        print(f"{time.monotonic() - began:.0f}, {asked:,}, {megabytes(server):.1f}")
    print(f"exit {server.end(signal.SIGTERM)}")


def main() -> None:
    """Make a campaign and do what is asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["abuse", "soak", "schema"])
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--asks", type=int, default=10_000)
    parser.add_argument("--schemathesis", default="schemathesis", help="the command")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-live-") as scratch:
        folder = campaign(Path(scratch) / "c", given.customers, 33, 32)
        {"abuse": abuse, "soak": soak, "schema": schema}[given.what](given, folder)


if __name__ == "__main__":
    main()
