"""A webhook is told every event although workers are killed while it is."""

# E14

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil

from lading.client import Client
from lading.client.retries import Retries
from lading.wire.webhooks import WebhookRequest
from tests.flow.test_up import family

WANTED = 12
SOON = {"LADING_LEASE_SECONDS": "3", "LADING_HEARTBEAT_SECONDS": "1", "LADING_SWEEP_SECONDS": "0.5"}


def test_every_event_is_told_although_workers_are_killed(up) -> None:
    told: set[str] = set()
    is_whole = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.add(body["data"]["subject"])
            if len(told) >= WANTED:
                is_whole.set()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its word
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    tree = up(LADING_ALLOWED_NETWORKS="127.0.0.1/32", **SOON)

    patience = Retries(most=50, first_seconds=0.1, longest_seconds=0.5)
    with Client(tree.url, token=tree.token, tenant="instance", patience=patience) as client:
        client.webhooks.create(WebhookRequest(f"http://127.0.0.1:{server.server_address[1]}/", types=["key.created"]))
        for number in range(WANTED):
            client.session.call(
                "POST", "/api/v1/keys", body={"name": f"key {number}", "role": "viewer"}, idempotency_key=f"k{number}"
            )
            if number in {3, 7}:
                _worker(tree.process.pid).kill()
    server_is_whole = is_whole.wait(200)
    server.shutdown()
    server.server_close()

    assert server_is_whole


def _worker(tree: int) -> psutil.Process:
    """Return a worker of the tree, as soon as there is one: the last one was killed a moment ago."""
    while True:
        for name, process in family(tree).items():
            if name.startswith("worker"):
                return process
