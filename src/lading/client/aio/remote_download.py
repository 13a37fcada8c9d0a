"""
The package of a remote job, until it is whole: connection after connection, each going on where the last one broke.

Such a server names no digest, and perhaps no size: what is here is whole when it reads as a package, every CRC of it.
Partial and its side file are those of every download, so that a later process goes on, too; what a job made does not
change, so its id stands for an entity tag where the server sends none.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx2

from lading.artifacts import sharedo as packages
from lading.client import retries
from lading.client.aio.ground import in_thread, sleep
from lading.client.aio.remote_calls import Calls
from lading.client.dialects.asking import Watching
from lading.client.partial import Mismatch, Partial, Version
from lading.client.retries import Retries
from lading.errors import DownloadFailed, LadingError, NotFound, PackageInvalid, TooLarge, Unauthenticated
from lading.wire import sharedo

TRIES: Final = 5
_PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
_ACCEPT: Final = frozenset({200, 206, 416}) | _PASSING


async def download(
    calls: Calls, job: str, target: Path, *, watching: Watching, most_bytes: int = sharedo.PACKAGE_BYTES
) -> Path:
    """
    Return `target` once it holds the package of `job`, read whole.

    DownloadFailed leaves no file under that name; what arrived is kept beside it for the next call.
    """
    partial = Partial(target, Version(), on_bytes=watching.on_bytes)
    await in_thread(partial.__enter__)
    try:
        await _fill(calls, job, partial, most_bytes)
        return await in_thread(partial.publish)
    except (NotFound, TooLarge):
        partial.restart()
        raise
    finally:
        partial.__exit__(None, None, None)


async def _fill(calls: Calls, job: str, partial: Partial, most_bytes: int) -> None:
    best, idle, damaged, patience = partial.size, 0, 0, Retries(most=TRIES)
    while True:
        fault = await _connection(calls, job, partial, most_bytes)
        may_be_all = partial.is_all_here or (partial.version.size is None and fault is None)
        flaw = await in_thread(_flaw, partial) if partial.size and may_be_all else fault
        if partial.size and may_be_all and flaw is None:
            return
        is_stuck = partial.size <= best
        idle, best = (idle + 1, best) if is_stuck else (0, partial.size)
        if may_be_all and (partial.version.size is not None or is_stuck):
            # All bytes are here and they are no package; where no size is told, those missing were asked for first.
            partial.restart()
            best, damaged = 0, damaged + 1
            if damaged > 1:
                raise DownloadFailed(
                    f"The package of remote job {job} arrived twice and is none. {flaw.message if flaw else ''}"
                )
        if idle >= TRIES:
            raise fault or DownloadFailed(f"{partial.target.name}: the connection broke {TRIES} times without a byte.")
        if idle:
            seconds = retries.pause(patience, idle, retry_after=None, chance=random.random())  # noqa: S311 - jitter
            await sleep(seconds or 0.0)


async def _connection(calls: Calls, job: str, partial: Partial, most_bytes: int) -> LadingError | None:
    """Write what one connection brings; return what ended it early, None when the server closed it in good order."""
    standing = f'"job-{job}"'
    headers = partial.headers()
    if headers.get("If-Range") == standing:
        del headers["If-Range"]
    try:
        async with calls.stream(sharedo.download_path(job), headers=headers, accept=_ACCEPT) as response:
            if response.status_code in _PASSING:
                return await calls.session.refusal(response)
            if response.status_code == 416:
                if partial.version.size is None:
                    return None
                partial.restart()
                return Mismatch(f"{partial.target.name}: the server says the file is shorter than it said before.")
            told = response.headers.copy()
            if partial.version.etag == standing or not told.get("ETag", "").startswith('"'):
                told["ETag"] = standing
            partial.accept(response.status_code, told)
            async for chunk in response.aiter_raw():
                if partial.size + len(chunk) > most_bytes:
                    raise TooLarge(f"The package of remote job {job} is over {most_bytes} bytes; so much is not taken.")
                partial.write(chunk)
    except httpx2.TransportError as error:
        return calls.session.unreachable(error)
    except (Mismatch, Unauthenticated) as error:
        return error
    return None


def _flaw(partial: Partial) -> PackageInvalid | None:
    """Return why what is here is no package; if it is one, its digest is the one that is published."""
    part = partial.target.with_name(partial.target.name + ".part")
    try:
        packages.inspect(part)
    except PackageInvalid as error:
        return error
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    partial.version = replace(partial.version, size=partial.size, sha256=digest)
    return None
