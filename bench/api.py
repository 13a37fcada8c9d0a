"""
Measure the HTTP API beside a bare Starlette route that runs the very same SQL, and what row-level security costs.

    .venv/bin/python bench/api.py [--exports 2000] [--seconds 5] [--connections 16] [--repeats 3]

An own PostgreSQL, one API process (`lading server`) and one bare process (`api_bare.py`), both under uvicorn on the
loopback address.  What a request asks of the database is recorded once from Lading itself, transactions and all, and
the bare route sends the same statements with new ids; it does no more than that: no token is judged, no body checked,
no answer shaped.  They are loaded in turns (ABAB) by this process over kept-alive connections. A claim is no request:
workers take jobs from the database; its transaction stands beside psycopg with the same SQL.  Requests per second are
those of one machine on one day; ratios and CPU per request mean something.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import json
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from psycopg.rows import dict_row
from report import show
from suites import Result

from lading import ids
from lading.api.app import create_app
from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from lading.db.transaction import Transaction
from lading.exports import registry
from lading.jobs import batches, leases
from lading.jobs import store as jobs
from lading.jobs.model import NewJob
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.tenants import store
from lading.tenants.model import Role
from lading.wiring.services import opened
from machine import cpu_seconds, description, weather

_HERE = Path(__file__).parent
_PROFILE: dict[str, Any] = {
    "profile": "bench",
    "type": "activity_report",
    "title": "A report",
    "schema_version": "1",
    "source": {"name": "activities", "query": "SELECT id FROM activity", "key": ["id"]},
    "formats": ["csv"],
    "default_format": "csv",
    "columns": [{"name": "Id", "from": "id", "type": "string"}],
}
_BODY = {"profile": "bench", "period": {"from": "2024-01-01", "to": "2024-12-31"}}
_RECORDINGS = 7
_CLAIMS = 300
_ASKED = 2000
_SETTINGS = {"queue_limit": 10_000_000, "tenant_queue_limit": 10_000_000}


@dataclass
class Recorded:
    """The transactions of one request, each with role, tenant and its statements in order."""

    transactions: list[tuple[str, str, list[tuple[str, dict[str, Any]]]]] = field(default_factory=list)

    @property
    def shape(self) -> tuple[tuple[str, ...], ...]:
        """Return the statements without what they are given."""
        return tuple(tuple(text for text, _ in statements) for _, _, statements in self.transactions)


def _usual(recorded: list[Recorded]) -> list[Recorded]:
    """Return two recordings of the most common shape: now and then a request does more, such as touch its key."""
    (shape, many), *_ = Counter(each.shape for each in recorded).most_common(1)
    assert many > 1, "no two recordings are alike"
    return [each for each in recorded if each.shape == shape][-2:]


_recording: contextvars.ContextVar[Recorded | None] = contextvars.ContextVar("recording", default=None)


@contextmanager
def _recorder() -> Iterator[None]:
    """Make every Transaction note its statements in the Recorded of its context."""
    kept = {name: getattr(Transaction, name) for name in ("run", "all", "maybe", "rows", "defer")}
    seen: dict[int, list[tuple[str, dict[str, Any]]]] = {}
    alive: list[Transaction] = []  # so that no id is given again

    def noted(name: str) -> Any:
        def call(tx: Transaction, *given: Any, **parameters: Any) -> Any:
            recorded = _recording.get()
            if recorded is not None:
                if id(tx) not in seen:
                    seen[id(tx)] = []
                    recorded.transactions.append((tx.role.value, str(tx.tenant_id or ""), seen[id(tx)]))
                    alive.append(tx)
                seen[id(tx)].append((given[-1].as_string(None), parameters))
            return kept[name](tx, *given, **parameters)

        return call

    for name in kept:
        setattr(Transaction, name, noted(name))
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(Transaction, name, method)


@asynccontextmanager
async def _furnished(url: str, folder: Path, count: int) -> AsyncIterator[tuple[str, dict[str, list[Recorded]], str]]:
    """Make a tenant with `count` exports; give its token, two recordings of each verb, and the id of an export."""
    database = Database(url)
    await database.open()
    async with database.system() as tx:
        tenant = await store.create_tenant(tx, "bench", name="bench", actor=SYSTEM)
        minted = await store.mint_key(tx, tenant.id, name="bench", role=Role.ADMIN, actor=SYSTEM)
    async with database.tenant(tenant.id) as tx:
        await registry.put(tx, _PROFILE, actor=SYSTEM, activate=True)
    await database.close()
    settings = Settings(data_dir=folder, database_url=url, **_SETTINGS)
    async with opened(settings, url) as services:
        transport = httpx2.ASGITransport(app=create_app(services))
        headers = {"Authorization": f"Bearer {minted.token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as http:
            for _ in range(count):
                made = (await http.post("/api/v1/exports", json=_BODY)).raise_for_status().json()["id"]
            with _recorder():
                found = {
                    verb: _usual([await _record(http, method, path.format(id=made)) for _ in range(_RECORDINGS)])
                    for verb, (method, path) in VERBS.items()
                }
        yield minted.token, found, made


VERBS = {
    "create": ("POST", "/api/v1/exports"),
    "get": ("GET", "/api/v1/exports/{id}"),
    "list of 50": ("GET", "/api/v1/exports?limit=50"),
}


async def _record(http: httpx2.AsyncClient, method: str, path: str) -> Recorded:
    recorded = Recorded()
    token = _recording.set(recorded)
    (await http.request(method, path, json=_BODY if method == "POST" else None)).raise_for_status()
    _recording.reset(token)
    return recorded


async def _load(address: tuple[str, int], request: bytes, *, connections: int, seconds: float) -> list[float]:
    """Send `request` again and again over so many connections; return how long each answer took, in seconds."""
    took: list[float] = []
    ends = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(*address)
        while (began := time.perf_counter()) < ends:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")):
                raise SystemExit(head.decode())
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return took


def _request(method: str, path: str, token: str) -> bytes:
    body = json.dumps(_BODY).encode() if method == "POST" else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _started(stack: ExitStack, command: list[str], **given: str) -> tuple[subprocess.Popen[bytes], tuple[str, int]]:
    """Start a server on a free port and return it with its address when it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command], env={**os.environ, "LADING_PORT": str(port), **given}, stderr=subprocess.DEVNULL
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    for _ in range(600):
        try:
            httpx2.get(f"http://127.0.0.1:{port}/livez", trust_env=False).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return process, ("127.0.0.1", port)
    raise SystemExit(f"{command} does not answer")


async def _measure(
    engines: dict[str, tuple[int, tuple[str, int]]], token: str, made: str, arguments: argparse.Namespace, postgres: int
) -> list[Result]:
    results: list[Result] = []
    for verb, (method, path) in VERBS.items():
        request = _request(method, path.format(id=made), token)
        for _, address in engines.values():
            await _load(address, request, connections=arguments.connections, seconds=0.5)
        for _ in range(arguments.repeats):
            for engine, (pid, address) in engines.items():
                before, server = cpu_seconds(pid), cpu_seconds(postgres)
                began = time.perf_counter()
                took = await _load(address, request, connections=arguments.connections, seconds=arguments.seconds)
                wall = time.perf_counter() - began
                results += _told(
                    engine, verb, took, wall=wall,
                    own=cpu_seconds(pid) - before, server=cpu_seconds(postgres) - server,
                )  # fmt: skip
    return results


async def _claims(url: str, arguments: argparse.Namespace, postgres: int) -> list[Result]:
    """Return what a claim of one job costs, and what its statements alone cost, one after the other, in turns."""
    database, lease = Database(url), ids.new()
    await database.open()
    async with database.system() as tx:
        tenant = await store.create_tenant(tx, "claims", name="claims", actor=SYSTEM)
        await leases.open_lease(tx, lease, worker="bench", seconds=3600.0)
    wanted = 2 * arguments.repeats * _CLAIMS + 4 * _RECORDINGS
    async with database.tenant(tenant.id) as tx:
        await batches.enqueue_many(tx, [NewJob(ids.new(), "noop", "job_bench") for _ in range(wanted)], actor=SYSTEM)

    async def claim() -> None:
        async with database.system() as tx:
            assert await jobs.claim(tx, lease_id=lease, kinds=["noop"], limit=1)

    recorded: list[Recorded] = []
    with _recorder():
        for _ in range(_RECORDINGS):
            recorded.append(Recorded())
            token = _recording.set(recorded[-1])
            await claim()
            _recording.reset(token)
    role, _, statements = _usual(recorded)[-1].transactions[0]
    opening = "SELECT set_config('role', %s, true), lading_now()"
    bare = await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row)

    async def replay() -> None:
        async with bare.transaction():
            await bare.execute(opening, (role,))
            for statement, parameters in statements:
                cursor = await bare.execute(statement.encode(), parameters)
                if cursor.description is not None:
                    await cursor.fetchall()

    results: list[Result] = []
    engines: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {"lading": claim, "bare": replay}
    print(f"statements of a claim: {len(statements)}")
    for _ in range(arguments.repeats):
        for engine, one in engines.items():
            took: list[float] = []
            before, server, began = time.process_time(), cpu_seconds(postgres), time.perf_counter()
            for _ in range(_CLAIMS):
                at = time.perf_counter()
                await one()
                took.append(time.perf_counter() - at)
            results += _told(
                engine, "claim", took, wall=time.perf_counter() - began,
                own=time.process_time() - before, server=cpu_seconds(postgres) - server,
            )  # fmt: skip
    await bare.close()
    await database.close()
    return results


def _told(engine: str, verb: str, took: list[float], *, wall: float, own: float, server: float) -> list[Result]:
    took.sort()
    figures = (
        ("requests", len(took) / wall, "/s"),
        ("p50", took[len(took) // 2] * 1e3, "ms"),
        ("p99", took[len(took) * 99 // 100] * 1e3, "ms"),
        ("API CPU", own / len(took) * 1e6, "µs"),
        ("PostgreSQL CPU", server / len(took) * 1e6, "µs"),
    )
    return [Result("api", engine, f"{verb}: {what}", value, unit) for what, value, unit in figures]


def _rls(url: str, found: dict[str, list[Recorded]]) -> None:
    """Print what the policies cost: the same statements as the role of a tenant, and as who is above policies."""
    print(f"\nrow-level security: CPU of the server for the statements of a request, {_ASKED} of each in turns\n")
    with psycopg.connect(url, autocommit=True) as bound, psycopg.connect(url, autocommit=True) as free:
        for verb in ("get", "list of 50"):
            role, tenant, statements = found[verb][1].transactions[-1]
            sides = {role: bound, "none": free}
            before = {who: cpu_seconds(each.info.backend_pid) for who, each in sides.items()}
            for _ in range(_ASKED):
                for who, connection in sides.items():
                    with connection.transaction():
                        connection.execute(
                            "SELECT set_config('role', %s, true), set_config('lading.tenant', %s, true)", (who, tenant)
                        )
                        for statement, parameters in statements:
                            connection.execute(statement.encode(), parameters, prepare=True)
            spent = {who: cpu_seconds(each.info.backend_pid) - before[who] for who, each in sides.items()}
            with_, without = spent[role] / _ASKED * 1e6, spent["none"] / _ASKED * 1e6
            print(f"  {verb}: {without:.0f} → {with_:.0f} µs ({with_ / without - 1:+.1%})")


async def _run(arguments: argparse.Namespace, folder: Path, postgres: EmbeddedServer) -> None:
    url = postgres.url()
    await migrate(url)
    async with _furnished(url, folder / "data", arguments.exports) as (token, found, made):
        pass
    plan = folder / "plan.pickle"
    plan.write_bytes(pickle.dumps({verb: [each.transactions for each in two] for verb, two in found.items()}))
    counts = {verb: sum(len(each[2]) for each in two[1].transactions) for verb, two in found.items()}
    print("statements per request, token included: " + ", ".join(f"{verb} {n}" for verb, n in counts.items()))
    with ExitStack() as stack:
        given = {f"LADING_{name.upper()}": str(value) for name, value in _SETTINGS.items()}
        ours = _started(
            stack, ["-m", "lading.cli", "server"],
            LADING_DATABASE_URL=url, LADING_DATA_DIR=str(folder / "data"), **given,
        )  # fmt: skip
        bare = _started(stack, [str(_HERE / "api_bare.py"), str(plan)], LADING_DATABASE_URL=url)
        engines = {"lading": (ours[0].pid, ours[1]), "bare": (bare[0].pid, bare[1])}
        assert postgres.pid is not None
        results = await _measure(engines, token, made, arguments, postgres.pid)
        results += await _claims(url, arguments, postgres.pid)
    show(results, list(engines))
    _rls(url, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exports", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lading-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        print(f"{description()}\n{weather(folder)}")
        server = EmbeddedServer(folder / "pg")
        server.start()
        try:
            asyncio.run(_run(arguments, folder, server))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
