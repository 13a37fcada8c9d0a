"""Keys may be kept elsewhere: what is signed is the same, what fails is said and tried again, and nothing is lost."""

# A5.

from __future__ import annotations

import base64
import json
import shlex
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import UUID

import pytest

import signer_program
from lading import ids
from lading.db.database import Database
from lading.errors import Conflict, EnvironmentUnfit, SignerUnavailable
from lading.ledger import heads, instance, publishing, rotation, signers, store
from lading.ledger.entry import Actor, Entry
from lading.ledger.integrator import integrate
from lading.ledger.keys import Keys, load_or_create
from lading.settings import Settings
from lading.wiring import signing

PROGRAM = Path(signer_program.__file__)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "module"
    made.mkdir()
    return made


def command(folder: Path, fault: str = "") -> str:
    return shlex.join([sys.executable, str(PROGRAM), str(folder), *([fault] if fault else [])])


def opened(tmp_path: Path, folder: Path, fault: str = "", seconds: float = 60.0) -> Keys:
    return load_or_create(tmp_path / "keys", "test", signers.command(command(folder, fault), seconds=seconds))


def test_a_command_keeps_the_keys_and_no_private_key_lies_here(tmp_path: Path, folder: Path) -> None:
    keys = opened(tmp_path, folder)

    note = heads.sign("test/t/acme", 7, bytes(32), keys.log)

    assert heads.verify(note, keys.trust).keyid == keys.log.public.keyid
    assert not list((tmp_path / "keys").glob("*.key"))
    assert not keys.log.is_local


def test_keys_in_a_module_are_rotated_there_and_vouch_for_each_other(tmp_path: Path, folder: Path) -> None:
    keys = opened(tmp_path, folder)
    before = keys.trust
    with pytest.raises(Conflict, match="still names"):
        rotation.rotate(keys.store, "log", overlap=timedelta(days=1))
    signer_program.another(folder, "log")

    rotation.rotate(keys.store, "log", overlap=timedelta(days=1))

    note = heads.sign("test/t/acme", 7, bytes(32), keys.log)
    assert heads.verify(note, before).keyid != keys.log.public.keyid
    assert len(keys.log.signers()) == 2


def test_an_installation_can_move_from_files_to_a_module(tmp_path: Path, folder: Path) -> None:
    before = load_or_create(tmp_path / "keys", "test")
    keys = opened(tmp_path, folder)
    assert keys.log.public == before.log.public  # its file is here still

    rotation.rotate(keys.store, "log", overlap=timedelta())

    assert not keys.log.is_local
    assert heads.verify(heads.sign("test/t/acme", 7, bytes(32), keys.log), keys.store.known()).size == 7


@pytest.mark.parametrize(("fault", "said"), [
    ("dies", "ended with code 7"), ("garbles", "did not answer with"), ("floods", "more than"),
    ("lies", "does not verify"),
])  # fmt: skip
def test_a_signer_that_fails_is_named(tmp_path: Path, folder: Path, fault: str, said: str) -> None:
    key = opened(tmp_path, folder).log.public
    broken = signers.command(command(folder, fault), seconds=60.0)

    with pytest.raises(SignerUnavailable, match=said):
        broken.sign(key, b"x")


def test_a_signer_that_does_not_answer_is_ended(tmp_path: Path, folder: Path) -> None:
    key = opened(tmp_path, folder).log.public

    with pytest.raises(SignerUnavailable, match="did not answer within"):
        signers.command(command(folder, "sleeps"), seconds=0.2).sign(key, b"x")


def test_a_signer_that_fails_once_is_asked_again(tmp_path: Path, folder: Path) -> None:
    key = opened(tmp_path, folder).log.public

    signature = signers.command(command(folder, "once"), seconds=60.0).sign(key, b"x")

    assert key.signed(b"x", signature)


@pytest.mark.parametrize("text", ["", "'"])
def test_a_command_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(EnvironmentUnfit, match="LADING_SIGNER_COMMAND"):
        signers.command(text, seconds=1.0)


def test_a_program_that_is_not_there_is_named_and_no_shell_runs(tmp_path: Path) -> None:
    missing = signers.command(f"{tmp_path}/nowhere; touch {tmp_path}/ran", seconds=60.0)

    with pytest.raises(SignerUnavailable, match="can't be started"):
        missing.public("log")
    assert not (tmp_path / "ran").exists()


class _Service(BaseHTTPRequestHandler):
    folder: Path
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_let_in = self.headers["Authorization"] == "Bearer let-me"
        status = self.status if is_let_in else 401
        answer = json.dumps(signer_program.answered(self.folder, json.loads(body))).encode() if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its word
        pass


@pytest.fixture
def service(folder: Path) -> Iterator[str]:
    handler = type("Handler", (_Service,), {"folder": folder})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sign"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_service_keeps_the_keys(tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNER_TOKEN", "let-me")
    settings = Settings(
        data_dir=tmp_path, signer_url=service, signer_token_ref="env:SIGNER_TOKEN", allowed_networks="127.0.0.0/8"
    )
    keys = signing.opened(settings)

    assert heads.verify(heads.sign("test/t/acme", 7, bytes(32), keys.log), keys.trust).size == 7

    monkeypatch.setenv("SIGNER_TOKEN", "wrong")
    with pytest.raises(SignerUnavailable, match="answered 401"):
        keys.log.sign(b"x")
    monkeypatch.delenv("SIGNER_TOKEN")
    with pytest.raises(SignerUnavailable, match="token of the signer"):
        keys.log.sign(b"x")


def test_a_service_is_called_only_where_the_operator_allows_it(tmp_path: Path, service: str) -> None:
    settings = Settings(data_dir=tmp_path, signer_url=service)

    with pytest.raises(SignerUnavailable, match="loopback address"):
        signing.opened(settings)
    with pytest.raises(EnvironmentUnfit, match="both set"):
        signing.opened(replace(settings, signer_command="x"))
    with pytest.raises(EnvironmentUnfit, match="no plain URL"):
        signing.opened(replace(settings, signer_url="https://user:secret@signer.example/"))


@pytest.fixture
async def tenant(database: Database) -> UUID:
    identifier = ids.new()
    async with database.connection() as connection:
        await connection.execute("INSERT INTO tenants VALUES (%s, 'acme', 'Acme')", (identifier,))
    return identifier


async def write(database: Database, tenant: UUID) -> None:
    async with database.tenant(tenant) as tx:
        await store.record(tx, Entry("job.started", "job_1", Actor("worker", "lse_1")))


async def head(database: Database, tenant: UUID) -> store.SignedHead | None:
    async with database.tenant(tenant) as tx:
        return await store.head(tx)


@pytest.mark.anyio
async def test_nothing_is_lost_or_signed_twice_differently_while_a_signer_is_away(
    database: Database, tenant: UUID, tmp_path: Path, folder: Path
) -> None:
    keys = opened(tmp_path, folder)
    away = replace(keys.log, store=load_or_create(
        tmp_path / "keys", "test", signers.command(command(folder, "dies"), seconds=60.0)
    ).store)  # fmt: skip
    await write(database, tenant)
    assert await integrate(database, away, origin_prefix="test") == 1
    with pytest.raises(SignerUnavailable, match="code 7"):
        await publishing.publish_unsigned(database, away)
    assert await head(database, tenant) is None
    await write(database, tenant)
    assert await integrate(database, away, origin_prefix="test") == 1

    published = await publishing.publish_unsigned(database, keys.log)
    again = await publishing.publish_unsigned(database, keys.log)
    await instance.append(database, keys.log, origin_prefix="test", seconds=0)
    await publishing.publish_instance(database, keys.log)
    await publishing.publish_instance(database, keys.log)

    found = await head(database, tenant)
    assert found is not None
    assert (published, again, heads.verify(found.note, keys.trust).size) == (1, 0, 2)
    async with database.tenant(tenant) as tx:
        assert heads.verify((await instance.head(tx)).note, keys.trust).size == 1
    asked = [base64.b64decode(each).decode() for each in (folder / "signed").read_bytes().split()]
    texts = [each for each in asked if each.startswith("test/")]
    sizes = Counter(tuple(each.split("\n")[:2]) for each in set(texts))
    assert max(sizes.values()) == 1  # one root for each log and size
