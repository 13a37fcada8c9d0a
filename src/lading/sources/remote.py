"""
Remote export servers as a source: one is told to export a thing of configuration, and its package is what is read.

Rows are the things in the package, and the package itself can go along with them.  A trial fetches a token and asks
once.  Light: the API of Lading tries sources, and reads none.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lading.sources import credentials, remote_site
from lading.sources.model import Check, Source
from lading.sources.outside import Outside
from lading.sources.remote_calls import Asker, Gone
from lading.wire import sharedo

if TYPE_CHECKING:  # reading loads what a trial must not
    from lading.sources.connector import Reading

_NOBODYS: Final = "00000000-0000-0000-0000-000000000000"


def connector(source: Source, scratch: Path | None, outside: Outside) -> RemoteConnector:
    """Return the connector of a server."""
    return RemoteConnector(source, scratch, outside)


class RemoteConnector:
    """A registered server."""

    def __init__(self, source: Source, scratch: Path | None, outside: Outside) -> None:
        self._source: Final = source
        self._scratch: Final = scratch
        self._outside: Final = outside
        self._site: Final = remote_site.parse(source.options)

    @contextmanager
    def open(self) -> Iterator[Reading]:
        """Make ready; the server is asked when rows are. Whoever leaves by a cancelled export cancels its job."""
        secret = credentials.of(self._source)
        module: Any = importlib.import_module("lading.sources.remote_reading")

        def asker(outside: Outside) -> Asker:
            return Asker(self._site, outside, secret)

        reading = module.RemoteReading(self._source, self._site, self._scratch, asker, outside=self._outside)
        try:
            yield reading
        except BaseException:
            reading.abandon()
            raise

    def trial(self) -> list[Check]:
        """Fetch a token, and ask after a job that is nobody's."""
        asker = Asker(self._site, self._outside, credentials.of(self._source))
        try:
            _through(asker.answer("GET", sharedo.progress_path(_NOBODYS)))
        except Gone:
            pass  # it knows us, and knows that there is no such job
        finally:
            asker.close()
        return [Check("connection", is_ok=True, detail=f"The server at {self._site} answers, and takes our token.")]


def _through(waiting: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(waiting)
        except StopIteration as ended:
            return ended.value
