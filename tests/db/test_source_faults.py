"""A source that is down, slow or refuses is told apart, in one sentence with the mend and without the password."""

from __future__ import annotations

import os
import signal
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lading.db.database import Database
from lading.db.embedded import EmbeddedServer
from lading.errors import InvalidInput, LadingError, NotFound, SourceRefused, SourceTimeout, SourceUnreachable
from lading.ledger.entry import Actor
from lading.sources import check, store
from lading.sources.model import Source
from lading.sources.postgresql import PostgresSource

TENANT = UUID("00000000-0000-7000-8000-000000000000")
ACTOR = Actor("system", "test")
OTHERS = "FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%repeat%' AND pid <> pg_backend_pid()"
MANY = "SELECT n AS id, repeat('x', 200) AS filler FROM generate_series(1, 200000) AS n"


def read(source: PostgresSource, query: str) -> int:
    with source.snapshot() as snapshot:
        return sum(batch.num_rows for batch in snapshot.batches(query, {}, key=["id"]))


@pytest.fixture
def dead_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where somebody answers the phone and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def assert_clear(error: LadingError, *words: str) -> None:
    message = error.message
    assert "hunter2" not in message
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_a_source_that_is_down_is_unreachable(dead_port: int) -> None:
    source = PostgresSource(f"postgresql://reader:hunter2@127.0.0.1:{dead_port}/app", timeout_seconds=5)

    with pytest.raises(SourceUnreachable) as error, source.snapshot():
        pass

    assert_clear(error.value, f"127.0.0.1:{dead_port}/app", "Connection refused", "Check that it runs")


def test_a_source_that_answers_nothing_is_unreachable_in_time(silent_port: int) -> None:
    source = PostgresSource(
        f"postgresql://reader:hunter2@127.0.0.1:{silent_port}/app?connect_timeout=1", timeout_seconds=1
    )

    with pytest.raises(SourceUnreachable) as error, source.snapshot():
        pass

    assert_clear(error.value, "no answer")


@pytest.mark.parametrize(
    ("user", "password", "database", "words"),
    [
        ("lading", "hunter2", "lading", "password authentication failed"),
        ("nobody_here", "hunter2", "lading", "authentication failed"),
        ("lading", None, "no_such_database", "does not exist"),
    ],
)
def test_a_refused_login_says_so(
    server: EmbeddedServer, user: str, password: str | None, database: str, words: str
) -> None:
    source = PostgresSource(server.url(database, user=user, password=password), timeout_seconds=5)

    with pytest.raises(SourceRefused, match=words) as error, source.snapshot():
        pass

    assert_clear(error.value, user, "Correct the credentials")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://reader:hunter2@db/app",
        "postgresql://reader:hunter2",
        "postgresql://reader:hunter2@db:port/app",
        "postgresql://reader:hunt@er2@db/app",
        "postgresql://reader:hunter2@db/app?nonsense=1",
        "hunter2",
    ],
)
def test_a_url_that_will_not_do_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(SourceRefused) as error, PostgresSource(url, timeout_seconds=5).snapshot():
        pass

    assert_clear(error.value)
    assert "er2" not in error.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "[::1]", "localhost"])
def test_a_private_address_is_refused_where_that_is_asked_for(host: str) -> None:
    with pytest.raises(SourceRefused, match="private network"):
        PostgresSource(f"postgresql://r:hunter2@{host}/app", timeout_seconds=5, allow_private=False)


def test_a_slow_query_is_a_timeout(database_url: str) -> None:
    with pytest.raises(SourceTimeout) as error:
        read(PostgresSource(database_url, timeout_seconds=2), "SELECT 1 AS id, pg_sleep(60)::text AS nap")

    assert_clear(error.value, "within 2 s", "Narrow the period")


def test_a_table_that_may_not_be_read_is_refused(server: EmbeddedServer, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS source_test_reader")
        connection.execute("CREATE ROLE source_test_reader LOGIN PASSWORD 'hunter2'")
        name = connection.info.dbname
    url = server.url(name, user="source_test_reader", password="hunter2")

    with pytest.raises(SourceRefused) as error:
        read(PostgresSource(url, timeout_seconds=5), "SELECT 1 AS id FROM api_keys")

    assert_clear(error.value, "permission denied", "Grant it SELECT")


@pytest.mark.parametrize(
    "value",
    [
        "('Kari ' || n)::regclass::oid",
        "set_config('role', 'Kari ' || n, true)",
        "has_table_privilege('Kari ' || n, 'pg_class', 'select')",
    ],
)
def test_a_query_that_fails_on_a_value_does_not_quote_it(database_url: str, value: str) -> None:
    with pytest.raises(SourceRefused) as error:
        read(
            PostgresSource(database_url, timeout_seconds=5), f"SELECT n AS id, {value} FROM generate_series(1, 3) AS n"
        )

    assert "Kari" not in error.value.message
    assert_clear(error.value, "SQLSTATE")


def test_what_a_hostile_server_says_is_cut_and_can_not_write_on_a_terminal() -> None:
    with hostile_server(b"password authentication failed \x1b[31m\x07" + b"Z" * 29_000) as port:
        source = PostgresSource(f"postgresql://reader:hunter2@127.0.0.1:{port}/app?sslmode=disable", timeout_seconds=5)

        with pytest.raises(SourceRefused) as error, source.snapshot():
            pass

    assert error.value.message.isprintable()
    assert len(error.value.message) < 1000


@contextmanager
def hostile_server(complaint: bytes) -> Iterator[int]:
    """A port where somebody speaks PostgreSQL and ends every login with `complaint`."""

    def answer() -> None:
        with suppress(OSError):
            while True:
                with listener.accept()[0] as connection:
                    connection.recv(8192)
                    fields = b"".join(part + b"\0" for part in (b"SFATAL", b"VFATAL", b"C28P01", b"M" + complaint, b""))
                    connection.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


def test_a_connection_lost_in_mid_stream_is_unreachable(database_url: str) -> None:
    with PostgresSource(database_url, timeout_seconds=30).snapshot() as snapshot:
        stream = snapshot.batches(MANY, {}, key=["id"])
        next(stream)
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}")

        with pytest.raises(SourceUnreachable) as error:
            list(stream)

    assert_clear(error.value, "retry")


def test_a_server_that_freezes_in_mid_stream_is_a_timeout(database_url: str) -> None:
    with PostgresSource(database_url, timeout_seconds=3).snapshot() as snapshot:
        stream = snapshot.batches(MANY, {}, key=["id"])
        next(stream)
        with psycopg.connect(database_url, autocommit=True) as other:
            row = other.execute(f"SELECT pid {OTHERS}").fetchone()
        assert row is not None
        os.kill(row[0], signal.SIGSTOP)
        try:
            with pytest.raises(SourceTimeout):
                list(stream)
        finally:
            os.kill(row[0], signal.SIGCONT)


def test_a_stream_that_is_left_early_ends_its_query(database_url: str) -> None:
    with PostgresSource(database_url, timeout_seconds=30).snapshot() as snapshot:
        stream = snapshot.batches(MANY, {}, key=["id"])
        next(stream)
        stream.close()

    with psycopg.connect(database_url, autocommit=True) as other:
        # The backend ends by itself once its client is gone.
        while other.execute(f"SELECT {OTHERS}").rowcount:
            pass


def test_a_trial_finds_a_login_that_may_write(database_url: str, tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text(database_url)
    secret.chmod(stat.S_IRUSR)

    found = check.test(Source(TENANT, "x", "postgresql", f"file:{secret}", f"file:{tmp_path}/nowhere"))

    assert [(one.name, one.is_ok) for one in found] == [
        ("credentials", True),
        ("connection", True),
        ("read_only", False),
        ("attachments", False),
    ]


def test_a_trial_of_a_source_that_is_down_says_so(dead_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAL", f"postgresql://reader:hunter2@127.0.0.1:{dead_port}/app")

    found = check.test(Source(TENANT, "x", "postgresql", "env:TRIAL"))

    assert [(one.name, one.is_ok) for one in found] == [("credentials", True), ("connection", False)]
    assert "hunter2" not in found[1].detail


@pytest.mark.anyio
async def test_a_source_is_registered_once_and_replaced_with_a_new_version(database: Database) -> None:  # P14 A1
    async with database.tenant(TENANT) as tx:
        first = await store.register(tx, "activities", credentials_ref="env:ONE", actor=ACTOR)
        again = await store.register(tx, "activities", credentials_ref="env:ONE", actor=ACTOR)
        other = await store.register(tx, "activities", credentials_ref="env:TWO", actor=ACTOR)

        assert (first.version, again.version, other.version) == (1, 1, 2)
        assert await store.all(tx) == [other]
        with pytest.raises(NotFound):
            await store.get(tx, "nowhere")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credentials_ref", "postgresql://u:hunter2@h/d"),
        ("kind", "oracle"),
        ("attachments_ref", "s3://bucket"),
        ("timeout_seconds", 0),
    ],
)
async def test_a_field_that_will_not_do_is_named(database: Database, field: str, value: object) -> None:
    arguments: dict[str, Any] = {"credentials_ref": "env:ONE", field: value}

    async with database.tenant(TENANT) as tx:
        with pytest.raises(InvalidInput, match=field) as error:
            await store.register(tx, "activities", actor=ACTOR, **arguments)

    assert "hunter2" not in error.value.message
