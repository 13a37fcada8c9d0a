"""Audit bundles through the API: ask for a span of the ledger, wait for its file, fetch it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from lading import ids
from lading.client.aio.download import download
from lading.client.aio.session import Session, clock
from lading.client.partial import Version
from lading.client.polling import ENDED, LOOK_SECONDS
from lading.errors import ExportEndedBadly, NotFound, WaitTimeout
from lading.wire.bundles import Bundle, BundlePage, BundleRequest

_BASE: Final = "/api/v1/bundles"
_PAGE: Final = 50
DEADLINE_SECONDS: Final = 3600.0


class Bundles:
    """The audit bundles of one tenant."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        *,
        since: str | None = None,
        until: str | None = None,
        export: str | None = None,
        job: str | None = None,
        with_artifacts: bool = False,
        with_disclosures: bool = False,
        idempotency_key: str | None = None,
    ) -> Bundle:
        """
        Ask for a bundle and return it as it was accepted.

        `since` and `until` are an index, a day or an instant, `since` also `previous`; BundleRequest says more.
        """
        key = idempotency_key or ids.show("idm", ids.new())
        request = BundleRequest(since, until, export, job, with_artifacts, with_disclosures)
        body = {name: value for name, value in asdict(request).items() if value is not None}
        response = await self._session.call("POST", _BASE, body=body, idempotency_key=key)
        return self._session.read(Bundle, response)

    async def get(self, bundle_id: str) -> Bundle:
        """Return the bundle as it is now."""
        return await self._session.fetch(Bundle, "GET", _path(bundle_id))

    async def page(self, *, limit: int = _PAGE, cursor: str | None = None) -> BundlePage:
        """Return one page, newest first."""
        return await self._session.fetch(BundlePage, "GET", _BASE, query={"limit": limit, "cursor": cursor})

    async def list(self) -> AsyncIterator[Bundle]:
        """Yield every bundle, newest first, page after page."""
        query: dict[str, Any] = {"limit": _PAGE}
        while True:
            page = await self._session.fetch(BundlePage, "GET", _BASE, query=query)
            for bundle in page.items:
                yield bundle
            if page.next_cursor is None:
                return
            query["cursor"] = page.next_cursor

    async def wait(
        self,
        bundle_id: str,
        *,
        timeout: float | None = DEADLINE_SECONDS,
        on_progress: Callable[[Bundle], None] | None = None,
    ) -> Bundle:
        """Return the bundle once it has ended, however it ended; WaitTimeout after `timeout` seconds (None: never)."""
        until = None if timeout is None else clock() + timeout
        while True:
            left = LOOK_SECONDS if until is None else until - clock()
            hold = max(0.0, min(LOOK_SECONDS, left))
            began = clock()
            response = await self._session.call(
                "GET", _path(bundle_id), query={"wait": f"{hold:.1f}"}, hold_seconds=hold
            )
            bundle = self._session.read(Bundle, response)
            if on_progress is not None:
                on_progress(bundle)
            if bundle.status in ENDED:
                return bundle
            if until is not None and clock() >= until:
                raise WaitTimeout(
                    f"{bundle_id} did not end within {timeout:g} seconds; it goes on. "
                    f"Fetch it later with: lading bundle download {bundle_id}"
                )
            if clock() - began < 1.0:  # the server, or a proxy, does not hold looks
                await self._session.rest(1.0)

    async def result(self, bundle_id: str, *, timeout: float | None = DEADLINE_SECONDS) -> Bundle:
        """Return the bundle once it is completed; ExportEndedBadly says why it is not."""
        return completed(await self.wait(bundle_id, timeout=timeout))

    async def download(
        self, bundle: Bundle, target: Path, *, on_bytes: Callable[[int, int | None], None] | None = None
    ) -> Path:
        """Return `target` once it is the bundle's file, whole and checked, going on where an earlier one broke."""
        if bundle.file is None:
            raise NotFound(f"The bundle {bundle.id} is {bundle.status}; it has no file.")
        wanted = Version(size=bundle.file.size, sha256=bundle.file.sha256)
        return await download(self._session, _path(bundle.id, "content"), target, wanted=wanted, on_bytes=on_bytes)


def completed(bundle: Bundle) -> Bundle:
    """Return `bundle` if it is completed; ExportEndedBadly says why it is not."""
    if bundle.status == "completed":
        return bundle
    if bundle.error is not None:
        raise ExportEndedBadly(f"{bundle.id} {bundle.status}: {bundle.error.message}")
    raise ExportEndedBadly(f"{bundle.id} is {bundle.status}; it hands out no file.")


def _path(*parts: str) -> str:
    return "/".join((_BASE, *(quote(part, safe="") for part in parts)))
