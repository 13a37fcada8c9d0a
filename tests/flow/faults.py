"""
Faults for flow tests: a link to the database that breaks at one commit, and a server that can be killed.

The link is a Unix socket in front of the server's.  Armed with a word, it drops the connection of the first transaction
that sends this word: instead of bringing its COMMIT to the server, or the answer to it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from psycopg.conninfo import conninfo_to_dict

from lading.db.embedded import EmbeddedServer

_SOCKET = ".s.PGSQL.5432"


@dataclass
class Link:
    """A way to the database; `url` leads over it."""

    url: str
    upstream: str
    word: bytes | None = None
    is_cut_before: bool = False
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def lose_the_answer_to(self, word: str) -> None:
        """Drop the connection of the next transaction that sends `word`, after its commit and before the answer."""
        self._arm(word, is_cut_before=False)

    def cut_before_the_commit_of(self, word: str) -> None:
        """Drop the connection of the next transaction that sends `word`, before its commit reaches the server."""
        self._arm(word, is_cut_before=True)

    def _arm(self, word: str, *, is_cut_before: bool) -> None:
        self.word, self.is_cut_before = word.encode(), is_cut_before
        self.lost.clear()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        try:
            upstream_reader, upstream_writer = await asyncio.open_unix_connection(self.upstream)
        except OSError:
            writer.close()
            return
        passage = _Passage(self)
        ways = [
            asyncio.create_task(passage.there(reader, upstream_writer)),
            asyncio.create_task(passage.back(upstream_reader, writer)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, upstream_writer):
            end.close()


@dataclass
class _Passage:
    link: Link
    is_marked: bool = False
    is_committing: bool = False

    async def there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if self.link.word is not None and self.link.word in data:
                self.link.word, self.is_marked = None, True
            if self.is_marked and b"COMMIT" in data:
                if self.link.is_cut_before:
                    self.link.lost.set()
                    return
                self.is_committing = True
            writer.write(data)
            await writer.drain()

    async def back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if self.is_committing:
                self.link.lost.set()
                return
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def link(url: str) -> AsyncIterator[Link]:
    """Open a link to the server of `url`."""
    folder = tempfile.mkdtemp(prefix="lading-link-")
    parts = conninfo_to_dict(url)
    made = Link(url.partition("?")[0] + f"?host={folder}&port=5432", f"{parts['host']}/{_SOCKET}")
    server = await asyncio.start_unix_server(made.carry, f"{folder}/{_SOCKET}")
    try:
        yield made
    finally:
        server.close()
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


@contextmanager
def own_server() -> Iterator[EmbeddedServer]:
    """Start a PostgreSQL that the test may kill."""
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def kill(server: EmbeddedServer) -> None:
    """End every process of the server with SIGKILL, as a power cut would."""
    assert server.pid is not None
    leader = psutil.Process(server.pid)
    everybody = [leader, *leader.children(recursive=True)]
    for process in everybody:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(everybody)  # a connection breaks when its own process has ended, not the first one
