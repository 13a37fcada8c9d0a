"""
Measure the stream of events: what a subscriber costs in memory, and how long an event takes from commit to subscriber.

A `lading up` of its own runs with one worker; this process records entries in the ledger, one by one, and reads all the
streams, so client and server share the machine.  The time is from the return of the commit until the bytes are here;
the integrator, two hints and the walk over all subscribers lie between.

    .venv/bin/python bench/events.py [--subscribers 1000] [--events 50] [--every 0.2]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from lading import settings as configuration
from lading.db import notify
from lading.db.database import Database
from lading.ledger import store as ledger
from lading.ledger.entry import Actor, Entry
from lading.tenants.model import INSTANCE_ID
from lading.wiring import database as wired

_ACTOR = Actor("system", "bench")


class Subscriber(asyncio.Protocol):
    """One stream; notes when each event of the bench came."""

    def __init__(self, request: bytes, seen: list[dict[int, float]]) -> None:
        self._request = request
        self._seen: dict[int, float] = {}
        self._rest = b""
        self.ready = asyncio.get_running_loop().create_future()
        seen.append(self._seen)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # pyright: ignore[reportAttributeAccessIssue]

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if not self.ready.done() and b"retry:" in data:
            self.ready.set_result(None)
        for found in re.finditer(rb"bench:(\d+)", self._rest + data):
            self._seen.setdefault(int(found[1]), now)
        self._rest = (self._rest + data)[-8:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("the server closed the stream"))


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Give URL, admin token and process id of the API of a tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    own = {"LADING_DATA_DIR": str(folder), "LADING_PORT": "0", "LADING_WORKERS": "1"}
    os.environ.update(own)
    command = [sys.executable, "-m", "lading.cli", "up"]
    process = subprocess.Popen(command, env={**kept, **own}, stdout=subprocess.PIPE, text=True)
    try:
        text = ""
        assert process.stdout is not None
        while not re.search(r"^\s*(ldg_\S+)", text, re.MULTILINE) or "http://" not in text:
            text += process.stdout.readline()
        children = {child.pid: child.cmdline() for child in psutil.Process(process.pid).children()}
        api = next(pid for pid, words in children.items() if "server" in words)
        yield re.findall(r"http://[\d.:]+", text)[0], re.findall(r"ldg_\S+", text)[0], api
    finally:
        process.terminate()
        process.communicate()


def pss_kilobytes(pid: int) -> int:
    """Return the proportional memory of a process."""
    return int(re.findall(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[0])


async def measure(arguments: argparse.Namespace, url: str, token: str, api: int) -> None:
    """Open the streams, let events happen and print the table."""
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 0
    request = (
        f"GET /api/v1/events?topic=exports HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Lading-Tenant: instance\r\nAccept: text/event-stream\r\n\r\n"
    ).encode()
    loop, seen, subscribers = asyncio.get_running_loop(), list[dict[int, float]](), list[Subscriber]()
    before, began = pss_kilobytes(api), time.perf_counter()
    for first in range(0, arguments.subscribers, 50):  # a login each: not more at once than it has connections for
        some: list[Subscriber] = []
        for _ in range(first, min(first + 50, arguments.subscribers)):
            _, made = await loop.create_connection(lambda: Subscriber(request, seen), host, port)
            some.append(made)
        await asyncio.gather(*(each.ready for each in some))
        subscribers += some
    connected, held = time.perf_counter() - began, pss_kilobytes(api)
    cpu = sum(psutil.Process(api).cpu_times()[:2])
    told = await happen(arguments)
    until = time.perf_counter() + 30
    while any(len(came) < arguments.events for came in seen) and time.perf_counter() < until:  # noqa: ASYNC110 - rare
        await asyncio.sleep(0.05)
    cpu = sum(psutil.Process(api).cpu_times()[:2]) - cpu
    lags = sorted(each[number] - at for each in seen for number, at in told.items() if number in each)
    firsts = sorted(min(each[number] for each in seen if number in each) - at for number, at in told.items())
    each = (held - before) / arguments.subscribers
    rows = {
        "subscribers": f"{arguments.subscribers}, connected in {connected:.1f} s",
        "events": f"{arguments.events}, one every {arguments.every:g} s",
        "delivered": f"{len(lags)} of {arguments.subscribers * arguments.events}",
        "memory of the API per subscriber": f"{each:.1f} kB (PSS {held / 1024:.0f} MB)",
        "memory after the events": f"{pss_kilobytes(api) / 1024:.0f} MB",
        "CPU of the API per delivery": f"{1e6 * cpu / max(1, len(lags)):.0f} µs",
        "commit to first subscriber": show(firsts),
        "commit to each subscriber": show(lags),
    }
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))


async def happen(arguments: argparse.Namespace) -> dict[int, float]:
    """Let events happen; return when each was committed."""
    settings = configuration.from_environment()
    database = Database(wired.url_for_another_process(settings))
    await database.open()
    database.tell = notify.Sender(database).soon
    told: dict[int, float] = {}
    for number in range(arguments.events):
        async with database.tenant(INSTANCE_ID) as tx:
            await ledger.record(tx, Entry("export.created", f"bench:{number}", _ACTOR))
        told[number] = time.perf_counter()
        await asyncio.sleep(arguments.every)
    await database.close()
    return told


def show(seconds: list[float]) -> str:
    """Return median, 99th percentile and maximum in milliseconds."""
    at = [seconds[min(len(seconds) - 1, int(len(seconds) * part))] * 1000 for part in (0.5, 0.99, 1.0)]
    return "p50 {:.0f} ms, p99 {:.0f} ms, max {:.0f} ms".format(*at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--every", type=float, default=0.2)
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as folder, running(Path(folder) / "data") as found:
        asyncio.run(measure(arguments, *found))


if __name__ == "__main__":
    main()
