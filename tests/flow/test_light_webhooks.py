"""Calls to webhooks that hang take no slot from an export."""

# E14, O9

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from lading import ids
from lading.ledger.entry import SYSTEM
from lading.settings import Settings
from lading.webhooks import rules, store
from lading.webhooks.vault import Vault
from tests.flow.organisation import Organisation, Worker

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

CALLS = 30
EACH = 8


@dataclass
class Hanging:
    """Somebody's server that answers nobody until it is released."""

    url: str = ""
    held: int = 0
    told: set[str] = field(default_factory=set[str])
    is_called: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    is_whole: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with made.lock:
                made.held += 1
                if made.held == EACH:
                    made.is_called.set()
            made.released.wait(300)
            with made.lock:
                made.held -= 1
                made.told.add(self.headers["webhook-id"])
                if len(made.told) == CALLS:
                    made.is_whole.set()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its word
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    made.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", worker_slots="1", allowed_networks="127.0.0.1/32", max_crashes=5)


async def test_an_export_is_made_while_every_webhook_hangs(
    acme: Organisation, settings: Settings, database_url: str, hanging: Hanging
) -> None:
    webhook_id, secret = ids.new(), base64.b64decode("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")
    sealed = Vault(settings.keys_dir).seal(secret, acme.tenant_id, webhook_id)
    asked = rules.Settings(url=hanging.url, topics=["exports"], timeout_seconds=30)
    async with acme.database.tenant(acme.tenant_id) as tx:
        await store.create(tx, webhook_id, asked, secret=sealed, actor=SYSTEM)
        for _ in range(CALLS):
            await store.test(tx, webhook_id, actor=SYSTEM)

    async with Worker(settings, database_url, LADING_ALLOWED_NETWORKS=settings.allowed_networks):
        assert await anyio.to_thread.run_sync(hanging.is_called.wait, 120)
        ended = await acme.end(await acme.submit(format="csv"))
        told = len(hanging.told)
        hanging.released.set()
        is_whole = await anyio.to_thread.run_sync(hanging.is_whole.wait, 240)

    assert (ended.status, told) == ("completed", 0)
    assert is_whole
