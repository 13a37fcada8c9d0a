"""
A remote export server: ask for configuration, follow the job, fetch its package, or have it another way.

One of these is one pool of connections and one token.  Nothing is served from a cache.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2

from lading.artifacts import sharedo as packages
from lading.client import faults
from lading.client.aio.ground import in_thread
from lading.client.aio.remote_calls import Calls
from lading.client.aio.remote_download import download
from lading.client.aio.remote_waiting import wait
from lading.client.aio.session import TIMEOUT_SECONDS
from lading.client.dialects import rendering
from lading.client.dialects.asking import Credentials, Exported, Wanted, Watching
from lading.client.retries import Retries
from lading.errors import (
    Conflict,
    ExportEndedBadly,
    InvalidInput,
    LadingError,
    NotFound,
    RecoveryFailed,
    TooLarge,
    WaitTimeout,
)
from lading.wire import sharedo
from lading.wire.sharedo import Item, Needed, Progress

_QUIET: Final = Watching()


class AsyncRemote:
    """A server, its identity provider and who asks, to be used as a context manager."""

    def __init__(
        self,
        base_url: str,
        identity_url: str,
        credentials: Credentials,
        *,
        created_by: str = "",
        config_name: str = sharedo.CONFIG_NAME,
        timeout: float = TIMEOUT_SECONDS,
        patience: Retries | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._calls = Calls(
            base_url, identity_url, credentials, timeout=timeout, patience=patience, transport=transport
        )
        self._created_by = created_by
        self._config_name = config_name

    async def __aenter__(self) -> Self:
        """Return the remote itself."""
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._calls.close()

    async def analyse(self, item: Item) -> Needed:
        """Return what a thing needs."""
        return await self._calls.fetch(
            sharedo.needed_of, "POST", sharedo.ANALYSE, body=item.to_json(), changes_nothing=True
        )

    async def items(self, wanted: Wanted) -> list[Item]:
        """Return what is to be exported: the thing, and all that it cannot do without if that is wanted."""
        found = {(first := wanted.item()).mark: first}
        waiting = [first] if wanted.with_dependencies else []
        while waiting:
            for item in (await self.analyse(waiting.pop())).mandatory:
                if item.mark in found:
                    continue
                if len(found) >= sharedo.MOST_ITEMS:
                    raise TooLarge(
                        f"{wanted.name} needs more than {sharedo.MOST_ITEMS} other things; export it without them."
                    )
                found[item.mark] = item
                waiting.append(item)
        return list(found.values())

    async def submit(self, wanted: Wanted) -> str:
        """Return the id of the job that makes the package."""
        try:
            body = sharedo.submission(
                await self.items(wanted),
                config_name=self._config_name,
                created_by=self._created_by,
                options=sharedo.options_of(
                    with_dependencies=wanted.with_dependencies,
                    with_history=wanted.with_history,
                    form=wanted.form,
                    compression=wanted.compression,
                ),
            )
            return await self._calls.fetch(sharedo.job_of, "POST", sharedo.SUBMIT, body=body)
        except LadingError as error:
            raise faults.in_creation(error) from error.__cause__

    async def progress(self, job: str) -> Progress:
        """Return how far a job is."""
        return await self._calls.fetch(sharedo.parse_progress, "GET", sharedo.progress_path(_checked(job)))

    async def wait(
        self, job: str, *, timeout: float = sharedo.DEADLINE_SECONDS, watching: Watching = _QUIET
    ) -> Progress:
        """Return the progress of the job once its package is there; ExportEndedBadly if there will be none."""
        return await wait(self._calls, _checked(job), timeout=timeout, watching=watching)

    async def cancel(self, job: str) -> bool:
        """Ask the server to stop a job, and return whether it knows it; what it has begun it may finish."""
        try:
            await self._calls.call("DELETE", sharedo.cancel_path(_checked(job)))
        except (NotFound, Conflict):
            return False
        return True

    async def download(self, job: str, target: Path, *, watching: Watching = _QUIET) -> Path:
        """Return `target` once it holds the package of the job, whole; what breaks off goes on with the next call."""
        try:
            return await download(self._calls, _checked(job), target, watching=watching)
        except LadingError as error:
            raise faults.in_download(error) from error.__cause__

    async def at_once(self, wanted: Wanted) -> Any:
        """Return what the route answers that needs no job: one JSON document, of work types alone."""
        body = sharedo.fallback_body(wanted.name)
        return await self._calls.fetch(_anything, "POST", sharedo.FALLBACK, body=body, changes_nothing=True)

    async def export(
        self, wanted: Wanted, folder: Path, *, timeout: float | None = None, watching: Watching = _QUIET
    ) -> Exported:
        """
        Return what was exported to `folder`, checked.

        Without a `timeout` the job is waited for the usual time, then once more for twice that.  When the job fails, a
        work type is asked for by the other route; if that fails too, RecoveryFailed carries both causes.
        """
        wanted.item()  # what can't be asked for is refused before anything is sent
        try:
            job = await self.submit(wanted)
            if watching.on_submitted is not None:
                watching.on_submitted(job)
            await self._patiently(job, timeout, watching)
        except ExportEndedBadly as failure:
            return await self._otherwise(wanted, folder, failure)
        return await self.fetched(job, folder / f"{wanted.stem}-{job}.zip", wanted, watching=watching)

    async def fetched(
        self, job: str, target: Path, wanted: Wanted | None = None, *, watching: Watching = _QUIET
    ) -> Exported:
        """Return the package of a job that is done, at `target` and in the form that is wanted."""
        path = await self.download(job, target, watching=watching)
        found = await in_thread(packages.inspect, path)
        if wanted is not None:
            path = await in_thread(_rendered, path, wanted)
        return Exported(path, "job", job, len(found.steps), sum(step.unresolved for step in found.steps))

    async def _patiently(self, job: str, timeout: float | None, watching: Watching) -> None:
        first = sharedo.DEADLINE_SECONDS if timeout is None else timeout
        try:
            await self.wait(job, timeout=first, watching=watching)
        except WaitTimeout:
            if timeout is not None:
                raise
            await self.wait(job, timeout=2 * first, watching=watching)

    async def _otherwise(self, wanted: Wanted, folder: Path, failure: ExportEndedBadly) -> Exported:
        if wanted.kind != "worktype":
            raise failure
        try:
            answer = await self.at_once(wanted)
        except LadingError as second:
            raise RecoveryFailed(
                f"{failure.message} The route that needs no job failed, too: {second.message}", (failure, second)
            ) from second
        path = await in_thread(_document, folder / f"{wanted.stem}.json", answer, wanted)
        return Exported(path, "at_once", None, causes=(failure,))


def _rendered(path: Path, wanted: Wanted) -> Path:
    return rendering.render(path, form=wanted.form, compression=wanted.compression)


def _document(path: Path, answer: Any, wanted: Wanted) -> Path:
    return rendering.document(path, answer, compression=wanted.compression)


def _anything(value: Any) -> Any:
    return value


def _checked(job: str) -> str:
    if not sharedo.is_job(job):
        raise InvalidInput.field("job", f"{job[:60]!r} is no id of a remote job; copy it again.")
    return job
