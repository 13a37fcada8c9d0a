"""`lading up`: database, API and workers in one supervised tree, until Ctrl-C."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from lading import settings as configuration
from lading.settings import Settings

_USUAL_PORT: Final = 8080


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen (LADING_HOST, 127.0.0.1).")
@click.option("--port", type=int, metavar="PORT", help="Port to listen on, 0 for any free one (LADING_PORT, 8080).")
@click.option("--workers", type=click.IntRange(1, 64), metavar="N", help="Worker processes (LADING_WORKERS, 2).")
@click.option("--data-dir", type=click.Path(path_type=Path), metavar="DIR", help="Data (LADING_DATA_DIR, ./.lading).")
@click.option("--new-admin-token", is_flag=True, help="Mint another admin token and show it.")
@click.option("--no-token", is_flag=True, hidden=True, help="Leave the first admin token to the next start.")
def command(  # noqa: PLR0917 - click passes them by name
    host: str | None,
    port: int | None,
    workers: int | None,
    data_dir: Path | None,
    new_admin_token: bool,
    no_token: bool,
) -> None:
    """
    Run Lading on this machine: PostgreSQL, API server and workers.

    Data lies in ./.lading; with LADING_DATABASE_URL that PostgreSQL is used instead of the embedded one.
    Ctrl-C lets running exports reach a checkpoint and stops everything; a second Ctrl-C kills.

    Example: lading up --port 8090 --workers 4
    """
    given = {"host": host, "port": port, "workers": workers, "data_dir": data_dir and data_dir.expanduser().resolve()}
    settings = configuration.from_environment()
    settings = replace(settings, **{name: value for name, value in given.items() if value is not None})
    if new_admin_token and _is_running(settings):
        asyncio.run(_mint_beside(settings))
    else:
        asyncio.run(_up(settings, new_token=new_admin_token, no_token=no_token))


def _is_running(settings: Settings) -> bool:
    from lading.db.directory import owner

    return owner(settings.data_dir) is not None


async def _mint_beside(settings: Settings) -> None:
    from lading.wiring import admin, database

    _show(await admin.another_token(database.url_of_running(settings)))


async def _up(settings: Settings, *, new_token: bool, no_token: bool) -> None:
    from lading.wiring import admin, tree

    try:
        async with tree.running(settings, say=_say) as running:
            mint = admin.another_token if new_token else admin.first_token
            token = None if no_token else await mint(running.database_url)
            _say(f"Lading runs on {running.url} with {settings.workers} workers; data is in {settings.data_dir}.")
            if token is not None:
                _show(token, url=None if settings.port == _USUAL_PORT else running.url)
            _say("Ctrl-C lets running exports reach a checkpoint and stops everything.")
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        _say("Lading has stopped.")  # the first signal; everything was drained on the way here


def _show(token: str, *, url: str | None = None) -> None:
    _say("Admin token, shown this once (`lading up --new-admin-token` makes another):")
    _say(f"  {token}")
    _say("Use it:")
    _say(f"  export LADING_TOKEN={token}")
    if url is not None:
        _say(f"  export LADING_URL={url}")
    _say("and name the organisation to act for with LADING_TENANT or --tenant.")


def _say(line: str) -> None:
    try:
        click.echo(line)
    except OSError:
        return  # whoever read this has gone; that stops no export
