"""
Measure the client: downloads beside curl, how soon an end is seen, what a command costs to start, a batch of exports.

    .venv/bin/python bench/client.py [--exports 200] [--ends 30] [--downloads 5] [--megabytes 256]

A `lading up` of its own with two workers serves the example organisations; client and server share the machine, so
every figure holds both.  Downloads are of one file from a server of this script's that sends from memory, by the
client (which hashes and syncs) and by curl (which does neither), in turns; the file of the client is checked.
The end of an export is seen against `ended_at`, the clock of the database within the transaction that ends it, so the
commit is in the time.  Start-up is CPU of the process, not time.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lading import settings as configuration
from lading.client.partial import Version
from lading.client.polling import Watcher
from lading.client.sync import waiting
from lading.client.sync.client import Client
from lading.client.sync.download import download
from lading.client.sync.session import Session
from lading.client.target import Target
from lading.wire.exports import ExportRequest
from lading.wiring import demo
from machine import description

_HERE = Path(__file__).parent
_BATCH = """
import re, resource, sys
from pathlib import Path
from lading.client import Client
from lading.wire.exports import ExportRequest
count, out, journal = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
peak = lambda: int(re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[0])
before = peak()
days = {"from": "2025-01-01", "to": "2025-01-07"}
requests = [ExportRequest(profile="bufdir", period=days, format="csv") for _ in range(count)]
with Client(journal=journal) as client:
    result = client.exports.batch(requests, folder=out, timeout=None)
usage = resource.getrusage(resource.RUSAGE_SELF)
print(result.succeeded, result.seconds, before, peak(), usage.ru_utime + usage.ru_stime)
"""


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, str]]:
    """Give URL and admin token of a whole Lading with the example organisations."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LADING_")}
    own = {"LADING_DATA_DIR": str(folder), "LADING_PORT": "0", "LADING_WORKERS": "2"}
    os.environ.update(own)
    command = [sys.executable, "-m", "lading.cli", "up"]
    process = subprocess.Popen(command, env={**kept, **own}, stdout=subprocess.PIPE, text=True)
    try:
        text = ""
        assert process.stdout is not None
        while not re.search(r"^\s*(ldg_\S+)", text, re.MULTILINE) or "http://" not in text:
            text += process.stdout.readline()
        url, token = re.findall(r"http://[\d.:]+", text)[0], re.findall(r"ldg_\S+", text)[0]
        demo.register(url, token, demo.load_example(configuration.from_environment()))
        yield url, token
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def file_server(data: bytes) -> Iterator[str]:
    """Give the URL of a server of one file, as Lading hands it out."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("ETag", f'"sha256-{digest}"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    digest = hashlib.sha256(data).hexdigest()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()


def downloads(arguments: argparse.Namespace, folder: Path) -> dict[str, str]:
    """Return how fast one file comes, by the client and by curl in turns."""
    data = os.urandom(1 << 20) * arguments.megabytes
    rates: dict[str, list[float]] = {"client": [], "curl": []}
    with file_server(data) as url:
        session = Session(Target(url))
        wanted = Version(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for number in range(arguments.downloads):
            began = time.perf_counter()
            download(session, "/file", folder / f"client{number}", wanted=wanted)
            rates["client"].append(arguments.megabytes / (time.perf_counter() - began))
            (folder / f"client{number}").unlink()
            began = time.perf_counter()
            subprocess.run(["curl", "-sSo", str(folder / "curl"), f"{url}/file"], check=True)
            rates["curl"].append(arguments.megabytes / (time.perf_counter() - began))
            (folder / "curl").unlink()
        session.close()
    best = {name: sorted(found)[len(found) // 2] for name, found in rates.items()}
    return {
        f"download of {arguments.megabytes} MiB, client (hashed, synced)": f"{best['client']:.0f} MiB/s",
        "the same by curl": f"{best['curl']:.0f} MiB/s; the client has {best['client'] / best['curl']:.2f} of it",
    }


def ends(arguments: argparse.Namespace, client: Client) -> dict[str, str]:
    """Return how soon after `ended_at` the end of an export is seen, in each way of following."""
    request = ExportRequest(profile="bufdir", period={"from": "2025-01-01", "to": "2025-01-07"}, format="csv")
    lags: dict[str, list[float]] = {"stream": [], "held looks": [], "paced looks": []}
    longest = waiting.LOOK_SECONDS
    for number in range(arguments.ends * len(lags)):
        way = list(lags)[number % len(lags)]
        client.session.pool.lets_streams_through = way == "stream"
        setattr(waiting, "_SHORTEST_LOOK", 2.0 if way != "paced looks" else longest + 1)  # noqa: B010 - it is private
        export = client.exports.submit(request).export
        seen: list[datetime] = []
        watcher = Watcher(on_complete=lambda _, seen=seen: seen.append(datetime.now(UTC)))
        export = client.exports.wait(export.id, timeout=None, watcher=watcher)
        assert export.ended_at is not None, export
        lags[way].append((seen[0] - datetime.fromisoformat(export.ended_at)).total_seconds())
    client.session.pool.lets_streams_through = True
    setattr(waiting, "_SHORTEST_LOOK", 2.0)  # noqa: B010 - as above
    return {f"end seen by {way} ({arguments.ends} exports)": _spread(sorted(found)) for way, found in lags.items()}


def _spread(lags: list[float]) -> str:
    p50, p99 = lags[len(lags) // 2], lags[min(len(lags) - 1, len(lags) * 99 // 100)]
    return f"p50 {1000 * p50:.0f} ms, p99 {1000 * p99:.0f} ms"


def starts() -> dict[str, str]:
    """Return the CPU that commands need to start."""
    found: dict[str, str] = {}
    for words in (["--help"], ["exports", "list"], ["exports", "batch", "--help"]):
        spent: list[float] = []
        for _ in range(7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            command = [str(Path(sys.executable).with_name("lading")), *words]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        found[f"CPU of `lading {' '.join(words)}`"] = f"{1000 * sorted(spent)[3]:.0f} ms"
    return found


def batch(arguments: argparse.Namespace, folder: Path) -> dict[str, str]:
    """Return what a batch takes, in a process of its own."""
    command = [sys.executable, "-c", _BATCH, str(arguments.exports), str(folder / "out"), str(folder / "journal")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    good, seconds, before, peak, cpu = map(float, done.stdout.split())
    return {
        f"batch of {arguments.exports} exports, 5 at once": f"{seconds:.1f} s, {good:.0f} completed and fetched",
        "memory of the process that asks": f"{peak / 1024:.0f} MB at most, {before / 1024:.0f} MB before",
        "CPU of the process that asks": f"{cpu:.1f} s, {1000 * cpu / arguments.exports:.0f} ms an export",
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exports", type=int, default=200)
    parser.add_argument("--ends", type=int, default=30)
    parser.add_argument("--downloads", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=256)
    arguments = parser.parse_args()
    print(f"{description()}\nload average {os.getloadavg()[0]:.1f}\n")
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=_HERE) as name, running(Path(name) / "data") as (url, token):
        os.environ.update({"LADING_URL": url, "LADING_TOKEN": token, "LADING_TENANT": "nordlys"})
        with Client(journal=None) as client:
            rows |= downloads(arguments, Path(name))
            rows |= ends(arguments, client)
            rows |= starts()
        rows |= batch(arguments, Path(name))
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    print(f"\nload average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
