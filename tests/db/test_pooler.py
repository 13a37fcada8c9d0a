"""Behind a pooler that hands out sessions by the transaction requests work, and no tenant sees another's rows."""

# A6; and who would need a session of its own notices the pooler before anything goes wrong.

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL

from lading.db import notify
from lading.db.database import Database
from lading.db.migrate import migrate
from lading.errors import DatabaseBusy, LadingError
from lading.tenants import store
from serving import World, app_for

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        shutil.which("pgbouncer") is None, reason="PgBouncer is not installed: apt-get install pgbouncer"
    ),
]

_SESSIONS = 2
_PATIENCE_SECONDS = 30


@pytest.fixture
def pooler_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """A PgBouncer in transaction mode with two sessions for everybody."""
    parts = conninfo_to_dict(database_url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inner = _Passage(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}") if parts["host"].startswith("/") else None
    place = {"host": "127.0.0.1", "port": inner.port} if inner else {name: parts[name] for name in ("host", "port")}
    login = {"user": parts["user"], "password": parts["password"]}
    target = " ".join(f"{name}='{value}'" for name, value in {**place, **login}.items())
    folder = Path("/tmp") / f"lading-pgbouncer-{port}"  # a path that another user may enter
    folder.mkdir(mode=0o755)
    file = folder / "pgbouncer.ini"
    file.write_text(
        f"[databases]\n* = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {_SESSIONS}\nmax_client_conn = 200\n"
        "server_reset_query = DISCARD ALL\n"
    )
    as_nobody = {"user": "nobody"} if os.getuid() == 0 else {}
    process = subprocess.Popen(["pgbouncer", "-q", str(file)], stderr=subprocess.DEVNULL, **as_nobody)
    url = make_conninfo(host="127.0.0.1", port=port, dbname=parts["dbname"], user=parts["user"], password="x")
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(_PATIENCE_SECONDS)
        shutil.rmtree(folder)
        if inner is not None:
            inner.close()


@pytest.fixture
async def pooled(world: World, pooler_url: str) -> AsyncIterator[World]:
    database = Database(pooler_url, size=12, is_pooled=True)
    await database.open()
    world.services = replace(world.services, database=database, hints=notify.Sender(database))
    world.services.exports._database = database  # pyright: ignore[reportPrivateUsage]
    app_for(world.services)
    yield world
    await database.close()


async def test_requests_of_two_tenants_share_sessions_and_nothing_else(pooled: World) -> None:
    made = {slug: [] for slug in ("nordlys", "fjord")}
    for slug in made:
        await pooled.headers(slug)

    async def work(slug: str) -> None:
        answer = await pooled.ask("POST", "/api/v1/jobs", slug=slug, json={"kind": "noop"})
        assert answer.status_code == 201, answer.text
        made[slug].append(answer.json()["id"])
        listed = await pooled.ask("GET", "/api/v1/jobs", slug=slug, params={"limit": 200})
        seen = {job["id"] for job in listed.json()["items"]}
        other = "fjord" if slug == "nordlys" else "nordlys"
        assert not seen & set(made[other])

    for _ in range(10):
        await asyncio.gather(*(work(slug) for slug in made for _ in range(4)))

    for slug, jobs in made.items():
        listed = await pooled.ask("GET", "/api/v1/jobs", slug=slug, params={"limit": 200})
        assert {job["id"] for job in listed.json()["items"]} == set(jobs)
    async with pooled.services.database.connection() as connection:
        row = await (
            await connection.execute("SELECT current_setting('lading.tenant', true) AS t, current_user AS u")
        ).fetchone()
    assert row is not None
    assert (row["t"] or "", row["u"]) == ("", "lading")


async def test_statements_run_more_often_than_they_would_be_prepared_after(pooled: World) -> None:
    answers = [await pooled.ask("GET", "/api/v1/exports") for _ in range(12)]

    assert {answer.status_code for answer in answers} == {200}


async def test_locks_of_transactions_hold_and_hints_arrive(pooled: World) -> None:
    first = (await pooled.ask("GET", "/api/v1/me")).json()["id"]
    second = (await pooled.ask("POST", "/api/v1/keys", json={"name": "b", "role": "admin"})).json()
    headers = {"Authorization": f"Bearer {second['token']}"}
    await asyncio.gather(
        pooled.ask("DELETE", f"/api/v1/keys/{second['key']['id']}"),
        pooled.ask("DELETE", f"/api/v1/keys/{first}", headers=headers),
    )
    hearer = pooled.services.hearer
    seen = hearer.generation(notify.EXPORTS)
    await pooled.services.hints.send(notify.EXPORTS)

    assert await hearer.wait(notify.EXPORTS, seen, _PATIENCE_SECONDS)
    async with pooled.services.database.system() as tx:
        keys = await store.list_keys(tx, pooled.organisations["nordlys"].id)
    assert len([key for key in keys if key.role == "admin" and key.revoked_at is None]) == 1


async def test_limits_of_a_session_are_set_for_each_transaction(pooled: World) -> None:
    async with pooled.services.database.system() as tx:
        row = await tx.one(
            SQL("SELECT current_setting('statement_timeout') AS s, current_setting('lock_timeout') AS l")
        )
    with pytest.raises(DatabaseBusy):
        async with pooled.services.database.system() as tx:
            await tx.run(SQL("SET LOCAL statement_timeout = '50ms'"))
            await tx.run(SQL("SELECT pg_sleep(60)"))

    assert (row["s"], row["l"]) == ("1min", "10s")
    assert issubclass(DatabaseBusy, LadingError)


async def test_who_needs_a_session_says_that_there_is_a_pooler(pooler_url: str) -> None:
    with pytest.raises(LadingError, match="LADING_DATABASE_POOLER_URL"):
        await Database(pooler_url).open()
    with pytest.raises(LadingError, match="LADING_DATABASE_POOLER_URL"):
        await migrate(pooler_url)


class _Passage:
    """A port that leads to a Unix socket: PgBouncer does not run as root, and may not enter where the socket is."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._open())
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_SECONDS)
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._server.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _open(self) -> asyncio.Server:
        return await asyncio.start_server(self._lead, "127.0.0.1", 0)

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(self._path)
        await asyncio.gather(_pump(reader, outer), _pump(inner, writer), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
            continue
        return
    raise RuntimeError(f"PgBouncer did not start (it ended with {process.poll()})")
