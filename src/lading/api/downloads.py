"""
A file handed out over HTTP: ranges, conditions and digests of RFC 9110 and RFC 9530.

Files never change, so the strong entity tag is their SHA-256.  One range is answered with 206; several at once are
answered with the whole file, which RFC 9110 allows and no client of a package needs otherwise.  Never compressed: the
bytes on the wire are the bytes whose digest was published.

A download is counted and recorded before its first byte, its export is kept until its last, and one that breaks off is
recorded with how far it came.  So many at once, and each for so long, as the settings say.

A file that lies in a bucket passes through, compared with its digest on the way, or is answered by a redirect to a URL
that is made at this click and good for a short while.  Of that one the ledger has the click.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote
from uuid import UUID

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from lading.api import answers, documents, problems
from lading.artifacts.blobs import Reading
from lading.errors import NotFound, StorageFailed, TooSlow
from lading.exports.handouts import RENEW_SECONDS, Handout, Span
from lading.exports.service import ArtifactFile, ExportService
from lading.tenants.model import Principal

T = TypeVar("T")
_CHUNK: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)
_LONGEST_NAME: Final = 200
_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)

_HEADERS: Final[dict[str, Any]] = {
    "ETag": documents.header("The SHA-256 of the whole file.", '"sha256-9f2c…"'),
    "Repr-Digest": documents.header("The same as RFC 9530 writes it.", "sha-256=:nyw…=:"),
    "Content-Disposition": documents.header("The name to save it under.", 'attachment; filename="report.zip"'),
    "Accept-Ranges": documents.header("Ranges of bytes can be asked for.", "bytes"),
}
_BYTES: Final = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The whole file.", "content": _BYTES, "headers": _HEADERS},
    206: {
        "description": "The range that was asked for.",
        "content": _BYTES,
        "headers": {**_HEADERS, "Content-Range": documents.header("Which bytes these are.", "bytes 10-99/100")},
    },
    304: {"description": "The caller has this file already.", "headers": _HEADERS},
    307: {
        "description": "The bucket has it; send the range you want there, and nothing else.",
        "headers": {**_HEADERS, "Location": documents.header("Good for a short while.", "https://bucket.example/…")},
    },
    **documents.problems(404, 416, 429),
}
DOCUMENT_HEAD: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Its size, type and digest.", "headers": _HEADERS},
    304: {"description": "The caller has this file already.", "headers": _HEADERS},
    **documents.problems(404),
}


_AWAY: Final = ThreadPoolExecutor(64, "bucket")
_ENDING: Final[set[asyncio.Future[None]]] = set()  # so that nobody collects them before they are done


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request says about what the caller has already, and which part it wants."""

    if_none_match: str | None
    range: str | None
    if_range: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """Who asks for a file, for whom, and under which link; `place` finds the export that hands it out, and its name."""

    principal: Principal
    tenant_id: UUID
    place: Callable[[], Awaitable[tuple[UUID, str]]]
    link: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """The file under that name, as it was when it was looked up."""

    export_id: UUID
    name: str
    file: ArtifactFile


class Unsatisfiable(Exception):
    """The range lies outside of the file."""


def span(header: str | None, size: int) -> Span | None:
    """
    Return the one range that `header` asks for, None when it asks for none that we answer; raise Unsatisfiable.

    >>> span("bytes=2-4", 10), span("bytes=-3", 10), span("bytes=8-99", 10), span("bytes=0-1,4-5", 10)
    (Span(first=2, end=5), Span(first=7, end=10), Span(first=8, end=10), None)
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        wanted = Span(size - length, size)
    else:
        last = int(found[2]) if found[2] else size - 1
        if last < int(found[1]) and found[2]:
            return None
        wanted = Span(int(found[1]), min(last + 1, size))
    if wanted.first >= size or wanted.first >= wanted.end:
        raise Unsatisfiable
    return wanted


def head(file: ArtifactFile, *, if_none_match: str | None) -> Response:
    """Return what a download would be, without its bytes."""
    headers = _describe(file)
    if answers.matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(status_code=200, headers={**headers, "Content-Length": str(file.size)}, media_type=file.media_type)


async def answer(exports: ExportService, order: Order, given: Conditions, request_id: str) -> Response:
    """Hand out the file or one range of it, or say why there are no bytes (304, 416)."""
    found = await _find(exports, order)
    file = found.file
    headers = _describe(file)
    if answers.matches(given.if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        wanted = _wanted(file, given)
    except Unsatisfiable:
        return problems.problem(
            "range-not-satisfiable",
            f"The file has {file.size} bytes and the range begins behind them; ask for less.",
            request_id,
            headers={"Content-Range": f"bytes */{file.size}", "ETag": headers["ETag"]},
        )
    part = wanted or Span(0, file.size)
    # The bucket knows nothing of our entity tags: to who has another file, all of this one goes through here.
    if file.is_away and exports.url_seconds is not None and _is_same(file, given):
        return await _redirect(exports, order, found, part, headers)
    exports.crowd.enter(order.tenant_id)
    try:
        opened, handout = await _begin(exports, order, found, part)
    except BaseException:
        exports.crowd.leave(order.tenant_id)
        raise
    headers["Content-Length"] = str(part.end - part.first)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{file.size}"
    outgoing = Outgoing(exports, handout, opened, part, file)
    return outgoing.response(200 if wanted is None else 206, headers, file.media_type)


async def _find(exports: ExportService, order: Order) -> _Found:
    export_id, name = await order.place()
    return _Found(export_id, name, await exports.artifact_facts(order.tenant_id, export_id, name))


async def _begin(exports: ExportService, order: Order, found: _Found, part: Span) -> tuple[Reading, Handout]:
    """
    Open the file, then count and record; StorageFailed when what lies there is not what was published.

    What was unpublished or put elsewhere since it was looked up is looked up once more: that is no fault of the disk.
    """
    try:
        return await _try(exports, order, found, part)
    except (StorageFailed, NotFound):
        return await _try(exports, order, await _find(exports, order), part)


async def _try(exports: ExportService, order: Order, found: _Found, part: Span) -> tuple[Reading, Handout]:
    file = found.file
    with _unnamed(file):
        opened = await _run(file, lambda: exports.blobs.reading(file.blob_key, part.first, part.end, size=file.size))
    try:
        handout = await exports.hand_out(
            order.principal, order.tenant_id, found.export_id, found.name, part, link=order.link
        )
    except BaseException:
        opened.close()
        raise
    return opened, handout


async def _redirect(
    exports: ExportService, order: Order, found: _Found, part: Span, headers: dict[str, str]
) -> Response:
    """Send the client to the bucket once the download is counted and recorded."""
    file, seconds = found.file, exports.url_seconds
    exports.crowd.enter(order.tenant_id)
    try:
        with _unnamed(file):
            if not await _run(
                file, lambda: exports.blobs.seems_whole(file.blob_key, size=file.size, sha256=file.sha256)
            ):
                raise StorageFailed(f"The bucket has not the file {file.blob_key} as it was published.")
        await exports.hand_out(
            order.principal,
            order.tenant_id,
            found.export_id,
            found.name,
            part,
            link=order.link,
            url_seconds=seconds,
        )
        with _unnamed(file):
            url = await _run(file, lambda: _url(exports, file))
    finally:
        exports.crowd.leave(order.tenant_id)
    # The URL is a secret for as long as it is good: nobody keeps it.
    secret = {"Location": url, "Cache-Control": "no-store"}
    return Response(status_code=307, headers={**headers, **secret}, media_type=file.media_type)


def _url(exports: ExportService, file: ArtifactFile) -> str:
    bucket = exports.blobs.bucket
    if bucket is None or exports.url_seconds is None:
        raise StorageFailed("No bucket is set any more; name it again in LADING_ARTIFACTS.")
    return bucket.url(
        file.blob_key,
        seconds=exports.url_seconds,
        disposition=disposition(file.name),
        media_type=file.media_type,
    )


@contextmanager
def _unnamed(file: ArtifactFile) -> Generator[None]:
    """Keep from who downloads where files are kept; the log has it."""
    try:
        yield
    except StorageFailed as error:
        raise StorageFailed(f"The file {file.name} can't be had from where it is kept; tell the operator.") from error


async def _run(file: ArtifactFile, work: Callable[[], T]) -> T:
    """Return what `work` on the file returns; a bucket that hangs keeps no thread that others need."""
    if file.is_away:
        return await asyncio.get_running_loop().run_in_executor(_AWAY, work)
    return await asyncio.to_thread(work)


class Outgoing:
    """A file on its way to one client."""

    def __init__(
        self, exports: ExportService, handout: Handout, opened: Reading, part: Span, file: ArtifactFile
    ) -> None:
        self._exports: Final = exports
        self._file: Final = file
        is_all = (part.first, part.end) == (0, file.size)
        self._hash: Final = hashlib.sha256() if file.is_away and is_all else None
        self._handout: Final = handout
        self._opened: Final = opened
        self._part: Final = part
        self._sent = 0
        self._is_whole = False

    def response(self, status: int, headers: dict[str, str], media_type: str) -> Response:
        """Return the answer that sends it."""
        return _Kept(self, status, headers, media_type)

    @property
    def seconds(self) -> float:
        """Return how long it may take: a client that reads byte by byte keeps its export from expiring."""
        return self._exports.download_seconds

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes; what was yielded and asked beyond has left."""
        left = self._part.end - self._part.first
        while left > 0:
            wanted = min(_CHUNK, left)
            chunk = await _run(self._file, lambda: self._opened.read(wanted))  # noqa: B023 - awaited at once
            if not chunk:
                raise StorageFailed("The file ended early.")
            left -= len(chunk)
            self._compare(chunk, left)
            yield chunk
            # A server swallows what is sent after the client went; here whoever watches for that may tell first.
            await asyncio.sleep(0)
            self._sent += len(chunk)
        self._is_whole = True

    def _compare(self, chunk: bytes, left: int) -> None:
        """Keep the last bytes back when those that a bucket gave are not what was published."""
        if self._hash is not None:
            self._hash.update(chunk)
            if not left and self._hash.hexdigest() != self._file.sha256:
                raise StorageFailed(f"The bucket has other bytes as {self._file.name} than were published.")

    async def renew(self) -> None:
        """Keep the export, however slowly the client reads."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._exports.renew(self._handout)

    def end(self) -> asyncio.Future[None]:
        """Let go of file and export, and record a cut; goes on when whoever waits for it is cancelled."""
        self._opened.close()
        self._exports.crowd.leave(self._handout.tenant_id)
        ending = asyncio.ensure_future(self._exports.end(self._handout, sent=self._sent, is_whole=self._is_whole))
        _ENDING.add(ending)
        ending.add_done_callback(_ENDING.discard)
        return ending


class _Kept(StreamingResponse):
    """The answer with an outgoing file, which ends what was begun, however it ends itself."""

    def __init__(self, outgoing: Outgoing, status: int, headers: dict[str, str], media_type: str) -> None:
        super().__init__(outgoing.chunks(), status, headers, media_type)
        self._outgoing: Final = outgoing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        renewing = asyncio.ensure_future(self._outgoing.renew())
        try:
            async with asyncio.timeout(self._outgoing.seconds):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            raise TooSlow("The download took longer than it may; resume it.") from None
        finally:
            renewing.cancel()
            await asyncio.shield(self._outgoing.end())


def disposition(name: str) -> str:
    r"""
    Return the Content-Disposition that saves as `name` (RFC 6266), plain where it can be.

    Whatever could leave a folder, end a header or hide in a name becomes `_`.

    >>> disposition("report.zip")
    'attachment; filename="report.zip"'
    >>> print(disposition("årsrapport 2025.zip"))
    attachment; filename="_rsrapport_2025.zip"; filename*=UTF-8''%C3%A5rsrapport%202025.zip
    >>> print(disposition('../a"b\r\n.zip'))
    attachment; filename="_.._a_b__.zip"; filename*=UTF-8''_.._a%22b__.zip
    """
    if _PLAIN.fullmatch(name) and not name.startswith("."):
        return f'attachment; filename="{name}"'
    safe = "".join(each if each.isprintable() and each not in "/\\" else "_" for each in name)[:_LONGEST_NAME] or "_"
    safe = f"_{safe}" if safe.startswith(".") else safe
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", safe)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def _describe(file: ArtifactFile) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {
        "ETag": f'"sha256-{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(file.name),
        "Cache-Control": "private, no-transform, max-age=0, must-revalidate",
    }


def _is_same(file: ArtifactFile, given: Conditions) -> bool:
    """Tell whether a range of this file is what the caller wants; not if he has a part of another one."""
    # If-Range needs a strong match; a date or a weak tag can't prove that it is the same file.
    return given.if_range is None or given.if_range.strip() == f'"sha256-{file.sha256}"'


def _wanted(file: ArtifactFile, given: Conditions) -> Span | None:
    return span(given.range, file.size) if _is_same(file, given) else None
