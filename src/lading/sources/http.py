"""
APIs over HTTP as a source: JSON, page by page, called through the guard and within the limits of the source.

How pages follow each other is an option of the source (`http_site`), what is asked for stands in the profile
(`request`).  A trial asks for one page.  Light: the API of Lading tries sources, and reads none.
"""

from __future__ import annotations

import base64
import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.errors import SourceError, SourceRefused
from lading.sources import credentials, http_pages, http_site
from lading.sources.guarded import Door
from lading.sources.http_calls import Caller
from lading.sources.model import Check, Source
from lading.sources.outside import Outside

if TYPE_CHECKING:  # reading loads what a trial must not
    from lading.sources.connector import Reading

_CARRIED: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def connector(source: Source, scratch: Path | None, outside: Outside) -> HttpConnector:
    """Return the connector of an API."""
    return HttpConnector(source, scratch, outside)


class HttpConnector:
    """A registered API."""

    def __init__(self, source: Source, scratch: Path | None, outside: Outside) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._outside: Final = outside
        self._site: Final = http_site.parse(source.options)

    @contextmanager
    def open(self) -> Iterator[Reading]:
        """Make ready; the API is asked when rows are."""
        secret = shown(self._source, self._site)
        reading: Any = importlib.import_module("lading.sources.http_reading")

        def caller() -> tuple[Caller, Door]:
            door = self._door()
            return Caller(self._site, door, self._outside, secret), door

        yield reading.HttpReading(self._source, self._site, self._scratch, caller, outside=self._outside)

    def trial(self) -> list[Check]:
        """Ask for one page."""
        site, door = self._site, self._door()
        try:
            caller = Caller(site, door, self._outside, shown(self._source, site))
            target = self._source.options.get("test_path", "")
            turner = http_pages.Turner(site, target)
            answer = caller.fetch_now(turner.first(), is_anything_fine=not target)
            found = [Check("connection", is_ok=True, detail=f"The API at {site} answers ({answer.status}).")]
            if not target:
                return [*found, _UNTRIED]
            return [*found, _page(site, caller, turner, answer)]
        finally:
            door.close()

    def _door(self) -> Door:
        return Door(self._site.origin, self._outside.networks, self._outside.resolve)


_UNTRIED: Final = Check(
    "page", is_ok=True, detail="No page was tried; the option test_path, such as /items, says which one to try."
)


def _page(site: http_site.Site, caller: Caller, turner: http_pages.Turner, answer: Any) -> Check:
    try:
        body = caller.body(answer, page=1)
        rows = http_pages.rows_of(body, site.rows, refuse=lambda said: caller.refuse(1, said)) if body else []
        more = turner.next(body, answer.headers, rows=rows, digest=b"")
    except SourceError as error:
        return Check("page", is_ok=False, detail=error.message)
    further = "and tells where the next is" if more is not None else "and is the last"
    return Check("page", is_ok=True, detail=f"The first page has {len(rows)} rows {further}.")


def shown(source: Source, site: http_site.Site) -> list[tuple[str, str]]:
    """Return the headers that show the secret of a source, as its option auth says."""
    if source.credentials_ref is None:
        return []
    secret = credentials.of(source)
    if site.auth == "basic":
        if ":" not in secret:
            raise SourceRefused("The source's credentials must read user:password; correct what is stored there.")
        return [("Authorization", "Basic " + base64.b64encode(secret.encode()).decode("ascii"))]
    if not _CARRIED.fullmatch(secret):
        raise SourceRefused(
            "The source's credentials hold a character that no header can carry; correct what is stored there."
        )
    if site.auth == "bearer":
        return [("Authorization", f"Bearer {secret}")]
    return [(site.auth.removeprefix("header:"), secret)]
