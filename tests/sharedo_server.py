"""
A ShareDo export server that a test runs: it speaks the measured protocol over real HTTP, with its quirks as switches.

Its packages have the measured layout: `data/` and `files/` as entries of their own, deflated, a manifest with CRLF and
no byte order mark, names of data without their folder.  The same thing exported twice has the same data; manifests
differ in CreatedOn, Id and StorageFilename, as they do there.
"""

from __future__ import annotations

import base64
import io
import json
import re
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

CLIENT: Final = "lading-client"
SECRET: Final = "s3cret-that-nobody-may-see"
_JOBS: Final = "/api/modeller/importexport/export/package"
_PROGRESS: Final = re.compile(_JOBS + r"/([A-Za-z0-9-]+)/progress(/?)")
_JOB: Final = re.compile(_JOBS + r"/([A-Za-z0-9-]+)")
_DOWNLOAD: Final = re.compile(r"/modeller/__importexport/export/package/([A-Za-z0-9-]+)/download")

NEEDS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "matter": (("option-set", "matter-status"), ("participant-role", "client"), ("sharedo-type", "task")),
    "task": (("option-set", "task-status"), ("sharedo-type", "matter")),  # a cycle, as there are
}
"""What things need, by their name."""


@dataclass
class Quirks:
    """What the server does otherwise than a plain one."""

    token_seconds: int = 600
    tokens_good_for: int | None = None
    """After so many calls a token is refused with 401, whatever it said."""
    looks: int = 2
    """How many looks find a job running."""
    creating: int = 1
    """How many looks find it complete without its package."""
    fails: str = ""
    """How the job ends instead: PACKAGE CREATION FAILED, or `error` for an error beside a completed job."""
    fails_first: int = 0
    """Only so many jobs fail, from the first."""
    throttle: Sequence[int] = ()
    """Numbers of calls that are answered by 429 with Retry-After: 0."""
    retry_after: str = "0"
    broken: Mapping[int, int] = field(default_factory=dict[int, int])
    """Numbers of calls and the status that they are answered with."""
    id_field: str = "exportJobId"
    cut_downloads: Sequence[int] = ()
    """Of the first downloads, after how many bytes each breaks off."""
    has_ranges: bool = True
    has_length: bool = True
    has_etag: bool = False
    damaged: bool = False
    most_jobs: int = 10
    fallback: int = 200
    """The status of the route that answers at once."""
    is_chatty: bool = False
    """It says in its errors what it was sent, and has errors only."""
    hold: threading.Event | None = None
    """While it is not set, no job goes beyond its first step."""
    steps: int | None = None
    """How many things a package has; those that were asked for, if None."""
    extra_entries: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass
class Job:
    """One export job of the server."""

    id: str
    items: Sequence[Mapping[str, Any]]
    body: Mapping[str, Any]
    is_to_fail: bool
    looks: int = 0
    is_cancelled: bool = False
    package: bytes = b""

    @property
    def is_over(self) -> bool:
        """Tell whether it takes up no place any more."""
        return self.is_cancelled or bool(self.package)


class ShareDo:
    """A running server, its identity provider on the same port below /identity."""

    def __init__(self, quirks: Quirks | None = None) -> None:
        self.quirks = quirks or Quirks()
        self.jobs: dict[str, Job] = {}
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[tuple[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.tokens: dict[str, int] = {}
        self.downloads: list[tuple[str | None, int]] = []
        """Of each download the Range that was asked for, and the status that it got."""
        self.on_call: Callable[[str, str], None] = lambda _method, _path: None
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # pyright: ignore[reportAttributeAccessIssue]  # its way to be quiet
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sharedo", daemon=True).start()

    @property
    def url(self) -> str:
        """Return where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def identity(self) -> str:
        """Return where tokens come from."""
        return f"{self.url}/identity"

    def count(self, method: str, ending: str) -> int:
        """Return how many calls there were of that method whose path ends so."""
        return sum(each == method and path.rstrip("/").endswith(ending) for each, path in self.calls)

    def close(self) -> None:
        """End it."""
        if self.quirks.hold is not None:
            self.quirks.hold.set()
        self._server.shutdown()
        self._server.server_close()

    # --- what is answered -------------------------------------------------------------------------

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Return the answer to one call."""
        self.on_call(method, path)
        with self._lock:
            self.calls.append((method, path))
            self.headers.append(dict(headers))
            number, quirks = len(self.calls), self.quirks
            if path == "/identity/connect/token":
                return self._token(headers, body)
            if quirks.is_chatty:
                return _error(400, "Bad", f"You sent {headers.get('authorization', '')}")
            if number in quirks.throttle:
                return _error(429, "TooManyRequests", "Slow down", {"Retry-After": quirks.retry_after})
            if number in quirks.broken:
                return _error(quirks.broken[number], "Broken", "Something broke")
            if not self._knows(headers.get("authorization", "")):
                return _error(401, "Unauthorized", "The token has expired")
            return self._routed(method, path, headers, body)

    def _routed(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if method == "POST":
            given = json.loads(body)
            self.bodies.append((path, given))
            match path:
                case "/api/modeller/importexport/export/added":
                    return self._analysed(given)
                case "/api/modeller/importexport/export/package":
                    return self._submitted(given)
                case "/api/configuration/export":
                    return self._at_once(given)
                case _:
                    pass
        if method == "GET" and (found := _PROGRESS.fullmatch(path)) and found[2]:
            return self._progress(found[1])
        if method == "DELETE" and (found := _JOB.fullmatch(path)):
            return self._cancelled(found[1])
        if method == "GET" and (found := _DOWNLOAD.fullmatch(path)):
            return self._package(found[1], headers)
        return _error(404, "NotFound", f"No route {path}")

    def _token(self, headers: Mapping[str, str], body: bytes) -> Reply:
        form = parse_qs(body.decode())
        shown = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if headers.get("authorization") != f"Basic {shown}" or form.get("grant_type") != ["client_credentials"]:
            told = {"error_description": f"Not {headers.get('authorization')}"} if self.quirks.is_chatty else {}
            return _json({"error": "invalid_client"} | told, status=401)
        token = f"token-{len(self.tokens) + 1}"
        self.tokens[token] = 0
        return _json({"access_token": token, "expires_in": self.quirks.token_seconds, "token_type": "Bearer"})

    def _knows(self, authorization: str) -> bool:
        token = authorization.removeprefix("Bearer ")
        if token not in self.tokens:
            return False
        self.tokens[token] += 1
        most = self.quirks.tokens_good_for
        return most is None or self.tokens[token] <= most

    def _analysed(self, given: Mapping[str, Any]) -> Reply:
        name = given["selector"].get("systemName", "")
        needed = [{"systemName": provider, "selector": {"systemName": each}} for provider, each in NEEDS.get(name, ())]
        return _json({"dependencies": {"mandatory": needed, "recommended": []}})

    def _submitted(self, given: Mapping[str, Any]) -> Reply:
        if sum(not job.is_over for job in self.jobs.values()) >= self.quirks.most_jobs:
            return _error(429, "TooManyJobs", "Too many export jobs", {"Retry-After": self.quirks.retry_after})
        if not given.get("items"):
            return _error(400, "NoItems", "Nothing to export")
        fails = bool(self.quirks.fails) and (not self.quirks.fails_first or len(self.jobs) < self.quirks.fails_first)
        job = Job(str(uuid.uuid4()), given["items"], given, fails)
        self.jobs[job.id] = job
        return _json({self.quirks.id_field: job.id})

    def _progress(self, job_id: str) -> Reply:
        job, quirks = self.jobs.get(job_id), self.quirks
        if job is None:
            return _error(404, "NotFound", "No such job")
        if quirks.hold is None or quirks.hold.is_set():
            job.looks += 1
        if job.is_cancelled:
            return _json({"state": "CANCELLED", "percentage": 0, "complete": True, "packageAvailable": False})
        if job.looks <= quirks.looks:
            percent = 100 * job.looks / (quirks.looks + 1)
            current = [{"description": "Exporting forms..."}]
            return _json({"state": "RUNNING", "percentage": percent, "current": current, "queued": [],
                          "complete": False, "packageAvailable": False})  # fmt: skip
        if job.is_to_fail:
            told = {"state": "COMPLETE", "error": {"message": "Step 3 failed"}} if quirks.fails == "error" else {}
            return _json(
                {"state": quirks.fails, "percentage": 100, "complete": True, "packageAvailable": False, **told}
            )
        if job.looks <= quirks.looks + quirks.creating:
            return _json({"state": "COMPLETE", "percentage": 100, "complete": True, "packageAvailable": False})
        job.package = job.package or package(job.items, steps=quirks.steps, extra=quirks.extra_entries)
        if quirks.damaged:
            middle = len(job.package) // 2
            job.package = job.package[:middle] + b"\0" * 8 + job.package[middle + 8 :]
        return _json({"state": "COMPLETE", "percentage": 100, "complete": True, "packageAvailable": True})

    def _cancelled(self, job_id: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None:
            return _error(404, "NotFound", "No such job")
        job.is_cancelled = not job.package  # what is made stays: cancelling is best effort
        return Reply(204)

    def _package(self, job_id: str, headers: Mapping[str, str]) -> Reply:
        job, quirks = self.jobs.get(job_id), self.quirks
        if job is None or not job.package:
            return _error(404, "NotFound", "No such package")
        told = {"Content-Type": "application/zip",
                "Content-Disposition": "attachment; filename=export-VeryBasic-2026-01-01T00_00_00.zip"}  # fmt: skip
        told |= {"ETag": f'"{job_id}"'} if quirks.has_etag else {}
        asked = headers.get("range")
        found = re.fullmatch(r"bytes=(\d+)-", asked or "")
        start = int(found[1]) if found and quirks.has_ranges else 0
        cut = quirks.cut_downloads[len(self.downloads)] if len(self.downloads) < len(quirks.cut_downloads) else None
        if start >= len(job.package):
            self.downloads.append((asked, 416))
            return Reply(416, {"Content-Range": f"bytes */{len(job.package)}"})
        status = 206 if found and quirks.has_ranges else 200
        self.downloads.append((asked, status))
        body = job.package[start:]
        if status == 206:
            told |= {"Content-Range": f"bytes {start}-{len(job.package) - 1}/{len(job.package)}"}
        return Reply(status, told, body, cut=cut, has_length=quirks.has_length)

    def _at_once(self, given: Mapping[str, Any]) -> Reply:
        if self.quirks.fallback != 200:
            return _error(self.quirks.fallback, "FallbackFailed", "The fallback failed too")
        return _json({"workTypeSystemName": given["workTypeSystemName"], "configuration": {"a": 1}})


@dataclass(frozen=True)
class Reply:
    """What is answered; with `cut` only so many bytes of the body come, without `has_length` nobody says how many."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    cut: int | None = None
    has_length: bool = True


def _json(value: Any, *, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(value).encode())


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    body = {"error": {"code": code, "message": message, "details": None}, "statusCode": status,
            "timestamp": "2026-01-01T00:00:00.0000000Z"}  # fmt: skip
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body).encode())


def package(
    items: Sequence[Mapping[str, Any]],
    *,
    steps: int | None = None,
    extra: Mapping[str, bytes] | None = None,
    created: str = "2026-01-01T00:00:00.0000000Z",
) -> bytes:
    """Return a package in the measured layout with a step for each of `items`, or with so many of one."""
    if steps is not None:
        items = [
            {"systemName": "option-set", "selector": {"systemName": f"set-{number:04}"}} for number in range(steps)
        ]
    made = [_step(item) for item in items]
    known = {(step["ExportProviderSystemName"], name): step["Id"] for step, name, _ in made}
    for step, name, _ in made:
        step["Dependencies"]["Mandatory"] = [
            {"PackageStepId": known.get((provider, each)),
             "Dependency": {"SystemName": provider, "Reason": "Used", "Description": each,
                            "Selector": {"SystemName": each}, "AdditionalData": None}}
            for provider, each in NEEDS.get(name, ())
        ]  # fmt: skip
    manifest = {
        "Name": "VeryBasic", "CreatedBy": "lading", "ExportedFrom": "https://demo.example.org", "CreatedOn": created,
        "SharedoVersion": {"Major": 7, "Minor": 9, "Build": 0, "Revision": 0, "MajorRevision": 0, "MinorRevision": 0},
        "Files": [], "ExportedSteps": [step for step, _, _ in made],
    }  # fmt: skip
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in ("data/", "files/"):
            archive.writestr(_entry(folder, zipfile.ZIP_STORED), b"")
        text = json.dumps(manifest, indent=2).replace("\n", "\r\n")
        archive.writestr(_entry("manifest.json"), text.encode(), zipfile.ZIP_DEFLATED)
        for step, _, data in made:
            archive.writestr(_entry(f"data/{step['StorageFilename']}"), data, zipfile.ZIP_DEFLATED)
        for name, content in (extra or {}).items():
            archive.writestr(_entry(name), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def _entry(name: str, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    entry.create_system, entry.compress_type = 0, method
    return entry


def _step(item: Mapping[str, Any]) -> tuple[dict[str, Any], str, bytes]:
    provider, selector = item["systemName"], item["selector"]
    name, number = str(selector.get("systemName", "thing")), str(uuid.uuid4())
    # As large as real ones, so that downloads have a middle; the same in every export of the same thing.
    data = {"SystemName": name, "Provider": provider,
            "Aspects": [{"Id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{provider}/{name}/{each}")), "Order": each}
                        for each in range(400)]}  # fmt: skip
    step = {
        "Id": number, "Description": f"{name.title()} ({provider})", "ExportProviderSystemName": provider,
        "ExportProviderSelectorJson": json.dumps({"systemName": name}),
        "StorageFilename": f"{provider}-{name}-{number}.json", "Dependencies": {"Recommended": [], "Mandatory": []},
    }  # fmt: skip
    return step, name, json.dumps(data).encode()


def _handler(server: ShareDo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(self.command, urlsplit(self.path).path, headers, body)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204 and reply.has_length:
                self.send_header("Content-Length", str(len(reply.body)))
            if not reply.has_length or reply.cut is not None:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(reply.body[: reply.cut])

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def do_DELETE(self) -> None:
            self._do()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            pass

    return Handler


@contextmanager
def sharedo(**quirks: Any) -> Iterator[ShareDo]:
    """Run a server until the end of the block."""
    server = ShareDo(Quirks(**quirks))
    try:
        yield server
    finally:
        server.close()
