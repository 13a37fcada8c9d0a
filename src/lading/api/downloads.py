"""
A file handed out over HTTP: ranges, conditions and digests of RFC 9110 and RFC 9530.

Files never change, so the strong entity tag is their SHA-256.  One range is answered with 206; several at once are
answered with the whole file, which RFC 9110 allows and no client of a package needs otherwise.  Never compressed: the
bytes on the wire are the bytes whose digest was published.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from lading.api import answers, documents, problems
from lading.errors import StorageFailed
from lading.exports.service import ArtifactFile

_CHUNK: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)
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
    **documents.problems(404, 416),
}
DOCUMENT_HEAD: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Its size, type and digest.", "headers": _HEADERS},
    304: {"description": "The caller has this file already.", "headers": _HEADERS},
    **documents.problems(404),
}


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `first` to before `end`."""

    first: int
    end: int


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


def without_body(
    file: ArtifactFile, request_id: str, *, if_none_match: str | None, range_: str | None, if_range: str | None
) -> Response | None:
    """Return the answer to a request that gets no bytes (304, 416), None when it gets some."""
    headers = _describe(file)
    if answers.matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    try:
        _wanted(file, range_, if_range)
    except Unsatisfiable:
        return problems.problem(
            "range-not-satisfiable",
            f"The file has {file.size} bytes and the range begins behind them; ask for less.",
            request_id,
            headers={"Content-Range": f"bytes */{file.size}", "ETag": headers["ETag"]},
        )
    return None


async def stream(
    file: ArtifactFile, again: Callable[[], Awaitable[ArtifactFile]], *, range_: str | None, if_range: str | None
) -> Response:
    """
    Return the file or one range of it; StorageFailed when what lies there is not what was published.

    `again` looks the file up once more: one that was unpublished or put elsewhere meanwhile is no fault of the disk.
    """
    wanted = _wanted(file, range_, if_range)
    try:
        opened = await asyncio.to_thread(_open, file)
    except StorageFailed:
        now = await again()
        if now.path == file.path:
            raise
        opened = await asyncio.to_thread(_open, now)
    headers = _describe(file)
    part = wanted or Span(0, file.size)
    headers["Content-Length"] = str(part.end - part.first)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.first}-{part.end - 1}/{file.size}"
    return StreamingResponse(_chunks(opened, part), 200 if wanted is None else 206, headers, file.media_type)


def disposition(name: str) -> str:
    """
    Return the Content-Disposition that saves as `name` (RFC 6266), plain where it can be.

    >>> disposition("report.zip")
    'attachment; filename="report.zip"'
    >>> print(disposition("årsrapport 2025.zip"))
    attachment; filename="_rsrapport_2025.zip"; filename*=UTF-8''%C3%A5rsrapport%202025.zip
    """
    if _PLAIN.fullmatch(name):
        return f'attachment; filename="{name}"'
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _describe(file: ArtifactFile) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {
        "ETag": f'"sha256-{file.sha256}"',
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(file.name),
        "Cache-Control": "private, no-transform, max-age=0, must-revalidate",
    }


def _wanted(file: ArtifactFile, range_: str | None, if_range: str | None) -> Span | None:
    # If-Range needs a strong match; a date or a weak tag can't prove that it is the same file.
    if if_range is not None and if_range.strip() != f'"sha256-{file.sha256}"':
        return None
    return span(range_, file.size)


def _open(file: ArtifactFile) -> BufferedReader:
    try:
        opened = file.path.open("rb")
    except OSError:
        raise StorageFailed(f"The file {file.name} is not where it was kept; tell the operator.") from None
    if os.fstat(opened.fileno()).st_size != file.size:
        opened.close()
        raise StorageFailed(f"The file {file.name} has not the size it was published with; tell the operator.")
    return opened


async def _chunks(opened: BufferedReader, part: Span) -> AsyncIterator[bytes]:
    left = part.end - part.first
    try:
        await asyncio.to_thread(opened.seek, part.first)
        while left > 0:
            chunk = await asyncio.to_thread(opened.read, min(_CHUNK, left))
            if not chunk:
                raise StorageFailed("The file ended early.")
            left -= len(chunk)
            yield chunk
    finally:
        opened.close()
