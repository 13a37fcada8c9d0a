# Made from lading/client/aio/download.py by scripts/sync_client.py; change it there.
"""
Download one file until it is whole: connection after connection, each going on where the last one broke.

Gives up after `TRIES` connections in a row that brought nothing.  What the bytes are, `client.partial` decides.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx2

from lading.client import faults, retries
from lading.client.partial import Mismatch, Partial, Version, is_already
from lading.client.retries import Retries
from lading.client.sync.elsewhere import MOVED, Seen, answered
from lading.client.sync.ground import in_thread, sleep
from lading.client.sync.session import Session
from lading.errors import DownloadFailed, LadingError, NotFound

TRIES: Final = 5
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_ACCEPT: Final = frozenset({200, 206, 416}) | _PASSING | MOVED


def download(
    session: Session,
    path: str,
    target: Path,
    *,
    wanted: Version | None = None,
    on_bytes: Callable[[int, int | None], None] | None = None,
) -> Path:
    """
    Return `target` once it holds the file at `path`, checked against the server's digest.

    `on_bytes` is told the bytes so far and the size, if it is known.  A `target` that is the file already is kept.
    DownloadFailed leaves no file under that name; what arrived is kept beside it for the next call.
    """
    expected = wanted or Version()
    if in_thread(is_already, target, expected):
        return target
    partial = Partial(target, expected, on_bytes=on_bytes)
    in_thread(partial.__enter__)
    try:
        _fill(session, path, partial)
        return in_thread(partial.publish)
    except NotFound:
        partial.restart()
        raise
    finally:
        partial.__exit__(None, None, None)


def _fill(session: Session, path: str, partial: Partial) -> None:
    seen = Seen()
    best, idle, damaged, patience = partial.size, 0, 0, Retries(most=TRIES)
    while not partial.is_complete:
        fault, asked = _connection(session, path, partial, seen)
        if partial.is_complete:
            return
        idle, best = (0, partial.size) if partial.size > best else (idle + 1, best)
        if partial.is_all_here or (fault is None and partial.version.size is None):
            partial.restart()
            damaged += 1
            if damaged > 1:
                raise _damaged(partial)
        seconds = retries.pause(patience, max(idle, 1), retry_after=asked, chance=random.random())  # noqa: S311 - jitter
        if idle >= TRIES or seconds is None:
            raise fault or DownloadFailed(f"{partial.target.name}: the connection broke {TRIES} times without a byte.")
        if idle:
            sleep(seconds)


def _connection(session: Session, path: str, partial: Partial, seen: Seen) -> tuple[LadingError | None, float | None]:
    """
    Write what one connection brings, and return what ended it early with the seconds that the server asked to wait.

    Nothing ended it early when the server closed it in good order.
    """
    try:
        with session.stream(path, headers=partial.headers(), accept=_ACCEPT) as response:
            if response.status_code in _PASSING:
                asked = retries.retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
                return session.refusal(response), asked
            if response.status_code == 416:
                partial.restart()
                shorter = f"{partial.target.name}: the server says the file is shorter than what arrived of it."
                return Mismatch(shorter), None
            if response.status_code in MOVED:
                with answered(session, response, partial, seen) as (moved, about):
                    return _moved(moved, about, partial), None
            _write(response, response.headers, partial)
    except httpx2.RequestError as error:  # the network's, and redirects that lead in a circle
        return faults.unreachable(session.target.url, error), None
    except Mismatch as error:
        return error, None
    return None, None


def _moved(response: httpx2.Response, about: Mapping[str, str], partial: Partial) -> LadingError | None:
    """Write what another host brings; its refusals pass: the server has a fresh address for who asks again."""
    if response.status_code in {200, 206}:
        _write(response, about, partial)
        return None
    if response.status_code == 416:
        partial.restart()
    return DownloadFailed(
        f"{partial.target.name}: {response.request.url.host}, which keeps the file, answered {response.status_code}. "
        "Try again, and ask the operator to run `lading doctor` if it stays so."
    )


def _write(response: httpx2.Response, about: Mapping[str, str], partial: Partial) -> None:
    partial.accept(response.status_code, about)
    if partial.version.sha256 is None:
        raise DownloadFailed(f"The server names no digest for {partial.target.name}; it can't be checked.")
    # As the network brings it: chunks of a fixed size would lose what was read of the last one at every break.
    for chunk in response.iter_raw():
        partial.write(chunk)


def _damaged(partial: Partial) -> DownloadFailed:
    return DownloadFailed(
        f"{partial.target.name}: the bytes that arrived do not have the digest the server named; "
        "they were dropped. Download again, and ask the operator to check the storage if it stays so."
    )
