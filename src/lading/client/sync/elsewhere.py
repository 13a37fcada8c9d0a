# Made from lading/client/aio/elsewhere.py by scripts/sync_client.py; change it there.
"""
A file that the server does not hand out itself: the one redirect of a download, followed here.

Who asks is told to the server alone: no token goes along, and the address, which is a secret for as long as it is good,
stands in no log and no error.  What the server said of the file before it sent us away is what arrives, or it is an
error; how the other host names its version only tells whether a part of it may be continued.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx2

import lading
from lading.client.partial import Partial, version_of
from lading.client.sync import pools
from lading.client.sync.session import CONNECT_SECONDS, TIMEOUT_SECONDS, Session
from lading.errors import DownloadFailed

MOVED: Final = frozenset({301, 302, 303, 307, 308})
_ABOUT: Final = ("ETag", "Repr-Digest")
_OF_THE_ANSWER: Final = ("Content-Length", "Content-Range", "Content-Encoding")


@dataclass(slots=True)
class Seen:
    """What was seen of the other host in this download: which file there, and the tag that it has."""

    file: str = ""
    etag: str | None = None


@contextmanager
def answered(
    session: Session, moved: httpx2.Response, partial: Partial, seen: Seen
) -> Generator[tuple[httpx2.Response, Mapping[str, str]]]:
    """Give the answer of the host that `moved` leads to, and its headers with what the server said of the file."""
    url = _admitted(session, moved, partial)
    told = {name: moved.headers[name] for name in _ABOUT if name in moved.headers}
    if partial.size and not version_of(200, told).agrees(partial.version):
        partial.restart()
    file = str(url.copy_with(query=None))
    if seen.file != file:
        seen.file, seen.etag = file, None
    origin = pools.origin_of(file)
    pool = pools.take(origin)
    try:
        request = pool.http.build_request(
            "GET",
            file,
            headers={
                "Accept": "*/*",
                "Accept-Encoding": "identity",
                "User-Agent": f"lading/{lading.__version__}",
                **(session.target.headers() if origin == pools.origin_of(session.target.url) else {}),
                **_range(partial, seen),
            },
            timeout=httpx2.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
            # What is logged of a request is its URL: the secret is in the target alone.
            extensions={"target": url.raw_path},
        )
        response = pool.http.send(request, stream=True, follow_redirects=False)
        try:
            seen.etag = response.headers.get("ETag") or None
            heard = {name: response.headers[name] for name in _OF_THE_ANSWER if name in response.headers}
            own = {name: response.headers[name] for name in _ABOUT if name in response.headers}
            yield response, {**heard, **(told or own)}
        finally:
            response.close()
    finally:
        pools.hand_back(pool)


def _range(partial: Partial, seen: Seen) -> dict[str, str]:
    """Return what asks for what is missing; our entity tag means nothing there."""
    wanted = partial.headers().get("Range")
    if wanted is None:
        return {}
    # A weak tag proves nothing about bytes; without one the digest of the whole decides in the end.
    is_strong = seen.etag is not None and seen.etag.startswith('"')
    return {"Range": wanted, "If-Range": str(seen.etag)} if is_strong else {"Range": wanted}


def _admitted(session: Session, moved: httpx2.Response, partial: Partial) -> httpx2.URL:
    try:
        url = moved.request.url.join(moved.headers.get("Location", ""))
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    is_safe = url.scheme == "https" or (url.scheme == "http" and session.target.is_plain)
    if not is_safe or not url.host or url.userinfo:
        raise DownloadFailed(
            f"The server leads elsewhere for {partial.target.name}, to no address that is safe to ask."
        )
    return url
