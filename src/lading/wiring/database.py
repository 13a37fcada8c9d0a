"""The database of a process tree: embedded and kept alive by us, or somebody else's that has to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from lading.db.directory import owner
from lading.db.embedded import EmbeddedServer
from lading.db.migrate import migrate
from lading.errors import DatabaseUnavailable, EnvironmentUnfit, LadingError
from lading.settings import Settings

_LOOK_SECONDS: Final = 0.2
_ASK_SECONDS: Final = 0.03
_PATIENCE_SECONDS: Final = 60.0
_LONGEST_PAUSE_SECONDS: Final = 30.0


def embedded(settings: Settings) -> EmbeddedServer:
    """Return the embedded server of a data directory, running or not."""
    return EmbeddedServer(settings.data_dir / "pg")


def url_of_running(settings: Settings) -> str:
    """Return the URL of the database that a tree on these settings uses; EnvironmentUnfit when it is none."""
    if settings.database_url is None:
        return embedded(settings).url()
    _check_address(settings.database_url)
    return settings.database_url


def url_for_another_process(settings: Settings) -> str:
    """Return the URL of the database for a process that joins; EnvironmentUnfit when no tree runs there."""
    if settings.database_url is None and owner(settings.data_dir) is None:
        raise EnvironmentUnfit(
            f"No Lading runs on {settings.data_dir}; "
            "start `lading up` there, or set LADING_DATABASE_URL or LADING_DATA_DIR."
        )
    return url_of_running(settings)


class OwnServer:
    """The embedded server, started again when it dies; to be used from the main thread."""

    def __init__(self, server: EmbeddedServer, say: Callable[[str], None]) -> None:
        self.server: Final = server
        self._say: Final = say
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the server, return when it answers, and keep it alive from then on."""
        self.server.launch()  # not in a thread: the kernel ties the server to the thread that starts it
        await self._until_it_answers()
        self._keeping = asyncio.create_task(self._keep())

    async def leave(self, *, at_once: asyncio.Event) -> None:
        """Stop the server; without writing caches back as soon as `at_once` is set."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        self.server.ask_to_stop()
        while self.server.pid is not None:
            if at_once.is_set() or loop.time() > deadline:
                self.server.ask_to_stop(at_once=True)
            await asyncio.sleep(_ASK_SECONDS)

    async def _until_it_answers(self) -> None:
        while not await asyncio.to_thread(self.server.answers):  # noqa: ASYNC110 - readiness is asked for
            await asyncio.sleep(_ASK_SECONDS)

    async def _keep(self) -> None:
        failures = 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if self.server.pid is not None:
                continue
            self._say("The database ended; it starts again.")
            try:
                self.server.launch()
                await self._until_it_answers()
                failures = 0
            except LadingError as error:
                failures += 1
                pause = min(_LONGEST_PAUSE_SECONDS, 0.2 * 2**failures)
                self._say(f"{error.message} The next try is in {pause:g} s.")
                await asyncio.sleep(pause)


async def bring_forward(url: str) -> None:
    """Migrate the database; every reason why that can't be is one sentence."""
    _check_address(url)
    try:
        await migrate(url)
    except psycopg.errors.InsufficientPrivilege as error:
        raise EnvironmentUnfit(
            f"The user of LADING_DATABASE_URL may not set up the database ({_first_line(error)}); "
            "give it CREATEROLE and make it the owner of the database."
        ) from error
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"The database could not be brought forward: {_first_line(error)}. Mend that; nothing was changed."
        ) from error


def _check_address(url: str) -> None:
    # An @ or / that is not encoded cuts the password in two, and its rest is taken, and shown, as host or database.
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # libpq's own sentence quotes the address, which may hold a password
        parts = {"port": "unreadable"}
    shown = f"{parts.get('host')}{parts.get('dbname')}"
    if "@" in shown or not str(parts.get("port") or 5432).replace(",", "").isdecimal():
        raise EnvironmentUnfit(
            "LADING_DATABASE_URL can't be read as an address; write postgresql://user:password@host:5432/database, "
            "with %40 for an @ and %2F for a / in the password."
        )


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
